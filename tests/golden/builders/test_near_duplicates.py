"""The filter `near_duplicates` at its edges."""

import random
from itertools import pairwise

import pytest
from datasketch import MinHash, MinHashLSH
from pydantic import ValidationError
from tiny_rows import CAT, ENG, SPA, chat, pair, rival, text

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


def test_pairs_of_answers_go_by_their_question_as_their_chats_do():
    asked = "why do the rivers of this country always run down to the sea"
    chats = [chat("a", SPA, asked, "So."), chat("b", SPA, f"{asked.capitalize()}?", "Other.")]
    rows = [chats[0], rival(chats[0], "x"), chats[1], rival(chats[1], "y")]
    assert reasons(NearDuplicates(), *rows) == ["", "", "near_duplicate", "near_duplicate"]


def test_the_threshold_decides():
    one, other = "a b c d e f g h i j", "a b c d e f g h i k"  # 9 of 13 word pairs shared, ends included
    assert reasons(NearDuplicates(threshold=0.9), text("t", one), text("u", other)) == ["", ""]
    assert reasons(NearDuplicates(threshold=0.4), text("t", one), text("u", other)) == ["", "near_duplicate"]


def test_every_threshold_that_is_allowed_works():
    for threshold in (0, 0.95):
        assert reasons(NearDuplicates(threshold=threshold), text("t", TEN), text("u", TEN)) == ["", "near_duplicate"]
    with pytest.raises(ValidationError, match=r"less than or equal to 0\.95"):
        NearDuplicates(threshold=0.97)


def test_one_memory_a_kind_and_language(monkeypatch: pytest.MonkeyPatch):
    """Making one takes longer than judging many rows."""
    made = []
    monkeypatch.setattr(near_duplicates, "Near", lambda threshold: made.append(threshold) or Near(threshold))
    rows = [chat(f"q{number}", lang, f"what is {number}?", "So.") for number in range(20) for lang in (ENG, SPA)]
    assert len(reasons(NearDuplicates(), *rows)) == 40
    assert made == [0.8, 0.8]


def test_the_same_answers_as_an_index_of_whole_hashes_gives():
    """The index of the library that the hashes are from, which takes some kilobytes a text."""
    draw, known = random.Random(0), [f"w{number}" for number in range(100)]
    said: list[str] = []
    for number in range(400):
        words = draw.choice(said).split() if number % 2 else draw.choices(known, k=draw.randint(1, 30))
        said.append(" ".join(draw.choice(known) if draw.random() < 0.05 else word for word in words))
    for threshold in (0.5, 0.8):
        near, index, found = Near(threshold), MinHashLSH(threshold=threshold, num_perm=64), []
        for number, one in enumerate(said):
            hashed = MinHash(num_perm=64)
            hashed.update_batch([" ".join(two).encode() for two in pairwise(["", *one.split(), ""])])
            found.append(bool(index.query(hashed)))
            if not found[-1]:
                index.insert(str(number), hashed)
        assert [near.seen(one) for one in said] == found
        assert 50 < sum(found) < 250
