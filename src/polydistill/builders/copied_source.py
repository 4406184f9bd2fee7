"""Rejects answers and translations that only say again what was given."""

from collections.abc import Callable, Sequence
from itertools import pairwise

from ..component import Fraction
from ..records import Lang, Row
from ..texts import words
from . import Filter


class CopiedSource(Filter):
    """A row is out when its answer (or translation) is the question (or source) again.

    Compared are the words in order, without case; texts of fewer than four words may repeat.
    """

    share: Fraction = 0.9
    """How much of the answer's word pairs must stand in the question."""

    def judge(self, languages: Sequence[Lang]) -> Callable[[Row], str]:
        def reason(row: Row) -> str:
            payload = row.payload
            if payload.type == "chat" and payload.answer is not None:
                given, said = payload.question.text, payload.answer.text
            elif payload.type == "preference":
                given, said = payload.chat.question.text, payload.chosen
            elif payload.type == "parallel":
                given, said = payload.source, payload.target
            else:
                return ""
            before, after = _pairs(given), _pairs(said)
            return "copied_source" if len(after) >= 3 and len(after & before) >= self.share * len(after) else ""

        return reason


def _pairs(text: str) -> set[tuple[str, str]]:
    found = [word.casefold() for word in words(text)]
    return set(pairwise(found))
