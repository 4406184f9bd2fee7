"""Rejects training text that shares a long run of words with held-out text."""

from collections.abc import Callable, Sequence
from typing import ClassVar

from ..component import Count
from ..declaration import declaration
from ..records import Lang, Row, kept, split_of
from ..sources import Languages, Source
from ..texts import runs
from . import Filter, texts_of


class EvaluationOverlap(Filter):
    """A training row is out when one of its texts shares a run of ``n`` words with text that is measured on.

    That is every held-out row (development and test split): it sees them before training rows, and they themselves stay.
    It is also the Universal Declaration of Human Rights as it is shipped in the run's languages, and all of ``texts``.
    In scripts without spaces a run is ``2 n`` characters.
    """

    version: ClassVar[int] = 2

    n: Count = 10
    """Words in a run."""
    texts: tuple[Source, ...] = ()
    """Further texts that are measured on, every row of them. Held-out rows of ``mix.texts`` are known without."""

    def judge(self, languages: Sequence[Lang]) -> Callable[[Row], str]:
        held = {run for lang in languages for text in declaration(lang).values() for run in runs(text, self.n)}
        for source in self.texts:
            for row in kept(source.read(_languages(languages))):
                held |= self._runs_of(row)

        def reason(row: Row) -> str:
            found = self._runs_of(row)
            if split_of(row.lineage.question) != "train":
                held.update(found)
                return ""
            return "" if held.isdisjoint(found) else "evaluation_overlap"

        return reason

    def check(self, languages: Sequence[Lang]) -> None:
        for source in self.texts:
            source.check(_languages(languages))

    def _runs_of(self, row: Row) -> set[int]:
        return {run for text, _ in texts_of(row) for run in runs(text, self.n)}


def _languages(languages: Sequence[Lang]) -> Languages:
    return Languages(languages[0], tuple(languages[1:]))
