"""Running another program on some bytes: never a shell, never without an end."""

import os
import signal
import subprocess
from collections.abc import Sequence


class Failed(RuntimeError):
    """A program that ended with an error or took too long, with the last it said."""


def run(command: Sequence[str], given: bytes, seconds: float) -> bytes:
    """What the program writes when it reads these bytes.

    Raises:
        Failed: it ended with an error, or not within ``seconds``; it and whatever it started are ended then.
    """
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
        )
    except OSError as error:
        raise Failed(f"{command[0]} cannot be run: {error.strerror}") from None
    try:
        written, said = process.communicate(given, timeout=seconds)
    except subprocess.TimeoutExpired:
        raise Failed(f"{' '.join(command)} gave no answer within {seconds:.0f} seconds") from None
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    if process.returncode:
        last = said.decode("utf-8", "replace").strip()[-500:] or written.decode("utf-8", "replace").strip()[-500:]
        raise Failed(f"{' '.join(command)} ended with status {process.returncode}: {last or 'it said nothing'}")
    return written
