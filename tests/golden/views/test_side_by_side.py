"""Which answers stand in the browser, and how long translations are."""

import json

import pytest
from tiny_scores import answered

from polydistill.evaluators import Item
from polydistill.records import Chat, Lang, Lineage, Row, Turn
from polydistill.views.findings import Change
from polydistill.views.side_by_side import LONGEST, MOST, ROOM, Length, answers, examples, farthest, lengths, shortened, spread

ENG, SPA, CAT = Lang("eng"), Lang("spa"), Lang("cat")


def pair(name: str, lang: Lang, before: list[float], after: list[float]) -> Change:
    return Change(answered(name, lang, before, "old "), answered(name, lang, after, "new "))


def test_a_question_stands_there_once_with_all_its_scores_targets_first():
    changes = [pair("loops", ENG, [1.0], [0.0]), pair("loops", SPA, [0.0], [0.0]), pair("fidelity", SPA, [0.0], [1.0])]
    assert answers(changes, ENG, 5) == [
        {
            "lang": SPA, "prompt": "question 0", "before": "old answer 0", "after": "new answer 0", "reference": "",
            "in": ["", ""], "scores": {"loops": [0.0, 0.0, "neither"], "fidelity": [0.0, 1.0, "gained"]},
        },
        {
            "lang": ENG, "prompt": "question 0", "before": "old answer 0", "after": "new answer 0", "reference": "",
            "in": ["", ""], "scores": {"loops": [1.0, 0.0, "lost"]},
        },
    ]  # fmt: skip


def test_flipped_answers_come_in_before_the_rest_and_stand_in_their_own_order():
    change = pair("x", SPA, [1, 1, 0, 1], [1, 1, 1, 0])
    assert [row["prompt"] for row in answers([change], ENG, 2)] == ["question 2", "question 3"]
    assert [row["prompt"] for row in answers([change], ENG, 3)] == ["question 0", "question 2", "question 3"]


def test_a_score_without_answers_gives_no_rows():
    assert answers([Change(answered("x", SPA, [1.0]), answered("x", SPA, [0.0]))], ENG, 5) == []


def test_reference_and_language_are_taken_from_whichever_score_has_them():
    def one(name: str, **more: str) -> Change:
        item = Item(id="1", value=0.123456, prompt="p", answer="a", **more)
        of = answered(name, SPA, [0.5]).model_copy(update={"items": (item,)})
        return Change(of, of)

    (row,) = answers([one("x"), one("y", reference="r", answered_in="cat")], ENG, 5)
    assert (row["reference"], row["in"]) == ("r", ["cat", "cat"])
    assert row["scores"]["x"] == [0.12, 0.12, ""]


def test_what_is_about_the_identifier_is_no_answer():
    assert answers([pair("identifier_on_people", SPA, [1.0], [1.0])], ENG, 5) == []


def test_of_many_answers_as_many_of_each_score_are_shown_as_there_is_room_for():
    langs = [Lang(code) for code in ("spa", "cat", "glg", "fra", "deu", "ita")]
    changes = [pair(name, lang, [0.0] * 300, [1.0] * 300) for lang in langs for name in ("a", "b")]
    shown = examples(changes, ENG, 300)
    assert (shown.of, shown.each, len(shown.rows)) == (1800, 166, 996)
    assert {row["lang"] for row in shown.rows} == set(langs)
    few = examples(changes[:2], ENG, 100)
    assert (few.of, few.each, len(few.rows), few.longest) == (300, 100, 100, LONGEST)


def test_long_answers_are_cut_until_they_fit():
    said = "न" * 3000
    before, after = (answered("x", SPA, [0.0] * MOST, f"{said} {word} ") for word in ("old", "new"))
    shown = examples([Change(before, after)], ENG, MOST)
    assert len(shown.rows) == MOST
    assert 100 <= shown.longest < 300
    assert {len(row["before"]) for row in shown.rows} == {shown.longest}
    assert all(row["before"].endswith("न…") for row in shown.rows)
    assert len(json.dumps(shown.rows, ensure_ascii=False).encode()) <= ROOM


@pytest.mark.parametrize(("text", "shown"), [("abcd", "abcd"), ("abcde", "abc…"), ("", ""), ("abc…e", "abc…")])
def test_a_text_is_cut_with_a_mark(text: str, shown: str):
    assert shortened(text, 4) == shown


# Lengths


def chat(question: str, *said: str, lang: Lang = ENG, rejected: str = "") -> Row:
    turns = tuple(
        Turn(role=role, text=text, lang=lang) for role, text in zip(("user", "assistant"), said, strict=False)
    )  # fmt: skip
    return Row(id=f"{question}-{lang}", lineage=Lineage(question=question), payload=Chat(turns=turns), rejected=rejected)


def test_every_kept_translation_is_measured_beside_its_source():
    answered_rows = [chat("a", "four", "12345678"), chat("b", "x"), chat("c", "ab", "cd")]
    translated = [
        chat("a", "ab", "123456", lang=SPA), chat("a", "abcd", "1234", lang=CAT), chat("b", "y", lang=SPA, rejected="empty"),
        chat("c", "abc", "", lang=SPA),
    ]  # fmt: skip
    found = lengths(answered_rows, translated)
    assert [(each.source, each.lang, each.role, each.ratio) for each in found] == [
        ("four", SPA, "user", 0.5), ("12345678", SPA, "assistant", 0.75), ("four", CAT, "user", 1.0),
        ("12345678", CAT, "assistant", 0.5), ("ab", SPA, "user", 1.5),
    ]  # fmt: skip
    assert spread(found) == {"Spanish": [0.5, 0.75, 1.5], "Catalan": [1.0, 0.5]}


def test_farthest_are_those_by_factor_from_their_languages_median():
    def length(target: int, lang: Lang) -> Length:
        return Length("x" * 10, "y" * target, lang, "user")

    spanish = [length(n, SPA) for n in (10, 10, 10, 2, 30)]  # factors 5 and 3 from the median
    found = farthest([*spanish, length(40, CAT)], 2)  # alone it is its language's median
    assert [len(each.target) for each in found] == [2, 30]
