"""A disk of a few kilobytes, or one that can only be read."""

import errno
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tiny_faults import Fault


class Quota:
    """A stub, which needs no rights: `faults/preload.c` counts the bytes that a command writes and refuses more."""

    def __init__(self, folder: Path, kilobytes: int):
        self._folder, self._bytes, self._read_only = folder, kilobytes * 1024, False

    @property
    def fault(self) -> Fault | None:
        """What a command is to be run with."""
        for_good = 1 << 40
        if self._read_only:
            return Fault(self._folder, 1, errno.EROFS, for_good)
        return Fault(self._folder, self._bytes, errno.ENOSPC, for_good, "q")

    def change(self, kilobytes: int = 64_000, read_only: bool = False) -> None:
        self._bytes, self._read_only = kilobytes * 1024, read_only


class Mounted(Quota):
    """A file system of its own, in memory."""

    fault = None  # the system itself refuses

    def change(self, kilobytes: int = 64_000, read_only: bool = False) -> None:
        options = f"remount,{'ro' if read_only else 'rw'},size={kilobytes}k"
        subprocess.run(["mount", "-o", options, str(self._folder)], check=True)


@contextmanager
def small_disk(folder: Path, kilobytes: int, mounts: bool) -> Iterator[Quota]:
    """A small disk at a folder: mounted where that is wanted and allowed, else the stub."""
    folder.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(folder)]
    mounted = False
    with suppress(OSError):
        mounted = mounts and not subprocess.run(command, capture_output=True, check=False).returncode
    try:
        yield (Mounted if mounted else Quota)(folder, kilobytes)
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(folder)], check=True)
