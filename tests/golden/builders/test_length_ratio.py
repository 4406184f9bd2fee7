"""The filter `length_ratio` at its edges."""

import pytest
from tiny_rows import pair

from polydistill.builders import Filter
from polydistill.builders.length_ratio import LengthRatio
from polydistill.records import Row

TEN = "uno dos tres cuatro cinco seis siete ocho nueve diez"


def reasons(one: Filter, *rows: Row) -> list[str]:
    return [row.rejected for row in one(rows)]


@pytest.mark.parametrize(
    ("one", "other", "reason"),
    [
        (10, 30, ""), (10, 31, "length_ratio"), (31, 10, "length_ratio"), (1, 20, ""), (1, 21, "length_ratio"),
        (0, 21, "length_ratio"), (0, 0, ""),
    ],
)  # fmt: skip
def test_sides_of_very_different_length_are_no_translation(one: int, other: int, reason: str):
    assert reasons(LengthRatio(), pair("p", "a" * one, "b" * other)) == [reason]


def test_lengths_are_bytes():
    assert reasons(LengthRatio(), pair("p", "a" * 11, "я" * 16)) == [""]  # 32 bytes
    assert reasons(LengthRatio(), pair("p", "a" * 10, "я" * 16)) == ["length_ratio"]
    assert reasons(LengthRatio(most=4), pair("p", "a" * 10, "я" * 16)) == [""]
