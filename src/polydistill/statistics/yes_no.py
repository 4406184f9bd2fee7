"""What of yes/no items was gained and lost, and an interval that few or no changes do not make too sure.

A bootstrap draws only what it has seen: where nothing changed it has no width, where nothing was lost it knows no loss.
"""

from collections.abc import Sequence
from typing import NamedTuple

from ..evaluators import Score

Side = tuple[Sequence[Score], Sequence[Score]]
"""The scores before and after of one language; several are trainings that differ by their seed."""


class Turned(NamedTuple):
    """The parts of items that went from 0 to 1 and from 1 to 0, each pair of a training before and one after alike."""

    gained: float
    lost: float
    pairs: int
    """Items times the trainings on the side that has more."""

    @property
    def variance(self) -> float:
        """Of what one item gained; 0 where all did alike, so that a standard error comes from elsewhere."""
        return self.gained + self.lost - (self.gained - self.lost) ** 2

    def draws(self, standard_error: float) -> float:
        """How many independent items would make a difference of this standard error; at most `pairs`.

        Paper: Kish 1965, "Survey sampling", section 8.2 (effective sample size); Korn, Graubard 1998, "Confidence intervals for
            proportions with small expected number of positive counts estimated from survey data" (put into an interval).
        """
        return min(self.variance / standard_error**2, self.pairs)

    def newcombe(self, draws: float) -> tuple[float, float]:
        """Newcombe's 95 % interval of gained - lost, without a term for what the two have to do with each other."""
        from statsmodels.stats.proportion import confint_proportions_2indep

        gained, lost = self.gained * draws, self.lost * draws
        ends = confint_proportions_2indep(gained, draws, lost, draws, compare="diff", method="newcomb")
        return float(ends[0]), float(ends[1])


def yes_no(*scores: Score) -> bool:
    """Whether all are made of 0 and 1 alone: plain means, or harmonic means of two."""
    items = [item for score in scores for item in score.items]
    return scores[0].combine in ("mean", "harmonic") and all(
        item.weight == 1 and all(part in (0, 1, None) for part in item.parts or (item.value,)) for item in items
    )


def turned(sides: Sequence[Side]) -> Turned | None:
    """Of the items that count in every score of their language, the mean over languages; None where one has no such item."""
    gained = lost = 0.0
    pairs = 0
    for before, after in sides:
        then, now = _means(before), _means(after)
        both = then.keys() & now.keys()
        if not both:
            return None
        gained += sum((1 - then[key]) * now[key] for key in both) / len(both) / len(sides)
        lost += sum(then[key] * (1 - now[key]) for key in both) / len(both) / len(sides)
        pairs += len(both) * max(len(before), len(after))
    return Turned(gained, lost, pairs)


def _means(scores: Sequence[Score]) -> dict[str, float]:
    """Of the items that count in all scores, how often each was 1."""
    found: dict[str, list[float]] = {}
    for score in scores:
        for item in score.items:
            if item.value is not None:
                found.setdefault(item.id, []).append(item.value)
    return {key: sum(values) / len(values) for key, values in found.items() if len(values) == len(scores)}
