"""What becomes of an answer that was cut, is empty or finds no room; and answers beside which another is preferred."""

from pathlib import Path

import pytest
from tiny_rows import CAT, ENG, SPA, chat, names_in

from polydistill.answer import AnswerSettings, finish, rivals, wanted, whole_sentences
from polydistill.builders.language_gap_rows import LanguageGapRows
from polydistill.builders.language_pairs import LanguagePairs
from polydistill.engines import Answer
from polydistill.engines.transformers import Transformers
from polydistill.paid import paying
from polydistill.records import Preference, Row
from polydistill.stage import Rows, Workspace, write_shard
from polydistill.stage import finish as close

ROW = chat("q", ENG, "Why?", "")
ASKED = ROW.but(payload=ROW.payload.asked)


def settings(cut: str) -> AnswerSettings:
    return AnswerSettings(cut=cut, model=Transformers(path="m"), rich=ENG)


def finished(text: str, ended: bool, cut: str = "back") -> Row:
    return finish(ASKED, ASKED.payload, Answer(text, ended), settings(cut), "me", "abc")


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("It rains. It sno", "It rains."),
        ("It rains. It snows.", "It rains. It snows."),
        ("It rains! Does it sn", "It rains!"),
        ('He said: "It rains." Then he le', 'He said: "It rains."'),
        ("Pi is 3.14 and e is 2.7", ""),
        ("See example.com for mor", ""),
        ("It rains... and it sn", "It rains..."),
        ("雨が降る。雪が", "雨が降る。"),
        ("वर्षा होती है। फिर", "वर्षा होती है।"),
        ("It rains.\n\n1. Take an umbrella.\n2.", "It rains.\n\n1. Take an umbrella."),
        ("First this.\n2. ", "First this."),
        ("(a.", ""),
        ("no end", ""),
        ("", ""),
    ],
)
def test_an_answer_is_cut_back_to_its_last_whole_sentence(text: str, whole: str):
    assert whole_sentences(text) == whole


def test_an_answer_that_ended_is_kept_as_it_is():
    row = finished("Because", ended=True)
    assert (row.payload.answer.text, row.payload.ended, row.rejected, row.lineage.marks) == ("Because", True, "", ())
    assert (row.lineage.author, row.lineage.template, row.lineage.question) == ("me", "abc", "q")


def test_an_answer_that_was_cut_is_cut_back_and_marked_or_dropped():
    back, drop = finished("It rains. It sno", ended=False), finished("It rains. It sno", ended=False, cut="drop")
    assert (back.payload.answer.text, back.payload.ended, back.rejected, back.lineage.marks) == (
        "It rains.",
        True,
        "",
        ("cut_back",),
    )
    assert (drop.payload.answer.text, drop.payload.ended, drop.rejected) == ("It rains. It sno", False, "cut_answer")


@pytest.mark.parametrize(
    ("text", "ended", "reason"),
    [("", True, "empty_answer"), ("", False, "question_too_long"), ("no end", False, "no_whole_sentence")],
)
def test_an_answer_with_nothing_in_it_is_out(text: str, ended: bool, reason: str):
    assert finished(text, ended).rejected == reason


# Rivals


@pytest.fixture
def translated(space: Workspace) -> Rows:
    """Two training questions in two languages, one of them without a translation, and one that is held out."""
    (one, two), (held,) = names_in("train", 2), names_in("test", 1)
    rows = [
        chat(one, SPA, "the cat?", "Así."), chat(one, CAT, "why not a dog?", "Així."),
        chat(two, SPA, "a bird runs?", "Eso."), chat(two, CAT, "who?", "Això.").reject("loop"), chat(held, SPA, "the?", "Sí."),
    ]  # fmt: skip
    folder = space.root / "stages" / "given"
    folder.mkdir(parents=True)
    write_shard(folder, 0, rows)
    close(folder, {})
    return Rows(folder)


def asked(model: Path, **changes: object) -> AnswerSettings:
    return AnswerSettings(**{"model": Transformers(path=str(model)), "rich": ENG, "max_tokens": 60, **changes})


def test_the_models_own_answers_stand_beside_the_translated_ones(translated: Rows, taught_model: Path):
    given = asked(taught_model)
    found, rows = list(rivals(given, translated)), list(translated)[:3]
    assert [row.id for row in found] == [f"{row.id}-rival" for row in rows]
    with paying(given.model) as engine:
        own = engine.answer([row.payload.asked for row in rows], given)
    assert all(answer.ended for answer in own)
    for row, before, answer in zip(found, rows, own, strict=True):
        assert row.payload == Preference(chat=before.payload.asked, chosen=before.payload.answer.text, rejected=answer.text)
        assert row.lineage == before.lineage
        assert not row.rejected


def test_a_question_that_the_model_did_not_answer_is_out(translated: Rows, taught_model: Path):
    found = list(rivals(asked(taught_model, max_tokens=3), translated))
    assert {(row.rejected, row.payload.rejected) for row in found} == {("no_whole_sentence", "")}


def test_they_are_asked_for_where_they_are_needed_alone(translated: Rows, space: Workspace, taught_model: Path):
    given = asked(taught_model)
    assert wanted([LanguagePairs()], given, translated) == []
    assert space.finished == []
    (found,) = wanted([LanguagePairs(), LanguageGapRows()], given, translated)
    assert (len(found), found.folder.name.split("-")[0]) == (3, "rivals")
