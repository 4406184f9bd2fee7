"""Builders: what the student will see, made from what the stages before have found. Filters are builders that reject.

To add one: a file here with one frozen class. `tests/contract/test_builders.py` enrols it.

All builders get the same stream and take from it the payloads they can use: `Chat` rows of one question in every
language, one after the other (rich language first; ``lineage.question`` is equal), after them, where a builder
`TrainingBuilder.needs_rivals`, its `Preference` rows, one for each target language; then `Parallel` and `Text` rows.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import ClassVar

from ..component import Component, contract
from ..prompts import language_name, prompt_language, prompts
from ..records import Lang, Row, kept, seed_of
from ..seen import Seen


@contract
class Builder(Component):
    """Rows in, rows out, lazily; the rows that went in are not changed."""

    @abstractmethod
    def __call__(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Yields new rows (or, for a `Filter`, the same ones, some of them rejected or rewritten)."""

    def check(self, languages: Sequence[Lang]) -> None:
        """Finds what would stop it, before any row is made: a missing file. The rich language comes first."""


class TrainingBuilder(Builder):
    """A builder of training rows: answered chats, pairs of answers, or plain text of which every token is learned.

    Each group of rows has a share of the training tokens.
    """

    needs_rivals: ClassVar[bool] = False
    """Whether it is made of the model's own answers in the target languages, which then are asked for (`answer.rivals`)."""

    @abstractmethod
    def shares(self) -> dict[str, float]:
        """The share of each group this builder makes; ``lineage.builder`` of a row names its group."""


class Filter(Builder):
    """Marks rows that must not be learned from, or rewrites them; it removes none and never brings one back."""

    @abstractmethod
    def judge(self, languages: Sequence[Lang]) -> Callable[[Row], str | Row]:
        """A fresh judge: the reason why a row is out, empty where it may stay, or the row as it may stay.

        It sees the rows in order, once; those that are out already it does not see.

        ``languages`` are the run's, the rich one first; none outside of a run.
        """

    def __call__(self, rows: Iterable[Row], languages: Sequence[Lang] = ()) -> Iterator[Row]:
        judge = self.judge(languages)
        for row in rows:
            said = "" if row.rejected else judge(row)
            yield said if isinstance(said, Row) else row.reject(said) if said else row


def by_question(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """The answered chats of each question in turn, one row a language."""
    chats = (row for row in rows if row.payload.type == "chat" and not row.rejected)
    for _, group in groupby(chats, key=lambda row: row.lineage.question):
        yield list(group)


def crossed(question: Row, answer: Row, builder: str, prompt: str = "answer_in") -> Row:
    """The question of one row with the answer of the other, told which language to answer in.

    ``prompt`` is one of `prompts`; which paraphrase it is, the row's id decides.
    """
    asked = question.payload.question
    reply = answer.payload.answer
    choices = prompts(prompt, asked.lang)
    instruction = choices[seed_of(question.id, builder) % len(choices)]
    named = language_name(reply.lang, prompt_language(prompt, asked.lang))
    text = f"{asked.text.rstrip()} {instruction.format(language=named)}"
    chat = question.payload.asked
    turns = tuple(turn.model_copy(update={"text": text, "pieces": ()}) if turn is asked else turn for turn in chat.turns)
    chat = chat.model_copy(update={"turns": turns}).answered(reply.text, Lang(reply.lang), answer.payload.ended)
    translated = question.lineage.translator or answer.lineage.translator
    return question.but(
        id=f"{question.lineage.question}-{asked.lang}-{reply.lang}", payload=chat,
        lineage={"builder": builder, "translator": translated, "marks": answer.lineage.marks},
    )  # fmt: skip


def by_people(rows: Iterable[Row]) -> Iterator[tuple[Row, str, Lang, bool]]:
    """(row, text, language, whether it is the source side) of plain and parallel text.

    A source that several target languages share comes once.
    """
    sources = Seen()
    for row in kept(rows):
        if row.payload.type == "text":
            yield row, row.payload.text, row.payload.lang, False
        elif row.payload.type == "parallel":
            yield row, row.payload.target, row.payload.target_lang, False
            if sources.add(row.payload.source.encode("utf-8", "surrogatepass")):
                yield row, row.payload.source, row.payload.source_lang, True


def texts_of(row: Row) -> list[tuple[str, Lang]]:
    """Every text that is asked or learned of a row, with the language it is said to be in.

    A rejected answer is neither, and its faults are the reason why it is rejected.
    """
    payload = row.payload
    match payload.type:
        case "chat":
            return [(turn.text, turn.lang) for turn in payload.turns if turn.role != "system"]
        case "text":
            return [(payload.text, payload.lang)]
        case "parallel":
            return [(payload.source, payload.source_lang), (payload.target, payload.target_lang)]
        case "labelled":
            return [(payload.question, payload.lang), *((answer, payload.lang) for answer in payload.answers)]
        case _:
            return [(turn.text, turn.lang) for turn in payload.answered[0].turns if turn.role != "system"]


def one_text(row: Row) -> tuple[str, tuple[str, Lang]] | None:
    """The text by which a row is the same as another: its question, or its authentic text (of a pair the target side).

    With the kind of row and the language, within which it may be; None for other rows.
    """
    payload = row.payload
    match payload.type:
        case "chat":
            return payload.question.text, ("chat", payload.question.lang)
        case "preference":
            return payload.chat.question.text, ("preference", payload.chat.question.lang)
        case "parallel":
            return payload.target, ("parallel", payload.target_lang)
        case "text":
            return payload.text, ("text", payload.lang)
        case _:
            return None
