"""Rejects what was there before in almost the same words."""

from collections.abc import Callable, Sequence

from pydantic import Field

from ..near import Near
from ..records import Lang, Row
from . import Filter, one_text


class NearDuplicates(Filter):
    """A question, or an authentic text, that shares most of its word pairs with an earlier one of its language is out.

    What it remembers of a text takes 60 to 120 bytes of memory (at ``threshold`` 0.8; see `near.Near`).
    """

    threshold: float = Field(default=0.8, ge=0, le=0.95)
    """The share of word pairs (estimated Jaccard similarity) from which on two texts are one; for 1 take `exact_duplicates`."""

    def judge(self, languages: Sequence[Lang]) -> Callable[[Row], str]:
        memory: dict[tuple[str, Lang], Near] = {}

        def reason(row: Row) -> str:
            found = one_text(row)
            if found is None:
                return ""
            text, where = found
            if where not in memory:
                memory[where] = Near(self.threshold)
            return "near_duplicate" if memory[where].seen(text) else ""

        return reason
