"""Starts the ranks of one training, as torchrun does, and says in a sentence how one of them ended."""

import sys


def main() -> None:
    """The command line of torchrun."""
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.run import main as start

    try:
        start(sys.argv[1:])
    except ChildFailedError as error:
        rank, failure = error.get_first_failure()
        code = failure.exitcode
        # A rank that ended by itself has said why.
        if code < 0:
            sys.stderr.write(f"train: rank {rank} was killed by signal {-code}{', perhaps for memory' if code == -9 else ''}\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
