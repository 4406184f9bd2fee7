"""The shapes in which people keep questions and answers, told apart by content.

- ``messages``: a list of ``{role, content}`` under ``messages``, ``conversations`` or ``conversation``;
- ``sharegpt``: the same with ``{from, value}``;
- ``alpaca``: ``instruction``, perhaps ``input``, ``output`` and ``system``;
- ``plain``: ``question`` or ``prompt``, perhaps ``answer``, ``response`` or ``completion``, and ``system``.
"""

from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import Any, Literal

from .. import progress
from ..component import nearest
from ..reading import LeftOut, keys_of, unwritable
from ..records import Chat, Lang, Lineage, Row, Turn, digest
from . import BadInput

Object = dict[str, Any]
Role = Literal["system", "user", "assistant"]

TURNS = ("messages", "conversations", "conversation")
QUESTION, ANSWER, SYSTEM = ("question", "prompt"), ("answer", "response", "completion"), ("system", "system_prompt")
SHAPES = {
    "messages": "messages: role, content",
    "sharegpt": "conversations: from, value",
    "alpaca": "instruction, input, output",
    "plain": "question or prompt, answer",
}
ROLES: dict[str, Role] = {
    "system": "system", "developer": "system", "user": "user", "human": "user",
    "assistant": "assistant", "gpt": "assistant", "chatgpt": "assistant", "model": "assistant", "bot": "assistant",
}  # fmt: skip
LOOKED_AT = 10
"""Rows among which one must have a known shape."""


class BadRow(ValueError):
    """A row that is no question: the reason it is counted under, and what exactly is wrong."""

    def __init__(self, reason: str, detail: str = ""):
        super().__init__(reason, detail)
        self.reason, self.detail = reason, detail


def shape_of(row: Object) -> str | None:
    """The shape of a row, from its keys and the types of their values; None where it has none of them."""
    turns = _turns(row)
    if turns and isinstance(turns[0], dict):
        if "role" in turns[0]:
            return "messages"
        if "from" in turns[0]:
            return "sharegpt"
    if isinstance(row.get("instruction"), str):
        return "alpaca"
    return "plain" if any(isinstance(row.get(key), str) for key in QUESTION) else None


def chat_of(row: Object, shape: str, lang: Lang) -> Chat:
    """The question of a row, with its answer where it has one.

    Raises:
        BadRow: the row has another shape, or no usable question.
    """
    other = shape_of(row)
    if other is None:
        raise BadRow("no question", f"its keys are {keys_of(row)}; {shape} rows have {SHAPES[shape]}")
    if other != shape:
        raise BadRow("another shape", f"{other}, where the rows before are {shape}; keep one shape a file")
    said = _said(row) if shape in ("messages", "sharegpt") else _fields(row, shape)
    said = [(role, text.strip()) for role, text in said]
    if said and said[-1] == ("assistant", ""):
        said = said[:-1]  # an empty answer is none
    if said and said[0] == ("system", ""):
        said = said[1:]
    for role, text in said:
        if not text:
            raise BadRow("empty question" if role == "user" else "empty turn")
        if unwritable(text):
            raise BadRow("broken text", "it holds a zero character or half a surrogate pair")
    order = [role for role, _ in said]
    spoken = order[1:] if order[:1] == ["system"] else order
    if spoken != [("user", "assistant")[n % 2] for n in range(len(spoken))]:
        raise BadRow("turns out of order", f"{', '.join(order)}; give at most one system line, then user and assistant in turn")
    if not spoken:
        raise BadRow("no question", "no turn of the user")
    return Chat(turns=tuple(Turn(role=role, text=text, lang=lang) for role, text in said))


def _turns(row: Object) -> list[Any] | None:
    return next((row[key] for key in TURNS if isinstance(row.get(key), list)), None)


def _said(row: Object) -> list[tuple[Role, str]]:
    """The roles and texts of a list of turns."""
    said: list[tuple[Role, str]] = []
    for turn in _turns(row) or []:
        if not isinstance(turn, dict):
            raise BadRow("broken turn", "a turn is no object")
        given = turn.get("role", turn.get("from"))
        role = ROLES.get(str(given).lower())
        if role is None:
            near = nearest(str(given), ROLES)
            raise BadRow(
                "unknown role", f"'{str(given)[:40]}'" + (f"; did you mean {near}?" if near else f"; known: {', '.join(ROLES)}")
            )
        said.append((role, _content(turn.get("content", turn.get("value")))))
    return said


def _content(content: Any) -> str:
    """A turn's text; a list of parts is joined when all of them are text."""
    if isinstance(content, list) and all(isinstance(part, dict) and isinstance(part.get("text"), str) for part in content):
        return "".join(part["text"] for part in content)
    if not isinstance(content, str):
        raise BadRow("no text", f"a turn holds {type(content).__name__}, not text")
    return content


def _fields(row: Object, shape: str) -> list[tuple[Role, str]]:
    """The turns of a row that keeps question and answer under keys of their own."""
    if shape == "alpaca":
        question = "\n\n".join(part for part in (_field(row, ("instruction",)), _field(row, ("input",))) if part)
        answer = _field(row, ("output",))
    else:
        question, answer = _field(row, QUESTION), _field(row, ANSWER)
    return [("system", _field(row, SYSTEM)), ("user", question), ("assistant", answer)]


def _field(row: Object, keys: tuple[str, ...]) -> str:
    """The first of these keys that says something; empty where none does."""
    values = [value for key in keys if (value := row.get(key)) is not None]
    if not all(isinstance(value, str) for value in values):
        raise BadRow("no text", f"{', '.join(keys)} must hold text")
    return next((value.strip() for value in values if value.strip()), "")


def question_id(chat: Chat) -> str:
    """The id of a question: ``q-`` and 12 hexadecimal digits of the digest of the texts of its turns, without the answer."""
    return "q-" + digest([turn.text for turn in chat.asked.turns])[:12]


def question_rows(
    objects: Iterable[tuple[int, Object]], lang: Lang, source: str, questions: int | None, out: LeftOut
) -> Iterator[Row]:
    """Rows of questions, answered where the data answer them, from numbered objects of one shape.

    The shape is that of the first object that has one, and is said. A question that came before is no second row.

    Raises:
        BadInput: no object among the first has a known shape; or under ``stop`` a row cannot be used; or none can.
    """
    stream = iter(objects)
    first: list[tuple[int, Object]] = []
    shape = None
    for number, row in islice(stream, LOOKED_AT):
        first.append((number, row))
        if shape := shape_of(row):
            break
    if shape is None:
        raise BadInput(f"{out.name}: {_unknown(first, out)}")
    progress.say(f"{out.name}: {shape} shape ({SHAPES[shape]})")
    seen: dict[str, int] = {}
    try:
        for number, row in chain(first, stream):
            try:
                chat = chat_of(row, shape, lang)
            except BadRow as error:
                out.bad(number, error.reason, error.detail)
                continue
            id = question_id(chat)
            if (before := seen.setdefault(id, number)) != number:
                out.bad(number, "repeated question", f"it came before on {out.unit} {before}")
                continue
            author = "reference" if chat.answer else ""
            yield Row(id=id, lineage=Lineage(question=id, source=source, author=author), payload=chat)
            if len(seen) == questions:
                break
    finally:
        out.say()  # also when the reader has enough and stops
    if not seen:
        raise BadInput(f"{out.name}: no row could be used: {out.text()}")
    if questions and len(seen) < questions:
        progress.say(f"{out.name}: {len(seen)} questions, {questions} were asked for")


def _unknown(first: list[tuple[int, Object]], out: LeftOut) -> str:
    """What is wrong with rows of no known shape."""
    if not first:
        return f"no row could be used: {out.text()}"
    number, row = first[0]
    known = ("instruction", *QUESTION, *TURNS)
    near = {key: found for key in map(str, islice(row, 20)) if len(key) < 40 and (found := nearest(key, known))}
    hints = "".join(f"; did you mean {right} by '{given}'?" for given, right in near.items() if given != right)
    shapes = "; ".join(f"{name} ({keys})" for name, keys in SHAPES.items())
    return f"{out.unit} {number} has the keys {keys_of(row)}, no known shape; known are {shapes}{hints}"
