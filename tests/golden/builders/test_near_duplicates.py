"""The filter `near_duplicates` at its edges."""

import pytest
from tiny_rows import CAT, ENG, SPA, chat, pair, text

from polydistill.builders import Filter, near_duplicates
from polydistill.builders.near_duplicates import NearDuplicates
from polydistill.near import Near
from polydistill.records import Row

TEN = "uno dos tres cuatro cinco seis siete ocho nueve diez"


def reasons(one: Filter, *rows: Row) -> list[str]:
    return [row.rejected for row in one(rows)]


def test_what_says_almost_the_same_is_out_by_kind_and_language():
    asked = "why do the rivers of this country always run down to the sea"
    rows = [
        chat("a", ENG, asked, "So."), chat("b", ENG, f"{asked.capitalize()}?", "Other."), chat("b", SPA, asked, "Así."),
        chat("c", ENG, "what is good bread made of at home", "So."), text("t", asked), text("u", asked),
        pair("p", "other", asked), pair("r", asked, "another", CAT),
    ]  # fmt: skip
    assert reasons(NearDuplicates(), *rows) == ["", "near_duplicate", "", "", "", "near_duplicate", "", ""]


def test_the_threshold_decides():
    one, other = "a b c d e f g h i j", "a b c d e f g h i k"  # 9 of 13 word pairs shared, ends included
    assert reasons(NearDuplicates(threshold=0.9), text("t", one), text("u", other)) == ["", ""]
    assert reasons(NearDuplicates(threshold=0.4), text("t", one), text("u", other)) == ["", "near_duplicate"]


def test_one_memory_a_kind_and_language(monkeypatch: pytest.MonkeyPatch):
    """Making one takes longer than judging many rows."""
    made = []
    monkeypatch.setattr(near_duplicates, "Near", lambda threshold: made.append(threshold) or Near(threshold))
    rows = [chat(f"q{number}", lang, f"what is {number}?", "So.") for number in range(20) for lang in (ENG, SPA)]
    assert len(reasons(NearDuplicates(), *rows)) == 40
    assert made == [0.8, 0.8]
