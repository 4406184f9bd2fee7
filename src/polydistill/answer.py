"""Stage two: the model answers every question in the rich language; these answers are what is distilled."""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import regex

from . import progress
from .builders import TrainingBuilder
from .engines import Answer, Engine, Sampling
from .paid import PaidEngine, paying
from .records import Chat, Lang, Preference, Row, split_of
from .stage import Rows, map_rows, stage

SHARD_ROWS = 64
_SENTENCE_END = regex.compile(r"[.!?…。！？।؟։።]+[\"'”’»)\]]*(?=\s|$|[^\x00-\u2fff])")


class AnswerSettings(Sampling):
    """How the model answers."""

    by: Literal["model", "references"] = "model"
    """Who answers: the model, or whoever wrote the reference answers that the questions came with."""
    cut: Literal["back", "drop"] = "back"
    """What becomes of an answer that the length limit cut: cut back to its last whole sentence and marked, or dropped."""
    model: Engine
    """The model that answers: the student-to-be itself, or another."""
    rich: Lang
    """The language of questions and answers."""


@stage()
def answer(settings: AnswerSettings, questions: Rows, *, out: Path) -> Rows:
    """One answer a question, in the question's order."""
    if settings.by == "references":
        return map_rows(lambda rows: [referred(row) for row in rows], questions, out, SHARD_ROWS, "questions")
    with paying(settings.model) as engine:
        return map_rows(lambda rows: answer_rows(settings, engine, rows), questions, out, SHARD_ROWS, "questions")


@stage()
def rivals(settings: AnswerSettings, translated: Rows, *, out: Path) -> Rows:
    """The model's own answer to each translated training question, beside the translated answer, which is preferred."""
    with paying(settings.model) as engine:
        return map_rows(lambda rows: rival_rows(settings, engine, rows), translated, out, SHARD_ROWS, "questions")


def wanted(builders: Iterable[TrainingBuilder], settings: AnswerSettings, translated: Rows) -> list[Rows]:
    """The rivals, where one of the builders needs them."""
    return [rivals(settings, translated)] if any(builder.needs_rivals for builder in builders) else []


def rival_rows(settings: AnswerSettings, engine: PaidEngine, rows: list[Row]) -> list[Row]:
    """Pairs of answers; those that got none of the model's are out, with the reason."""
    asked = [row for row in rows if not row.rejected and split_of(row.lineage.question) == "train"]
    return [beside(row, own) for row, own in zip(asked, answer_rows(settings, engine, asked), strict=True)]


def beside(row: Row, own: Row) -> Row:
    """A row's answer, and the model's own as the one that is rejected."""
    text = "" if own.rejected else own.payload.answer.text
    pair = Preference(chat=row.payload.asked, chosen=row.payload.answer.text, rejected=text)
    return row.but(id=f"{row.id}-rival", payload=pair, rejected=own.rejected)


def answer_rows(settings: AnswerSettings, engine: PaidEngine, rows: list[Row]) -> list[Row]:
    """The rows with their answers; those that got none are out, with the reason."""
    author = f"{settings.model.name()} {str(settings.model.identity())[:200]}"
    asked = [row.payload.asked for row in rows]
    fits = [room >= 1 for room in engine.room(asked)]
    answers = iter(engine.tried([chat for chat, fit in zip(asked, fits, strict=True) if fit], settings))
    return [
        finish(row, chat, next(answers), settings, author, engine.template) if fit else row.reject("question_too_long")
        for row, chat, fit in zip(rows, asked, fits, strict=True)
    ]


def referred(row: Row) -> Row:
    """The row with the reference answer it came with; out where it has none."""
    if row.payload.answer is None:
        return row.reject("no_reference")
    return row.but(lineage={"author": row.lineage.author or "reference"})


def finish(row: Row, chat: Chat, given: Answer, settings: AnswerSettings, author: str, template: str) -> Row:
    """A row with an answer that is whole, or rejected."""
    if given.failed:
        progress.say_once(f"answer: a question has no answer, and is left out: {given.failed.why}")
        return row.reject("no_answer")
    text, marks = given.text, row.lineage.marks
    if not given.ended and settings.cut == "back":
        text, marks = whole_sentences(text), (*marks, "cut_back")
    row = row.but(
        payload=chat.answered(text, settings.rich, given.ended or settings.cut == "back"),
        lineage={"author": author, "template": template, "marks": marks},
    )
    if not text:
        nothing = "empty_answer" if given.ended else "question_too_long"  # no room for one token
        return row.reject("no_whole_sentence" if given.text else nothing)
    return row if row.payload.ended else row.reject("cut_answer")


def whole_sentences(text: str) -> str:
    """The text up to the end of its last whole sentence; empty where there is none."""
    ends = [match.end() for match in _SENTENCE_END.finditer(text)]
    # "1." at the end of a cut list begins an item and ends no sentence.
    while ends and regex.search(r"(?:^|\n)\s*\(?\w{1,2}[.)]$", text[: ends[-1]]):
        ends.pop()
    return text[: ends[-1]].rstrip() if ends else ""
