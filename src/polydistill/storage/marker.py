"""The marker of a folder that is written once and whole: its files with their checksums, written last."""

from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from .files import file_digest, sync, write_json

MARKER = "whole.json"


class File(BaseModel):
    """A file as it was written."""

    model_config = ConfigDict(extra="forbid")

    sha256: str
    bytes: int


class Marker(BaseModel):
    """What a whole folder holds."""

    model_config = ConfigDict(extra="forbid")

    files: dict[str, File] = Field(min_length=1)
    steps: int = 0
    """Of a checkpoint: how many steps are done."""


def mark(folder: Path, steps: int = 0) -> None:
    """Marks a folder, after every file in it has reached the disk."""
    files = sorted(path for path in folder.iterdir() if path.is_file())
    for path in files:
        sync(path)
    found = {path.name: File(sha256=file_digest(path), bytes=path.stat().st_size) for path in files}
    write_json(folder / MARKER, Marker(files=found, steps=steps).model_dump())


def marker_of(folder: Path) -> Marker | None:
    """What a folder was marked with; None where there is no marker that can be read."""
    try:
        return Marker.model_validate_json((folder / MARKER).read_bytes())
    except (OSError, ValidationError):
        return None


def fault(folder: Path, checksum: Callable[[Path], str] = file_digest) -> str:
    """What is wrong with a folder: the first file that is not as it was marked; empty where it is whole."""
    marker = marker_of(folder)
    if marker is None:
        return "it has no marker of being whole"
    for name, stated in marker.files.items():
        file = folder / name
        if not file.is_file() or file.stat().st_size != stated.bytes or checksum(file) != stated.sha256:
            return f"{name} is not what was written"
    return ""
