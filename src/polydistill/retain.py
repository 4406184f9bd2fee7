"""What a language may lose, and the best candidate within that.

A candidate is a checkpoint with a scale. Each is measured on the same development items as the untouched model; those that
keep the language are compared by what the targets gain. The verdict on the one that is chosen is given on other items.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Self

from .component import Settings, nearest
from .evaluators import Score
from .records import Lang, Record
from .sources import BadInput
from .statistics.evidence import Difference, difference, kept
from .statistics.margin import Margin


class RetainSettings(Settings):
    """What a language may lose, stated before the run and judged by a test of non-inferiority."""

    score: str
    """By which score: its name (text_bits_documentation), or the beginning of one alone (text_bits)."""
    language: Lang | None = None
    """Which language; by default the rich one."""
    worse_by: Margin
    """How much worse it may be: `2%` of the untouched model's value, or `2 points` of an accuracy, a share or a chrF++.

    A percentage is of the value as it was measured, taken as exact: where that is 2 % off, a margin of 2 % is one of 1.96 to
    2.04 %, which is far less than what the interval of the change leaves open.
    """


class Point(NamedTuple):
    """A candidate: base + scale (the checkpoint after so many steps - base)."""

    step: int
    scale: float

    def __str__(self) -> str:
        return f"step {self.step}, scale {self.scale:g}"

    @property
    def name(self) -> str:
        """As the name of a file."""
        return f"step-{self.step:07d}-scale-{self.scale:g}"


class Candidate(Record):
    """What was measured of a candidate, on development items."""

    step: int
    scale: float
    targets: dict[Lang, float]
    """The score to be best at, by target."""
    gain: float
    """The mean over the targets of the relative improvement on the untouched model; 0.1 is a tenth better."""
    change: Difference | None = None
    """Of the score to keep, against the untouched model; None where nothing is to be kept."""
    verdict: str = ""
    """Whether the language is ``kept``, ``lost`` or ``not shown`` to be either; empty where nothing is to be kept."""
    chosen: bool = False


class Front(Record):
    """What was chosen, and from what."""

    sentence: str
    met: bool | None
    """Whether a candidate keeps the language; None where nothing is to be kept, or there is one candidate alone."""
    step: int
    """The chosen checkpoint."""
    scale: float
    """The chosen scale."""
    by: str = ""
    """The score to be best at; empty, as what follows is, where there is one candidate alone and nothing was measured."""
    unit: str = ""
    higher_is_better: bool = True
    retain: str = ""
    """The score to keep; empty, as what follows is, where nothing is to be kept."""
    language: Lang | None = None
    """The language to keep."""
    worse_by: str = ""
    """How much worse it may be, as it was stated."""
    margin: float | None = None
    """The same in the score's own unit."""
    untouched: Candidate | None = None
    candidates: tuple[Candidate, ...] = ()
    """By step, then by scale."""

    @property
    def unchanged(self) -> str:
        """That the student is the untouched model, as it is at scale 0, and why; empty where it is not."""
        if self.scale:
            return ""
        others = any(one.scale and one.verdict == "kept" for one in self.candidates)
        if others or self.language is None:
            return "The student is the untouched model."
        kept = f"{self.language.english_name} within {self.worse_by}"
        return f"The student is the untouched model: no other candidate is shown to keep {kept}."

    @classmethod
    def alone(cls, point: Point) -> Self:
        """One candidate: nothing is measured."""
        return cls(sentence=f"One candidate alone: {point}.", met=None, step=point.step, scale=point.scale).said()

    def said(self) -> Self:
        """Where the student is the untouched model, with a sentence that says so."""
        return self.model_copy(update={"sentence": " ".join(filter(None, (self.sentence, self.unchanged)))})


class Rule(NamedTuple):
    """What a candidate is to be best at, and what it must keep."""

    by: str
    targets: tuple[Lang, ...]
    language: Lang
    retain: RetainSettings | None

    def aims(self, scores: Sequence[Score]) -> dict[Lang, Score]:
        """The score to be best at, in each target that has items.

        Raises:
            BadInput: no such score, or in no target.
        """
        name = named(self.by, (score.name for score in scores), "choose.by")
        found = {score.lang: score for score in scores if score.name == name and score.lang in self.targets}
        if not found:
            raise BadInput(f"choose.by: {name} has no items in {', '.join(self.targets)}")
        return found

    def keeps(self, scores: Sequence[Score]) -> list[Score]:
        """The score to keep; none where nothing is to be kept.

        Raises:
            BadInput: no such score, or not in the language.
        """
        if self.retain is None:
            return []
        name = named(self.retain.score, (score.name for score in scores), "choose.retain.score")
        found = [score for score in scores if (score.name, score.lang) == (name, self.language)]
        if not found:
            there = ", ".join(score.lang for score in scores if score.name == name)
            raise BadInput(
                f"choose.retain.score: {name} has no items in {self.language.english_name} ({self.language}), only in {there}; "
                "give another score, or choose.retain=null to promise nothing"
            )
        return found


def named(given: str, known: Iterable[str], where: str) -> str:
    """The score that is meant: the one of this name, or the only one that begins with it.

    Raises:
        BadInput: there is none, or there are several.
    """
    names = sorted(set(known))
    meant = [name for name in names if name == given] or [name for name in names if name.startswith(f"{given}_")]
    if len(meant) > 1:
        raise BadInput(f"{where}: '{given}' may be {' or '.join(meant)}; give one of them")
    if not meant:
        near = nearest(given, names)
        hint = f"did you mean {near}?" if near else f"measured are {', '.join(names) or 'none'}"
        raise BadInput(f"{where}: no score named '{given}' is measured; {hint}")
    return meant[0]


def improvement(before: Mapping[Lang, Score], after: Mapping[Lang, Score]) -> float:
    """The mean over languages of (after - before) / |before|, positive where better.

    Where the untouched model has 0 in some language, of which nothing is a part, it is the mean of plain differences.
    """
    relative = all(score.value for score in before.values())
    better = [
        (after[lang].value - score.value) * (1 if score.higher_is_better else -1) / (abs(score.value) if relative else 1)
        for lang, score in before.items()
    ]
    return sum(better) / len(better)


def front(rule: Rule, untouched: Sequence[Score], measured: Mapping[Point, Sequence[Score]]) -> Front:
    """The best candidate in the targets among those that keep the language.

    Of equals it is the one of the larger scale, then of the later checkpoint. Where none keeps the language, it is the one
    whose interval reaches least far beyond the margin.
    """
    aims, keeps = rule.aims(untouched), rule.keeps(untouched)
    found = {point: candidate(rule, point, untouched, measured[point]) for point in sorted(measured)}
    within = [point for point in found if found[point].verdict == "kept" or not keeps]

    def rank(point: Point) -> tuple[float, float, int]:
        one = found[point]
        if within:
            return one.gain, point.scale, point.step
        assert one.change is not None
        return one.change.low if one.change.higher_is_better else -one.change.high, point.scale, point.step

    chosen = max(within or found, key=rank)
    found[chosen] = found[chosen].model_copy(update={"chosen": True})
    by = next(iter(aims.values()))
    plain = Front(
        sentence=f"Chosen: {chosen}, the best of {len(found)} in {', '.join(aims)} by {by.name}.", met=None, step=chosen.step,
        scale=chosen.scale, by=by.name, unit=by.unit, higher_is_better=by.higher_is_better,
        untouched=candidate(rule, Point(0, 0.0), untouched, untouched), candidates=tuple(found.values()),
    )  # fmt: skip
    if not rule.retain:
        return plain.said()
    budget = f"{rule.language.english_name} within {rule.retain.worse_by} ({keeps[0].name})"
    sentence = (
        f"Chosen: {chosen}, the best in {', '.join(aims)} by {by.name} of the {len(within)} of {len(found)} that keep {budget}."
        if within
        else f"None of {len(found)} is shown to keep {budget}; chosen all the same is the one least far beyond: {chosen}."
    )
    return plain.model_copy(update={
        "sentence": sentence, "met": bool(within), "retain": keeps[0].name, "language": rule.language,
        "worse_by": str(rule.retain.worse_by), "margin": rule.retain.worse_by.of(keeps[0].value, keeps[0].unit),
    }).said()  # fmt: skip


def candidate(rule: Rule, point: Point, untouched: Sequence[Score], scores: Sequence[Score]) -> Candidate:
    """A candidate against the untouched model."""
    after = rule.aims(scores)
    told = Candidate(
        step=point.step, scale=point.scale, targets={lang: score.value for lang, score in after.items()},
        gain=improvement(rule.aims(untouched), after),
    )  # fmt: skip
    if not rule.retain:
        return told
    change = difference(rule.keeps(untouched), rule.keeps(scores))
    return told.model_copy(update={"change": change, "verdict": kept(change, rule.retain.worse_by)})
