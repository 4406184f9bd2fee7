"""What becomes of an answer that was cut, is empty or finds no room."""

import pytest
from tiny_rows import ENG, chat

from polydistill.answer import AnswerSettings, finish, whole_sentences
from polydistill.engines import Answer
from polydistill.engines.transformers import Transformers
from polydistill.records import Row

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
