"""The page of a comparison."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from .. import __version__
from ..arms import UNTOUCHED
from ..comparison import Compared, ComparisonSettings
from ..records import Lang
from ..statistics.evidence import Seeds
from . import comparison_table
from .charts import Dot, Figure, differences, dots
from .comparison_verdict import TONES, Said, keeps, score_of, together, told_with_interval
from .findings import Change, label, read_unit
from .findings import shown as read
from .verdict import Tone, retained

LEADING = 4
"""Scores of a language in its table; the others are below it."""


class Cell(NamedTuple):
    """An arm on a score, as people read it."""

    value: str
    change: str = ""
    """From the untouched model, with its interval over items."""
    seeds: str = ""
    """The interval of the mean over training seeds; empty for one seed."""
    tone: Tone = "plain"


class Card(NamedTuple):
    """A score in a language, with the names of its figures."""

    title: str
    values: str
    differences: str
    note: str


class OfLanguage(NamedTuple):
    """What was measured in a language."""

    name: str
    columns: list[str]
    lines: dict[str, list[Cell]]
    """The untouched model's and each arm's line of the table."""
    cards: list[Card]
    """Those of the table."""
    more: list[Card]
    """All others."""


def html(
    settings: ComparisonSettings, found: Sequence[Compared], said: Sequence[Said], arms: Mapping[str, Mapping[str, Any]],
    means: Sequence[dict[str, Any]] = (), **shown: Any,
) -> str:  # fmt: skip
    """The page. ``arms`` has the tokens and rows of each; it also takes warnings, about and plan."""
    from .html_page import page

    figures = {name: figure for one in found for name, figure in _figures(settings, one).items()}
    if kept_by_arm := _kept(settings, found):
        figures["kept"] = kept_by_arm
    spoken: dict[str, list[Said]] = {}
    for sentence in said:
        spoken.setdefault(sentence.lang, []).append(sentence)
    over_targets = [comparison_table.values(means, settings.names)] if means else []
    if means and (controls := [name for name in settings.names if name != settings.lead]):
        over_targets.append(comparison_table.differences(means, controls))
    return page(
        "comparison.html", figures, {"answers": []}, settings=settings, verdict=spoken, arms=arms, version=__version__,
        states=keeps(settings, found), together=together(settings, found), untouched=UNTOUCHED, means=over_targets,
        languages=[of for lang in (*settings.targets, settings.rich) if (of := _of(found, lang))], **shown,
    )  # fmt: skip


def _of(found: Sequence[Compared], lang: Lang) -> OfLanguage | None:
    scores = [one for one in found if one.untouched.lang == lang]
    scores.sort(key=lambda one: (not one.untouched.headline, not one.untouched.name.startswith("text_bits")))
    if not scores:
        return None
    first = scores[:LEADING]
    lines = {UNTOUCHED: [Cell(read(one.untouched.unit, one.untouched.value)) for one in first]}
    lines |= {name: [_cell(one, name) for one in first] for name in first[0].places}
    cards = [Card(label(one.untouched.name), *_names(one), one.untouched.note) for one in scores]
    columns = [f"{label(of.name)}, {read_unit(of.unit, of.higher_is_better)}" for of in (one.untouched for one in first)]
    return OfLanguage(lang.english_name, columns, lines, cards[:LEADING], cards[LEADING:])


def _cell(one: Compared, arm: str) -> Cell:
    change, seeds = one.places[arm].change, one.places[arm].seeds
    ends = [read(change.before.unit, end) for end in _ends(seeds, change)]
    within = f"[{', '.join(ends)}]" if ends else ""
    tone = TONES.get(change.direction, "plain")
    return Cell(change.shown(change.after), f"{change.text} {change.interval}".rstrip(), within, tone)


def _ends(seeds: Seeds, change: Change) -> list[float]:
    """Of the interval over seeds, if there is one; that of a share ends at 0 and 1."""
    if seeds.low is None or seeds.high is None:
        return []
    return [max(0.0, seeds.low), min(1.0, seeds.high)] if change.factor == 100 else [seeds.low, seeds.high]


def _names(one: Compared) -> tuple[str, str]:
    key = f"{one.untouched.name} {one.untouched.lang}"
    return f"values of {key}", f"differences of {key}"


def _figures(settings: ComparisonSettings, one: Compared) -> dict[str, Figure]:
    return dict(zip(_names(one), (_values(one), _differences(settings, one)), strict=True))


def _values(one: Compared) -> Figure:
    change = Change(one.untouched, one.untouched)
    shown = [Dot(UNTOUCHED, "mean", one.untouched.value * change.factor)]
    for name, place in one.places.items():
        low, high = [end * change.factor for end in _ends(place.seeds, change)] or (None, None)
        seeds = tuple(value * change.factor for value in place.seeds.values) if len(place.seeds.values) > 1 else ()
        shown.append(Dot(name, "mean", place.seeds.mean * change.factor, low, high, seeds))
    several = any(dot.seeds for dot in shown)
    note = "The bar is the 95 % t-interval of the mean over training seeds, which are the small points." if several else ""
    return dots(score_of(one), "per cent" if change.factor == 100 else one.untouched.unit, shown, note)


def _differences(settings: ComparisonSettings, one: Compared) -> Figure:
    change = Change(one.untouched, one.untouched)
    against = {UNTOUCHED: one.places[settings.lead].change.difference}
    against |= {name: place.lead for name, place in one.places.items() if name != settings.lead}
    shown = [
        Dot(
            f"less {name} {told_with_interval(change._replace(difference=of), of.value)}", "difference",
            *(n * change.per for n in (of.value, of.low, of.high)),
        )
        for name, of in against.items() if of
    ]  # fmt: skip
    unit = "% of the untouched value" if change.unit == "%" else "points"
    note = "The bar is the 95 % interval over items, all seeds together."
    if clean := [
        f"less {name} {told_with_interval(change._replace(difference=of), of.value)}" for name, of in one.clean.items()
    ]:
        note += f" Without the items that share text with training rows: {'; '.join(clean)}."
    title = f"{settings.lead}, less each of the others"
    return differences(title, unit, shown, one.untouched.higher_is_better, note=note)


def _kept(settings: ComparisonSettings, found: Sequence[Compared]) -> Figure | None:
    """The change of the score to keep by arm, with the margin drawn; None where none was set or it was not measured."""
    retain, states = settings.retain, keeps(settings, found)
    changes = {
        name: change
        for name in states
        if (change := retained([one.places[name].change for one in found], settings.rich, retain)) and change.difference
    }
    if not changes or not retain:
        return None
    first = next(iter(changes.values()))
    shown = [
        Dot(
            f"{name}: {states[name]}, {told_with_interval(change, change.difference.value)}", "difference",
            *(n * change.per for n in (change.difference.value, change.difference.low, change.difference.high)),
        )
        for name, change in changes.items() if change.difference
    ]  # fmt: skip
    margin = retain.worse_by.of(first.before.value, first.before.unit) * first.per
    title = f"{first.before.lang.english_name}, {label(first.before.name)}: change from {UNTOUCHED}, and what may be lost of it"
    unit = "change in %" if first.unit == "%" else "change in points"
    return differences(f"{title} ({retain.worse_by})", unit, shown, first.before.higher_is_better, margin)
