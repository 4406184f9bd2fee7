"""A disk that takes no more."""

import resource
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def full(most: int = 4000) -> Iterator[None]:
    """No file of this process may grow beyond ``most`` bytes, so that the system itself refuses to write."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def tmpfs(folder: Path, kilobytes: int) -> Iterator[Callable[..., None]]:
    """A file system in memory, mounted on a folder, and what gives it another size or makes it read-only.

    The test is skipped where none may be mounted.
    """
    folder.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(folder)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("mounting a small disk needs the right to mount")

    def changed(kilobytes: int = kilobytes, read_only: bool = False) -> None:
        options = f"remount,{'ro' if read_only else 'rw'},size={kilobytes}k"
        subprocess.run(["mount", "-o", options, str(folder)], check=True)

    try:
        yield changed
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
