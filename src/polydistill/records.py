"""The few types that everything passes around: languages, rows and what rows hold."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from .langs import Lang

T = TypeVar("T")


class Record(BaseModel):
    """A frozen value that is written as one JSON object."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Turn(Record):
    """One turn of a chat."""

    role: Literal["system", "user", "assistant"]
    text: str
    lang: Lang
    pieces: tuple[str, ...] = ()
    """In translated turns: the text in pieces, one for each piece of the source text (see `guard.split`)."""


class Chat(Record):
    """A conversation. It is a question while its last turn is the user's, and answered when that is the assistant's."""

    type: Literal["chat"] = "chat"
    turns: tuple[Turn, ...]
    ended: bool = True
    """False where the length limit cut the answer off."""
    shown: tuple[Turn, ...] = ()
    """Turns that stand before the chat for a teacher that is shown more; a student does not see them."""

    @property
    def question(self) -> Turn:
        """The last turn of the user."""
        return next(turn for turn in reversed(self.turns) if turn.role == "user")

    @property
    def answer(self) -> Turn | None:
        """The final answer, None while there is none."""
        return self.turns[-1] if self.turns and self.turns[-1].role == "assistant" else None

    @property
    def asked(self) -> "Chat":
        """The same chat without its final answer."""
        return self if self.answer is None else Chat(turns=self.turns[:-1], shown=self.shown)

    @property
    def with_more_shown(self) -> "Chat":
        """The same chat as a teacher reads it that is shown more: a system line, what is shown, and the other turns."""
        first = 1 if self.turns and self.turns[0].role == "system" else 0
        return Chat(turns=(*self.turns[:first], *self.shown, *self.turns[first:]), ended=self.ended)

    def answered(self, text: str, lang: Lang, ended: bool = True, pieces: tuple[str, ...] = ()) -> "Chat":
        """The same chat with this final answer."""
        said = Turn(role="assistant", text=text, lang=lang, pieces=pieces)
        return Chat(turns=(*self.asked.turns, said), ended=ended, shown=self.shown)


class Text(Record):
    """Plain text in one language."""

    type: Literal["text"] = "text"
    text: str
    lang: Lang


class Parallel(Record):
    """The same thing said in two languages by people."""

    type: Literal["parallel"] = "parallel"
    source: str
    target: str
    source_lang: Lang
    target_lang: Lang
    note: str = ""
    """What the pair is, where that matters: ``title``, ``description``, ``paragraph``."""


class Preference(Record):
    """A chosen and a rejected answer to the same chat, both in the language of its question."""

    type: Literal["preference"] = "preference"
    chat: Chat
    chosen: str
    rejected: str

    @property
    def answered(self) -> tuple[Chat, Chat]:
        """The chat with the chosen answer and with the rejected one."""
        lang = self.chat.question.lang
        return self.chat.answered(self.chosen, lang), self.chat.answered(self.rejected, lang)


class Labelled(Record):
    """A question with a known answer, among options where there are any."""

    type: Literal["labelled"] = "labelled"
    question: str
    answers: tuple[str, ...]
    options: tuple[str, ...] = ()
    context: str = ""
    lang: Lang


Payload = Annotated[Chat | Text | Parallel | Preference | Labelled, Field(discriminator="type")]


class Lineage(Record):
    """Where a row comes from; every later row keeps what the earlier ones knew."""

    question: str = ""
    """Id of the question (or page, or paragraph) that all rows made from it share. Splits go by it."""
    source: str = ""
    """Who asked: a source's name, with what it read."""
    author: str = ""
    """Who wrote the answer: an engine's name and the digest of its model."""
    template: str = ""
    """Digest of the chat template the answer was made with."""
    translator: str = ""
    """Who translated: a translator's name and version."""
    builder: str = ""
    """Which builder made the row."""
    marks: tuple[str, ...] = ()
    """What was done to it, such as ``cut_back``."""


class Row(Record):
    """What every stage reads and writes."""

    id: str
    lineage: Lineage
    payload: Payload
    rejected: str = ""
    """Why the row is out; empty while it is in. A rejected row stays in its file, with its reason."""

    def but(self, **changes: Any) -> "Row":
        """A copy with these fields changed; ``lineage`` may be a dict of the fields that change."""
        if isinstance(changes.get("lineage"), dict):
            changes["lineage"] = self.lineage.model_copy(update=changes["lineage"])
        return self.model_copy(update=changes)

    def to_json(self) -> str:
        """One line of JSON, without what is at its default; `Row.model_validate_json` reads it back."""
        written = self.model_dump(exclude_defaults=True)
        written["payload"] = {"type": self.payload.type, **written["payload"]}
        return json.dumps(written, ensure_ascii=False)

    def reject(self, reason: str) -> "Row":
        """A copy that is out, for this reason; the first reason stays."""
        return self if self.rejected else self.but(rejected=reason)


def kept(rows: Iterable[Row]) -> Iterator[Row]:
    """The rows that are still in."""
    return (row for row in rows if not row.rejected)


Split = Literal["train", "development", "test"]


def split_of(question: str) -> Split:
    """The split a question belongs to, from its id alone: 70 % train, 10 % development, 20 % test.

    Growing a run moves nothing across.
    """
    at = int(digest(question), 16) % 100
    return "train" if at < 70 else "development" if at < 80 else "test"


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of ``size`` items in order, the last one shorter."""
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch


def digest(value: Any) -> str:
    """SHA-256 of a value's canonical JSON (sorted keys, UTF-8), 64 hexadecimal digits."""
    return hashlib.sha256(canonical(value).encode("utf-8", "surrogatepass")).hexdigest()


def canonical(value: Any) -> str:
    """JSON that is the same for equal values."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def seed_of(*parts: Any) -> int:
    """A 63-bit seed from whatever names the row; equal on every machine."""
    return int(digest(parts)[:16], 16) >> 1
