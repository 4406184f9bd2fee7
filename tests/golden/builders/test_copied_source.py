"""The filter `copied_source` at its edges."""

import pytest
from tiny_rows import SPA, chat, pair, rival

from polydistill.builders import Filter
from polydistill.builders.copied_source import CopiedSource
from polydistill.records import Row

TEN = "uno dos tres cuatro cinco seis siete ocho nueve diez"


def reasons(one: Filter, *rows: Row) -> list[str]:
    return [row.rejected for row in one(rows)]


@pytest.mark.parametrize(
    ("asked", "answer", "reason"),
    [
        ("a b c d", "a b c d", "copied_source"),
        ("a b c d", "A, B - c d!", "copied_source"),
        ("x a b c d y", "a b c d", "copied_source"),
        ("a b c", "a b c", ""),  # too short to say
        ("d c b a", "a b c d", ""),
        ("a b c d", "a b c d e f g h", ""),
    ],
)
def test_a_copy_is_told_by_its_word_pairs(asked: str, answer: str, reason: str):
    assert reasons(CopiedSource(), chat("q", SPA, asked, answer)) == [reason]
    assert reasons(CopiedSource(), pair("q", asked, answer)) == [reason]
    assert reasons(CopiedSource(), rival(chat("q", SPA, asked, answer), "Sí.")) == [reason]
    assert reasons(CopiedSource(), rival(chat("q", SPA, asked, "Sí."), answer)) == [""], "a bad answer is what is rejected"


def test_the_share_that_makes_a_copy():
    row = chat("q", SPA, "a b c d e", "a b c d e f g h i")  # 4 of 8 pairs stand in the question
    assert reasons(CopiedSource(share=0.5), row) == ["copied_source"]
    assert reasons(CopiedSource(share=0.51), row) == [""]
    assert reasons(CopiedSource(share=0), chat("q", SPA, "x", "a b c d")) == ["copied_source"]
