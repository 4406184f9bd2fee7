"""How long a fastText model's file has to be: the loader itself takes what is missing for zeros, or reads without end.

The layout is that of versions 11 and 12: https://github.com/facebookresearch/fastText/blob/main/src/fasttext.cc
"""

import mmap
import struct
from pathlib import Path

MAGIC = bytes.fromhex("ba164f2f")
"""What every such file begins with."""
CENTROIDS = 256
"""Of each part of a quantised matrix."""


def is_whole(path: Path) -> bool:
    """Whether everything is there that its header, its words and its matrices announce; False for any other file."""
    with path.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            return False
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            try:
                return _Reader(data).end() <= len(data)
            except (struct.error, ValueError):  # it ends within a number, or within a word
                return False


class _Reader:
    """Goes through a file from announcement to announcement."""

    def __init__(self, data: mmap.mmap):
        self.data, self.at = data, 0

    def end(self) -> int:
        """Where the file has to end."""
        self.columns = self.take("2i12id")[2]  # magic, version, arguments
        words, _, _, _, pruned = self.take("3i2q")
        for _ in range(words):
            ended = self.data.find(b"\0", self.at)
            if ended < 0:
                raise ValueError("a word has no end")
            self.at = ended + 1 + 9  # its count and its kind
        self.at += 8 * max(pruned, 0)
        quantised = self.matrix(*self.take("?"))
        self.matrix(*self.take("?"), can_be=quantised)
        return self.at

    def take(self, numbers: str) -> tuple[int, ...]:
        found = struct.unpack_from(f"<{numbers}", self.data, self.at)
        self.at += struct.calcsize(f"<{numbers}")
        return found

    def matrix(self, quantised: bool, can_be: bool = True) -> bool:
        if not (quantised and can_be):
            rows, columns = self.take("2q")
            if rows < 0 or columns != self.columns:
                raise ValueError("a matrix of another shape than the header says")
            self.at += 4 * rows * columns
            return quantised
        norms, rows, columns, codes = self.take("?2qi")
        if rows < 0 or codes < 0 or columns != self.columns:
            raise ValueError("a matrix of another shape than the header says")
        self.at += codes
        self.centroids()
        if norms:
            self.at += rows
            self.centroids()
        return quantised

    def centroids(self) -> None:
        width, _, _, _ = self.take("4i")
        if width < 0:
            raise ValueError("a matrix of no width")
        self.at += 4 * width * CENTROIDS
