"""The translated answer against the model's own in the target language."""

from collections.abc import Iterable, Iterator
from typing import ClassVar

from pydantic import NonNegativeFloat

from ..records import Row, kept
from . import TrainingBuilder


class LanguageGapRows(TrainingBuilder):
    """x^t with two answers: preferred y'^t, the translated answer to x, to the model's own answer to x^t.

    Where the two are the same, nothing is to be preferred and the pair is left out. The model's own answers are asked for
    when this builder is in a plan: a run of the model over all training questions in each target language.

    Paper: Yang et al. 2024, Language Imbalance Driven Rewarding, arXiv 2410.08964.
    Departs: a translated answer is taken to be the better one whatever it says; the paper's text was not at hand.
    """

    needs_rivals: ClassVar[bool] = True

    share: NonNegativeFloat = 1.0
    """Share of the training tokens; both answers count."""

    def shares(self) -> dict[str, float]:
        return {"language_gap": self.share}

    def __call__(self, rows: Iterable[Row]) -> Iterator[Row]:
        for row in kept(rows):
            if row.payload.type == "preference" and row.payload.chosen.strip() != row.payload.rejected.strip():
                yield row.but(lineage={"builder": "language_gap"})
