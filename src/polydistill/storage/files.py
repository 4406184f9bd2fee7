"""Files that are whole or absent: written under another name, synced, renamed, their folder synced."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any


@contextmanager
def replacing(path: Path, mode: str = "w") -> Iterator[Any]:
    """Opens a file that appears whole under its name, or not at all."""
    make_folder(path.parent)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open(mode, encoding=None if "b" in mode else "utf-8") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        sync(path.parent)
    except BaseException as error:
        if isinstance(error, OSError) and error.filename is None:  # a full disk does not say where
            error.filename = str(path)
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


def sync(path: Path) -> None:
    """Waits until a file, or a folder's list of names, is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folder(folder: Path) -> None:
    """A folder, with those above it, that is there after a loss of power too."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    sync(folder.parent)


def state_of(path: Path) -> list[int]:
    """Size and time of change of a file: while these stay, its content is taken to stay."""
    state = path.stat()
    return [state.st_size, state.st_mtime_ns]


def enough_disk(folder: Path, wanted: int, what: str) -> None:
    """Refuses to begin what would fill the disk.

    Raises:
        OSError: fewer than ``wanted`` bytes are free.
    """
    free = shutil.disk_usage(folder).free
    if free < wanted:
        raise OSError(
            f"{what} takes up to {wanted / 1e9:.1f} GB in {folder}, and {free / 1e9:.1f} GB are free; "
            "make room or set runs=FOLDER"
        )


def write_json(path: Path, value: Any) -> None:
    with replacing(path) as file:
        json.dump(value, file, ensure_ascii=False, indent=1, allow_nan=False)


def file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
