"""Rejects what was there before in almost the same words."""

from collections.abc import Callable, Sequence

from ..component import Fraction
from ..near import Near
from ..records import Lang, Row
from . import Filter


class NearDuplicates(Filter):
    """A question, or an authentic text, that shares most of its word pairs with an earlier one of its language is out.

    Held in memory: meant for up to 100,000 texts.
    """

    threshold: Fraction = 0.8
    """The share of word pairs (estimated Jaccard similarity) from which on two texts are one."""

    def judge(self, languages: Sequence[Lang]) -> Callable[[Row], str]:
        memory: dict[tuple[str, str], Near] = {}

        def reason(row: Row) -> str:
            payload = row.payload
            if payload.type == "chat":
                text, where = payload.question.text, ("chat", payload.question.lang)
            elif payload.type == "parallel":
                text, where = payload.target, ("parallel", payload.target_lang)
            elif payload.type == "text":
                text, where = payload.text, ("text", payload.lang)
            else:
                return ""
            if where not in memory:
                memory[where] = Near(self.threshold)
            return "near_duplicate" if memory[where].seen(text) else ""

        return reason
