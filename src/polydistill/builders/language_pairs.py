"""The four ways to put a question and an answer in two languages together."""

from collections.abc import Iterable, Iterator

from pydantic import NonNegativeFloat

from ..records import Row
from . import TrainingBuilder, by_question, crossed


class LanguagePairs(TrainingBuilder):
    """(x, y'), (x^t, y'^t), (x, y'^t) and (x^t, y'): questions x and the model's answers y', in both languages.

    Where question and answer differ in language, a short instruction in the question's language says which one to
    answer in; it is one of several paraphrases, drawn from the row's id.

    Paper: Zhang et al. 2024, SDRRL, arXiv 2402.12204 (the transfer set).
    Departs: the shares of the four are our own; the paper's were not at hand.
    """

    rich: NonNegativeFloat = 0.2
    """Share of rich question with rich answer; it protects the rich language."""
    target: NonNegativeFloat = 0.4
    """Share of target question with target answer."""
    to_target: NonNegativeFloat = 0.05
    """Share of rich question with target answer."""
    to_rich: NonNegativeFloat = 0.05
    """Share of target question with rich answer."""

    def shares(self) -> dict[str, float]:
        return {"rich": self.rich, "target": self.target, "to_target": self.to_target, "to_rich": self.to_rich}

    def __call__(self, rows: Iterable[Row]) -> Iterator[Row]:
        for first, *others in by_question(rows):
            if self.rich:
                yield first.but(lineage={"builder": "rich"})
            for other in others:
                if self.target:
                    yield other.but(lineage={"builder": "target"})
                if self.to_target:
                    yield crossed(first, other, "to_target")
                if self.to_rich:
                    yield crossed(other, first, "to_rich")
