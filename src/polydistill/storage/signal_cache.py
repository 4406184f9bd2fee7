"""What a teacher said of each row, kept on disk row by row.

A folder: ``about.json`` states what it keeps, ``rows-*.bin`` hold the rows. Each process that writes appends to a file of its
own, so that several may work at once and none is ever in the way of another; each batch is on the disk when `put` returns. A
row is a key, its length, two checksums and its bytes: one that a kill or a full disk left half written, or that was damaged
later, is left out when the folder is read, and captured again.
"""

import json
import os
import socket
import struct
import zlib
from collections.abc import Mapping
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from .. import progress
from .files import make_folder, sync, write_json

HEAD = struct.Struct("<16sIII")
"""A row's key, the length and the CRC-32 of its bytes, and the CRC-32 of these three."""
ABOUT = "about.json"


class Place(NamedTuple):
    """Where a row's bytes are."""

    path: Path
    offset: int
    length: int
    crc: int


class SignalCache:
    """Bytes by keys of 16 bytes; a key is a digest of everything that decides them."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._places: dict[bytes, Place] = {}
        self._ends: dict[Path, int] = {}
        self._own: tuple[Path, BinaryIO] | None = None
        self.look()

    def __contains__(self, key: bytes) -> bool:
        return key in self._places

    def look(self) -> None:
        """Finds what is there, and what has come since the last look."""
        for path in sorted(self.folder.glob("rows-??????-*.bin")):
            with path.open("rb") as file:
                self._ends[path] = self._scan(path, file, self._ends.get(path, 0))

    def _scan(self, path: Path, file: BinaryIO, offset: int) -> int:
        """Takes in the rows of a file from an offset on; where the last whole one ends."""
        size, damaged = path.stat().st_size, 0
        file.seek(offset)
        while len(head := file.read(HEAD.size)) == HEAD.size:
            key, length, crc, of_head = HEAD.unpack(head)
            if zlib.crc32(head[:-4]) != of_head:  # nothing after it can be found
                damaged += size - offset
                offset = size
                break
            if offset + HEAD.size + length > size:  # it is being written, or whoever wrote it is gone
                break
            if zlib.crc32(file.read(length)) == crc:
                self._places.setdefault(key, Place(path, offset + HEAD.size, length, crc))
            else:
                damaged += length
            offset += HEAD.size + length
        if damaged:
            progress.say(f"{path}: {damaged:,} bytes are not what was written; what they held is captured again")
        return offset

    def read(self, key: bytes) -> bytes:
        """What is kept under a key.

        Raises:
            OSError: it is not what was written any more.
        """
        path, offset, length, crc = self._places[key]
        with path.open("rb", buffering=0) as file:
            data = os.pread(file.fileno(), length, offset)
        if zlib.crc32(data) != crc:
            raise OSError(f"{path} has changed while it was used; the same command captures again what is damaged")
        return data

    def put(self, values: Mapping[bytes, bytes]) -> None:
        """Keeps these; when it returns they are on the disk.

        Raises:
            OSError: they cannot be written; what was kept before still is.
        """
        if self._own is None:
            self._own = self._begun()
        path, file = self._own
        try:
            for key, data in values.items():
                head = HEAD.pack(key, len(data), zlib.crc32(data), 0)[:-4]
                file.write(head + zlib.crc32(head).to_bytes(4, "little") + data)
            file.flush()
            os.fsync(file.fileno())
        except OSError as error:
            raise OSError(f"{path} cannot be written: {error}; make room if its disk is full") from error

    def _begun(self) -> tuple[Path, BinaryIO]:
        """A file of this process's own; it comes after all that are there."""
        make_folder(self.folder)
        numbers = (int(path.name.split("-")[1]) for path in self.folder.glob("rows-??????-*.bin"))
        for number in count(max(numbers, default=-1) + 1):
            path = self.folder / f"rows-{number:06d}-{socket.gethostname()}-{os.getpid()}.bin"
            with suppress(FileExistsError):
                file = path.open("xb")
                sync(self.folder)
                return path, file
        raise AssertionError("there is always another number")

    def close(self) -> None:
        """Ends writing; reading goes on."""
        if self._own is not None:
            with suppress(OSError):  # what a full disk did not take, of which `put` has told
                self._own[1].close()
            self._own = None


def about(folder: Path) -> dict[str, Any] | None:
    """What a folder states that it keeps; None where it states nothing.

    Raises:
        OSError: the statement cannot be read.
    """
    try:
        found = json.loads((folder / ABOUT).read_text("utf-8"))
        if isinstance(found, dict):
            return found
    except FileNotFoundError:
        return None
    except ValueError:
        pass
    raise OSError(f"{folder / ABOUT} is damaged; move {folder} away, and its signals are captured again")


def state(folder: Path, about: Mapping[str, Any]) -> None:
    """States what a folder keeps."""
    write_json(folder / ABOUT, about)
