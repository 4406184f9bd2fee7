"""What the number of test items can show, known before anything runs."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from math import ceil, sqrt
from typing import TYPE_CHECKING, NamedTuple

from ..evaluators import Evaluator
from ..records import Lang
from ..retain import RetainSettings, named
from ..sources import BadInput
from .evidence import needed, smallest

if TYPE_CHECKING:
    from ..plan import Plan

CHANGING = 0.15
"""The part of yes/no items that are taken to change, one way or the other."""
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
    def yes_no(self) -> bool:
        """Whether it is taken to be one of yes/no items."""
        return self.unit in ("share", "accuracy")

    @property
    def most(self) -> float:
        """The highest value, as its differences are given: bits are in parts of what they are."""
        return 100.0 if self.unit in ("chrF++", "BLEU") else 1.0

    @property
    def spread(self) -> float | None:
        """The standard deviation of the items' differences, as a part of the mean for bits; None for a unit never seen."""
        return sqrt(CHANGING) if self.yes_no else SEEN.get(self.unit)

    def shown(self, difference: float) -> str:
        """A difference as people read it."""
        if self.unit.startswith("bits"):
            return f"{100 * difference:.1f} % of {self.unit}"
        return f"{100 * difference if self.yes_no else difference:.1f} points" + ("" if self.yes_no else f" of {self.unit}")


def sizes(evaluators: Iterable[Evaluator], languages: Sequence[Lang]) -> dict[str, Size]:
    """What is known of each score before a run, by its name."""
    return {
        score: Size(evaluator.name(), score, unit, items)
        for evaluator in evaluators
        for score, (unit, items) in evaluator.sizes(languages).items()
    }


def lines(plan: "Plan") -> list[str]:
    """One line for each evaluator and kind of score, under a heading that says what is assumed."""
    told = list(dict.fromkeys(map(_told, sizes(plan.evaluate.evaluators, (plan.rich, *plan.to)).values())))
    return [HEADING, *told] if told else []


def _told(size: Size) -> str:
    if size.spread is None:
        return f"{size.evaluator}: {size.items} items in {size.unit}, of which it is not known how they vary"
    if size.items < 2:
        return f"{size.evaluator}: {size.items} item can show no difference in {size.unit}"
    return f"{size.evaluator}: {size.items} items at most can show {size.shown(smallest(size.items, size.spread))}"


def check_promise(retain: RetainSettings, language: Lang, evaluators: Sequence[Evaluator], languages: Sequence[Lang]) -> None:
    """Finds, before anything runs, what would keep a promise on a language from being shown.

    Raises:
        ValueError: no such score, none in the language, a margin that has no meaning for it, or too few items of yes or no.
    """
    size = _meant(retain, sizes(evaluators, languages))
    retain.worse_by.of(size.most, size.unit)
    own = [evaluator for evaluator in evaluators if size.score in evaluator.sizes(languages)]
    if not any(evaluator.measures(language) for evaluator in own):
        raise BadInput(
            f"score: {size.score} has no items in {language.english_name} ({language}); give another score, such as text_bits "
            "with texts and a label of your own, or choose.retain=null to promise nothing"
        )
    if size.yes_no and (wrong := _too_few(retain, size)):
        raise BadInput(wrong)


def too_few(plan: "Plan") -> list[str]:
    """A warning where what is to be kept is no score of yes/no items, which `check_promise` refuses, and has too few items."""
    found = []
    for stage in (plan.choose, plan.evaluate):
        with suppress(BadInput):  # no such score, as `check_promise` says
            size = plan.choose.retain and _meant(plan.choose.retain, sizes(stage.evaluators, (plan.rich, *plan.to)))
            if size and not size.yes_no and (wrong := _too_few(plan.choose.retain, size)):
                found.append(f"{'choose' if stage is plan.choose else 'evaluate'}: {wrong}")
    return found


def _meant(retain: RetainSettings, known: dict[str, Size]) -> Size:
    family = [name for name in known if retain.score.startswith(f"{name}_")]  # some state one size for all their scores
    return known[retain.score if retain.score in known else (family or [named(retain.score, known, "score")])[0]]


def _too_few(retain: RetainSettings, size: Size) -> str:
    """That a margin is narrower than what the items show in 80 % of cases (paired t-test); empty where it is not.

    A percentage is of the highest value, as it can be no wider. One of bits as a plain number is not judged, as the bits are
    not known.
    """
    bits = size.unit.startswith("bits")
    if size.spread is None or (bits and retain.worse_by.parts.unit != "%"):
        return ""
    margin, least = retain.worse_by.of(size.most, size.unit), smallest(size.items, size.spread)
    if least <= margin:
        return ""
    shows = f"which show {size.shown(least)}" if least < size.most else "which can show no difference"
    ways = [f"{needed(margin, size.spread)} items"]
    if least < 0.99 * size.most:
        ways.append(f"worse_by: {ceil(100 * least / size.most)}{'%' if bits else ' points'}")
    if not bits:
        ways.append("a score that tells more an item, such as text_bits")
    told = f"worse_by: {retain.worse_by} of {size.score} cannot be shown with {size.items} items, {shows}"
    return f"{told}; give {' or '.join(ways)}"
