"""Rejects text that goes round in circles."""

from collections.abc import Callable, Sequence

from ..component import Count
from ..records import Lang, Row
from ..texts import loops
from . import Filter, texts_of


class Looping(Filter):
    """A row is out when a run of ``n`` words stands in one of its texts at least ``times`` times."""

    n: Count = 4
    """Words in a run."""
    times: Count = 4
    """How often it must stand there."""

    def judge(self, languages: Sequence[Lang]) -> Callable[[Row], str]:
        return lambda row: "loop" if any(loops(text, self.n, self.times) for text, _ in texts_of(row)) else ""
