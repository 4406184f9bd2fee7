"""Each filter at its edges."""

import pytest
from tiny_rows import CAT, ENG, SPA, chat, names_in, pair, text

from polydistill.builders import Filter, near_duplicates
from polydistill.builders.copied_source import CopiedSource
from polydistill.builders.evaluation_overlap import EvaluationOverlap
from polydistill.builders.length_ratio import LengthRatio
from polydistill.builders.looping import Looping
from polydistill.builders.near_duplicates import NearDuplicates
from polydistill.builders.wrong_language import WrongLanguage
from polydistill.near import Near
from polydistill.records import Chat, Row, Turn

TEN = "uno dos tres cuatro cinco seis siete ocho nueve diez"


def reasons(one: Filter, *rows: Row) -> list[str]:
    return [row.rejected for row in one(rows)]


# copied_source


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


def test_the_share_that_makes_a_copy():
    row = chat("q", SPA, "a b c d e", "a b c d e f g h i")  # 4 of 8 pairs stand in the question
    assert reasons(CopiedSource(share=0.5), row) == ["copied_source"]
    assert reasons(CopiedSource(share=0.51), row) == [""]
    assert reasons(CopiedSource(share=0), chat("q", SPA, "x", "a b c d")) == ["copied_source"]


# evaluation_overlap


def test_a_run_of_words_that_is_held_out_keeps_a_training_row_out():
    held, train = names_in("test", 1)[0], names_in("train", 1)[0]
    development = names_in("development", 1)[0]
    for name in (held, development):
        rows = [text(name, f"Hoy: {TEN}!"), text(train, f"Ayer, {TEN.upper()}.")]
        assert reasons(EvaluationOverlap(), *rows) == ["", "evaluation_overlap"]
        assert reasons(EvaluationOverlap(n=11), *rows) == ["", ""]
    assert reasons(EvaluationOverlap(), text(train, TEN), text(f"{train}x", TEN)) == ["", ""]
    nine = " ".join(TEN.split()[:9])
    assert reasons(EvaluationOverlap(), text(held, nine), text(train, nine)) == ["", ""]
    assert reasons(EvaluationOverlap(n=9), text(held, nine), pair(train, nine, "x")) == ["", "evaluation_overlap"]


def test_characters_are_counted_twice_where_no_spaces_part_words():
    held, train = names_in("test", 1)[0], names_in("train", 1)[0]
    whole = "山の上にある小さな村には古い寺がひとつある"
    assert reasons(EvaluationOverlap(), text(held, whole), text(train, f"昔{whole[:20]}")) == ["", "evaluation_overlap"]
    assert reasons(EvaluationOverlap(), text(held, whole), text(train, f"昔{whole[:19]}")) == ["", ""]


# length_ratio


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


# looping


def test_a_loop_is_a_run_of_four_words_four_times():
    assert reasons(Looping(), chat("q", ENG, "Why?", "so it is now " * 4)) == ["loop"]
    assert reasons(Looping(), chat("q", ENG, "Why?", "so it is now " * 3)) == [""]
    assert reasons(Looping(), text("q", "so it is now " * 4)) == ["loop"]
    assert reasons(Looping(times=3), chat("q", ENG, "so it is now " * 3, "So.")) == ["loop"]
    assert reasons(Looping(n=5), chat("q", ENG, "Why?", "so it is now " * 4)) == [""]


# near_duplicates


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


# wrong_language


def test_only_what_is_surely_another_language_is_out():
    english = "These are certainly English words, and nobody could take them for anything else at all."
    spanish = "Estas son sin duda palabras españolas, y nadie podría tomarlas por otra cosa en absoluto."
    assert reasons(WrongLanguage(), chat("q", SPA, "¿Qué?", english)) == ["wrong_language"]
    assert reasons(WrongLanguage(), chat("q", ENG, "What?", english)) == [""]
    assert reasons(WrongLanguage(), chat("q", SPA, "¿Qué?", spanish)) == [""]
    assert reasons(WrongLanguage(), chat("q", SPA, "¿Qué?", "Really not sure.")) == [""]
    assert reasons(WrongLanguage(), pair("p", spanish, spanish)) == ["wrong_language"]
    turns = (Turn(role="system", text=english, lang=SPA), *chat("q", SPA, "¿Qué?", spanish).payload.turns)
    assert reasons(WrongLanguage(), chat("q", SPA, "", "").but(payload=Chat(turns=turns))) == [""]
