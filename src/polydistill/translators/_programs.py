"""Running another program on some bytes: never a shell, never without an end, never more than can be held."""

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

MOST, TIMES = 16 << 20, 64
"""A program may write so many bytes, and so many for each that it was given."""
LAST = 500
"""Characters of what a program says that are repeated."""


class Failed(RuntimeError):
    """A program that ended with an error, took too long or wrote too much, with the last it said."""


def run(command: Sequence[str], given: bytes, seconds: float) -> bytes:
    """What the program writes when it reads these bytes.

    Raises:
        Failed: it ended with an error, not within ``seconds``, or wrote without end. It and what it started are ended then.
    """
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
        )
    except (OSError, ValueError) as error:
        raise Failed(f"{command[0]} cannot be run: {getattr(error, 'strerror', None) or error}") from None
    most, written, said = MOST + TIMES * len(given), bytearray(), bytearray()
    readers = [_started(_take, process, written, most), _started(_last, process, said)]
    _started(_give, process, given)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        raise Failed(f"{' '.join(command)} gave no answer within {seconds:.0f} seconds") from None
    finally:
        _end(process)  # and what it has started, which may hold its output open
        for reader in readers:
            reader.join(10)
    if len(written) > most:
        raise Failed(f"{' '.join(command)} wrote more than {most} bytes for {len(given)}")
    if process.returncode:
        last = _last_line(said) or _last_line(written[-LAST:]) or "it said nothing"
        raise Failed(f"{' '.join(command)} ended with status {process.returncode}: {last}")
    return bytes(written)


def _last_line(text: bytearray) -> str:
    lines = text.decode("utf-8", "replace").strip().splitlines()
    return lines[-1][-LAST:] if lines else ""


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends a program with its whole group, whoever of it still runs."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _started(work: Callable[..., None], *given: Any) -> threading.Thread:
    thread = threading.Thread(target=work, args=given, daemon=True)
    thread.start()
    return thread


def _give(process: subprocess.Popen[bytes], given: bytes) -> None:
    assert process.stdin is not None
    with suppress(OSError), process.stdin as end:  # a program need not read all
        end.write(given)


def _take(process: subprocess.Popen[bytes], into: bytearray, most: int) -> None:
    assert process.stdout is not None
    with process.stdout as end:
        while more := os.read(end.fileno(), 1 << 16):
            into += more
            if len(into) > most:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                return


def _last(process: subprocess.Popen[bytes], into: bytearray) -> None:
    assert process.stderr is not None
    with process.stderr as end:
        while more := os.read(end.fileno(), 1 << 16):
            into += more
            del into[: -4 * LAST]
