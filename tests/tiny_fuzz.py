"""Chance for a while: changed bytes against a check, what was found before first."""

import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

CORPUS = Path(__file__).parent / "faults" / "corpus"
SECONDS = float(os.environ.get("FUZZ_SECONDS", "4"))
LONG = "FUZZ_SECONDS" in os.environ


class Over(KeyboardInterrupt):
    """The time is. Hypothesis takes it for Ctrl-C and ends at once."""


def fuzz(target: str, strategy: st.SearchStrategy[bytes], check: Callable[[bytes], None]) -> None:
    """Checks the corpus of a target, and then what chance gives until the time is over."""
    for path in sorted((CORPUS / target).glob("*")):
        check(path.read_bytes())
    until = time.monotonic() + SECONDS

    @settings(
        max_examples=1_000_000 if LONG else 4000, deadline=None, database=None,
        derandomize=not LONG,
        suppress_health_check=list(HealthCheck), print_blob=False,
        phases=(Phase.generate, Phase.shrink) if LONG else (Phase.generate,),
    )  # fmt: skip
    @given(strategy)
    def one(content: bytes) -> None:
        if time.monotonic() > until and not failed:
            raise Over
        try:
            check(content)
        except BaseException as error:
            failed.append(content)
            error.add_note(f"with {content!r}")
            raise

    failed: list[bytes] = []
    try:
        one()
    except Over:
        pass
    except BaseException:
        if LONG and failed:  # the last is the smallest
            (CORPUS / target).mkdir(parents=True, exist_ok=True)
            (CORPUS / target / hashlib.sha256(failed[-1]).hexdigest()[:12]).write_bytes(failed[-1])
        raise


def changed(*seeds: bytes) -> st.SearchStrategy[bytes]:
    """Bytes; or one of the seeds, cut into pieces that are left out, repeated, moved, or come with other bytes between them."""
    pieces = sorted({piece for seed in seeds for piece in _pieces(seed)})
    strange = [
        b"\0",
        b"\xff",
        b"\xef\xbb\xbf",
        b"\n",
        b"\r",
        b'"',
        b"\\ud800",
        "\u202e".encode(),
        b"{",
        b"[",
        b"]",
        b"}",
        b"<",
        b"&",
        b"\t",
    ]

    @st.composite
    def splice(draw: st.DrawFn) -> bytes:
        seed = draw(st.sampled_from(seeds))
        for _ in range(draw(st.integers(0, 4))):
            at = draw(st.integers(0, len(seed)))
            gone = draw(st.integers(0, 20))
            seed = seed[:at] + draw(st.sampled_from([*strange, *pieces]) | st.binary(max_size=6)) + seed[at + gone :]
        return seed

    return splice() | st.lists(st.sampled_from([*pieces, *strange]), max_size=12).map(b"".join) | st.binary(max_size=200)


def _pieces(seed: bytes) -> list[bytes]:
    return [seed[at : at + 12] for at in range(0, len(seed), 12)][:60]
