"""Scores before and after: their differences with intervals, the clean part, flips, a table, numbers."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple

from ..contamination import clean, contaminated
from ..evaluators import ABOUT_THE_MEASURE, Score
from ..records import Lang, Row
from ..statistics.evidence import Difference, difference, holm, over_languages

SPELT = {"qa": "QA", "chrf": "chrF++", "bleu": "BLEU", "udhr": "UDHR"}
SHARES = ("share", "accuracy")
SHORT = {"bits per character": "bits/char", "share": "%", "accuracy": "%"}
"""How a unit is written where it is shortened."""
Flip = Literal["gained", "lost", "both", "neither"]
FLIPS: dict[Flip, str] = {
    "gained": "wrong before, right after", "lost": "right before, wrong after", "both": "right both times",
    "neither": "wrong both times",
}  # fmt: skip


# Numbers as people read them, by the unit of their score


def label(name: str) -> str:
    """A score's name as people read it: ``translation_from_spa_chrf`` as 'translation from Spanish chrF++'."""
    parts = name.split("_")
    return " ".join(
        Lang(part).english_name if before == "from" else SPELT.get(part, part)
        for before, part in zip(["", *parts], parts, strict=False)
    )


def read_unit(unit: str, higher_is_better: bool) -> str:
    """A unit with its direction."""
    return f"{SHORT.get(unit, unit)} {'↑' if higher_is_better else '↓'}"


def factor(unit: str) -> float:
    """What a value is multiplied by to be read: shares are in per cent."""
    return 100.0 if unit in SHARES else 1.0


def per(unit: str, before: float) -> float:
    """What a difference is multiplied by to be read: bits in per cent of ``before`` (0 where that is 0), shares in points."""
    if unit.startswith("bits"):
        return 100 / before if before else 0.0
    return factor(unit)


def shown(unit: str, value: float) -> str:
    """A value."""
    return f"{value:.3f}" if unit.startswith("bits") else f"{value * factor(unit):.1f}"


def told(unit: str, before: float, difference: float) -> str:
    """A difference: per cent of bits, points of shares and scores."""
    times = per(unit, before)
    return f"{difference * times:+.1f}{' %' if unit.startswith('bits') else ''}" if times else "-"


def interval(unit: str, before: float, low: float, high: float) -> str:
    """The ends of a difference, such as ``[-1.2, +3.4]``; empty where there is nothing that they would be a part of."""
    times = per(unit, before)
    return f"[{low * times:+.1f}, {high * times:+.1f}]" if times else ""


# Before and after


class Change(NamedTuple):
    """One score before and after."""

    before: Score
    after: Score
    difference: Difference | None = None
    """None where there are no items to tell chance by."""
    p_holm: float | None = None
    """Its p, adjusted for all languages that the score was measured in."""
    overlap: tuple[str, ...] = ()
    """The ids of items that share a run of words with a training row."""
    clean: tuple[Score, Score] | None = None
    """The same scores without those; None where there are none, or no others."""

    @property
    def about_the_measure(self) -> bool:
        """Whether it says how far a measurement is to be believed, and nothing of the model."""
        return self.before.name in ABOUT_THE_MEASURE

    @property
    def better(self) -> float:
        """The difference, positive where the student is better."""
        return (self.after.value - self.before.value) * (1 if self.before.higher_is_better else -1)

    @property
    def text(self) -> str:
        """The difference as people read it: per cent of bits, points of shares and scores."""
        return self.told(self.after.value - self.before.value)

    @property
    def interval(self) -> str:
        """Its 95 % interval, such as ``[-1.2, +3.4]``; empty where there are no items to tell it by."""
        found = self.difference
        return interval(self.before.unit, self.before.value, found.low, found.high) if found else ""

    @property
    def per(self) -> float:
        """What a difference is multiplied by to be read."""
        return per(self.before.unit, self.before.value)

    def told(self, difference: float) -> str:
        """A difference as people read it."""
        return told(self.before.unit, self.before.value, difference)

    @property
    def unit(self) -> str:
        """What differences are in."""
        return "%" if self.before.unit.startswith("bits") else "points"

    @property
    def n(self) -> str:
        """Items that count; before and after, where that differs."""
        return " / ".join(str(n) for n in dict.fromkeys((self.before.n, self.after.n)))

    @property
    def factor(self) -> float:
        """What a value is multiplied by to be read."""
        return factor(self.before.unit)

    def shown(self, score: Score) -> str:
        """A value of this score as people read it; without items that count there is none."""
        return shown(score.unit, score.value) if score.n else "not measurable"

    @property
    def direction(self) -> str:
        """Whether the student is better or worse, or neither is shown; p counts as adjusted where it was."""
        if abs(self.better) < 1e-12:
            return "the same"
        if self.difference is not None and not (self.difference.shown and (self.p_holm is None or self.p_holm < 0.05)):
            return "no difference shown"
        return "better" if self.better > 0 else "worse"

    def flips(self) -> dict[str, Flip]:
        """What became of each item of a yes/no score of the model, by id; empty for other scores."""
        pairs = zip(self.before.items, self.after.items, strict=True)
        values = {b.id: (b.value, a.value) for b, a in pairs if b.value is not None and a.value is not None}
        if (
            self.about_the_measure
            or self.before.combine != "mean"
            or not all(value in (0, 1) for pair in values.values() for value in pair)
        ):
            return {}
        right = 1 if self.before.higher_is_better else 0
        names: dict[tuple[bool, bool], Flip] = {
            (False, True): "gained", (True, False): "lost", (True, True): "both", (False, False): "neither"
        }  # fmt: skip
        return {id: names[before == right, after == right] for id, (before, after) in values.items()}


def measured(pairs: Iterable[tuple[Score, Score]], trained: Iterable[Row] = ()) -> list[Change]:
    """Each score with its difference, and with its clean part where items overlap with the rows that were trained on.

    p is adjusted by Holm within each score's family of languages. What is about the measure has neither.
    """
    both = list(pairs)
    overlaps = contaminated(trained, [before for before, _ in both if before.name not in ABOUT_THE_MEASURE])
    found = [_measured(before, after, overlaps.get((before.name, before.lang), ())) for before, after in both]
    for name in {change.before.name for change in found}:
        ps = {at: c.difference.p for at, c in enumerate(found) if c.before.name == name and c.difference}
        family = {at: p for at, p in ps.items() if p is not None}
        for at, p in zip(family, holm(list(family.values())), strict=True):
            found[at] = found[at]._replace(p_holm=p)
    return found


def _measured(before: Score, after: Score, overlap: Sequence[str]) -> Change:
    change = Change(before, after)
    if before.items and before.n and after.n and not change.about_the_measure:
        change = change._replace(difference=difference([before], [after]))
    cleaned = (clean(before, overlap), clean(after, overlap)) if overlap else (None, None)
    part = (cleaned[0], cleaned[1]) if cleaned[0] and cleaned[1] else None
    return change._replace(overlap=tuple(overlap), clean=part)


class Mean(NamedTuple):
    """One score as the mean over several target languages, before and after."""

    name: str
    langs: tuple[Lang, ...]
    difference: Difference

    @property
    def title(self) -> str:
        """What it is called in a table, with unit and direction."""
        found = self.difference
        return f"{label(self.name)}, mean of {len(self.langs)} languages, {read_unit(found.unit, found.higher_is_better)}"

    @property
    def cells(self) -> list[str]:
        """Before, after, and the change with its 95 % interval."""
        found, unit = self.difference, self.difference.unit
        change = f"{told(unit, found.before, found.value)} {interval(unit, found.before, found.low, found.high)}".rstrip()
        return [shown(unit, found.before), shown(unit, found.after), change]

    def as_numbers(self) -> dict[str, Any]:
        """For other programs."""
        return {"name": self.name, "languages": [str(lang) for lang in self.langs], **self.difference.model_dump()}


def means(changes: Sequence[Change], targets: Sequence[Lang]) -> list[Mean]:
    """The mean over the target languages of each score that two of them have, or more; see `over_languages`."""
    by_name: dict[str, list[Change]] = {}
    for change in changes:
        if change.difference and change.before.lang in targets:
            by_name.setdefault(change.before.name, []).append(change)
    return [
        Mean(name, tuple(c.before.lang for c in of), over_languages([([c.before], [c.after]) for c in of]))
        for name, of in by_name.items()
        if len(of) > 1
    ]


# The table


class Line(NamedTuple):
    """One line of a table: a score in the target beside the same score in the rich language."""

    name: str
    unit: str
    target: Change | None
    rich: Change | None

    @property
    def cells(self) -> list[str]:
        return [
            text
            for c in (self.target, self.rich)
            for text in ((c.shown(c.before), c.shown(c.after), f"{c.text} {c.interval}".rstrip()) if c else ("", "", ""))
        ]


def table(changes: Sequence[Change], rich: Lang, target: Lang) -> list[Line]:
    """The scores of one target language and of the rich one, side by side, in the order they were measured."""
    lines: dict[str, dict[Lang, Change]] = {}
    for change in changes:
        if change.before.lang in (rich, target) and not change.about_the_measure:
            lines.setdefault(change.before.name, {})[change.before.lang] = change
    return [
        Line(name, read_unit(of.unit, of.higher_is_better), found.get(target), found.get(rich))
        for name, found in lines.items()
        for of in [next(iter(found.values())).before]
    ]


def as_numbers(change: Change) -> dict[str, Any]:
    """A score before and after, for other programs."""
    keep = {"value", "n", "standard_error"}
    told = {"low", "high", "p", "smallest", "groups", "gained", "lost"}
    part = change.clean or (None if change.overlap else (change.before, change.after))
    return {
        **change.before.model_dump(mode="json", include={"name", "lang", "unit", "higher_is_better", "headline", "note"}),
        "before": change.before.model_dump(include=keep), "after": change.after.model_dump(include=keep),
        "difference": change.after.value - change.before.value,
        **(change.difference.model_dump(include=told) if change.difference else dict.fromkeys(sorted(told))),
        "p_holm": change.p_holm, "overlap": list(change.overlap),
        "clean": part and {"before": part[0].value, "after": part[1].value, "n": part[0].n},
    }  # fmt: skip
