"""Rejects training text that shares a long run of words with held-out text."""

from collections.abc import Callable

from ..component import Count
from ..records import Row, split_of
from ..texts import unspaced, words
from . import Filter, texts_of


class EvaluationOverlap(Filter):
    """A training row is out when one of its texts shares a run of ``n`` words with a held-out row.

    It sees held-out rows (development and test split) before training rows and remembers theirs; those themselves stay.
    In scripts without spaces a run is ``2 n`` characters.
    """

    n: Count = 10
    """Words in a run."""

    def judge(self) -> Callable[[Row], str]:
        held: set[int] = set()

        def reason(row: Row) -> str:
            runs = {run for text, _ in texts_of(row) for run in _runs(text, self.n)}
            if split_of(row.lineage.question) != "train":
                held.update(runs)
                return ""
            return "" if held.isdisjoint(runs) else "evaluation_overlap"

        return reason


def _runs(text: str, n: int) -> set[int]:
    found = [word.casefold() for word in words(text)]
    if unspaced(found):
        n *= 2
    return {hash(run) for run in zip(*(found[start:] for start in range(n)), strict=False)}
