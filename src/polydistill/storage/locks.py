"""One runner a folder: locks that the system takes back when their owner dies, however it dies."""

import fcntl
import os
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TextIO

from .. import progress


@contextmanager
def only_runner(folder: Path, part: tuple[int, int] | None = None) -> Iterator[None]:
    """The lock of a folder, or of one part of it (i of N), which several workers may hold side by side.

    Raises:
        RuntimeError: another process holds it; the error says which.
    """
    with ExitStack() as locks:
        locks.enter_context(locked(folder / ".lock", folder.name, shared=part is not None))
        if part:
            locks.enter_context(locked(folder / f".lock-{part[0]}-of-{part[1]}", folder.name))
        yield


@contextmanager
def locked(path: Path, what: str, shared: bool = False) -> Iterator[None]:
    """A lock file for the length of a ``with`` block; it names its owner, and is empty once the owner has left in order."""
    # The file stays: were it removed, one runner could hold the removed file and another a new one of its name.
    with path.open("a+", encoding="utf-8", errors="replace") as lock:
        lock.seek(0)
        owner = lock.read(200).strip()
        try:
            fcntl.flock(lock, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RuntimeError(f"another run is working on {what} ({owner or 'its workers'}); wait for it or stop it") from None
        if shared:  # several hold it; each has the lock of its part beside it
            yield
            return
        if owner:
            progress.say(f"{what}: its last run ({owner}) is gone without an end; going on with what it finished")
        _write(lock, f"host {socket.gethostname()}, process {os.getpid()}, since {time.strftime('%Y-%m-%d %H:%M:%S')}")
        try:
            yield
        finally:
            _write(lock, "")


def _write(lock: TextIO, text: str) -> None:
    try:
        lock.seek(0)
        lock.truncate()
        lock.write(text)
        lock.flush()
    except OSError:  # a full disk: the lock holds without its owner's name
        pass


def held(path: Path) -> TextIO | None:
    """A lock that is removed with what it guards, held until it is closed; None while another process holds it."""
    lock = path.open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(lock.fileno()), path.stat()):
            return lock
    except (BlockingIOError, FileNotFoundError):  # the second: its last holder has just removed it
        pass
    lock.close()
    return None


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Waits until no other process has this lock."""
    with path.open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
