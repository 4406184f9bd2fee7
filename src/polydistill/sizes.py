"""What the number of test items can show, known before anything runs."""

from collections.abc import Iterator
from math import sqrt
from typing import NamedTuple

from .evidence import needed, smallest
from .plan import Plan

CHANGING = 0.15
"""The part of yes/no items that are taken to change."""
SEEN = {"bits per character": 0.1, "chrF++": 11.0, "BLEU": 14.0}
"""Standard deviations of the differences of items: of bits as a part of their mean, of the others in points.

Medians of what was seen before and after on SmolLM2-135M-Instruct, English to Spanish, one seed: 0.08 to 0.13 of text by
people, 6 to 14 in chrF++, 10 and 18 in BLEU.
"""
HEADING = (
    "The smallest difference that the items show in 80 % of cases, if 15 % of yes/no items change and others differ as they "
    "did with SmolLM2-135M-Instruct, English to Spanish, one seed:"
)


class Size(NamedTuple):
    """How many items of a language one score has at most."""

    evaluator: str
    score: str
    unit: str
    items: int

    @property
    def spread(self) -> float | None:
        """The standard deviation of the items' differences, as a part of the mean for bits; None for a unit never seen."""
        return sqrt(CHANGING) if self.unit in ("share", "accuracy") else SEEN.get(self.unit)

    def shown(self, difference: float) -> str:
        """A difference as people read it."""
        if self.unit.startswith("bits"):
            return f"{100 * difference:.1f} % of {self.unit}"
        shares = self.unit in ("share", "accuracy")
        return f"{100 * difference if shares else difference:.1f} points" + ("" if shares else f" of {self.unit}")


def lines(plan: Plan) -> list[str]:
    """One line for each evaluator and kind of score, under a heading that says what is assumed."""
    told = list(dict.fromkeys(map(_told, _sizes(plan, "evaluate"))))
    return [HEADING, *told] if told else []


def _told(size: Size) -> str:
    if size.spread is None:
        return f"{size.evaluator}: {size.items} items in {size.unit}, of which it is not known how they vary"
    if size.items < 2:
        return f"{size.evaluator}: {size.items} item can show no difference in {size.unit}"
    return f"{size.evaluator}: {size.items} items at most can show {size.shown(smallest(size.items, size.spread))}"


def too_few(plan: Plan) -> list[str]:
    """A warning for each score that is to be kept within less than its items can show.

    A margin in per cent of a share, an accuracy or a chrF++ is taken to be of the highest value, as it can be no wider. One of
    bits as a plain number is not judged, as the bits are not known.
    """
    retain = plan.choose.retain
    if retain is None:
        return []
    told = []
    for stage in ("choose", "evaluate"):
        for size in _sizes(plan, stage):
            named = size.score == retain.score or size.score.startswith(f"{retain.score}_")
            named = named or retain.score.startswith(f"{size.score}_")
            bits = size.unit.startswith("bits")
            if not named or size.spread is None or (bits and retain.worse_by.parts.unit != "%"):
                continue
            margin = retain.worse_by.of(100.0 if size.unit in ("chrF++", "BLEU") else 1.0, size.unit)
            if (can := smallest(size.items, size.spread)) > margin:
                shows = f"show no difference under {size.shown(can)}" if size.items > 1 else "show no difference"
                told.append(
                    f"{stage}: {size.items} items of {size.score} {shows}, but choose.retain.worse_by is {retain.worse_by}; "
                    f"give {needed(margin, size.spread)} items or a wider margin"
                )
    return told


def _sizes(plan: Plan, stage: str) -> Iterator[Size]:
    measured = plan.evaluate.evaluators if stage == "evaluate" else plan.choose.evaluators
    for evaluator in measured:
        for score, (unit, items) in evaluator.sizes((plan.rich, *plan.to)).items():
            yield Size(evaluator.name(), score, unit, items)
