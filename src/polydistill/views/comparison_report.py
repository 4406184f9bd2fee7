"""What a comparison says of its arms, in words and as a page."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from .. import __version__
from ..arms import UNTOUCHED
from ..comparison import Compared, ComparisonSettings
from ..evaluators import Score
from ..records import Lang
from ..served import Served
from ..statistics.evidence import Seeds, kept
from .charts import Dot, Figure, differences, dots
from .findings import Change, label, read_unit
from .verdict import Tone, doubted, leading, retained, warnings

STATES: dict[str, tuple[str, Tone]] = {
    "kept": ("kept within {margin}", "good"), "lost": ("has lost more than {margin}", "bad"),
    "not shown": ("not shown to be kept within {margin}", "bad"),
}  # fmt: skip
TONES: dict[str, Tone] = {"better": "good", "worse": "bad"}
LEADING = 4
"""Scores of a language in its table; the others are below it."""


class Said(NamedTuple):
    """A sentence of the verdict."""

    lang: str
    """The language it is about, in English."""
    score: str
    """The score it is about, as people read it; empty where it names it itself."""
    rest: str
    tone: Tone

    @property
    def text(self) -> str:
        """The whole of it."""
        return f"{self.lang}, {self.score}: {self.rest}" if self.score else self.rest


def keeps(settings: ComparisonSettings, found: Sequence[Compared]) -> dict[str, str]:
    """Of each arm, whether the rich language is ``kept``, ``lost`` or ``not shown``; empty where no margin was set."""
    states = {}
    for name in settings.names if settings.retain else ():
        change = retained([one.places[name].change for one in found], settings.rich, settings.retain)
        judged = change is not None and change.difference is not None
        states[name] = kept(change.difference, settings.retain.worse_by) if judged else "not shown"
    return states


def verdict(settings: ComparisonSettings, found: Sequence[Compared]) -> list[Said]:
    """What the leading arm gained over each control in each target, and what each arm cost the rich language."""
    said = []
    for lang in (*settings.targets, settings.rich):
        if one := _first(settings, found, lang):
            change = one.places[settings.lead].change
            told = f"{settings.lead} against {UNTOUCHED} {change.text} {change.interval}".rstrip()
            said.append(_about(one, f"{told}, {change.direction}.", TONES.get(change.direction, "plain")))
            if lang != settings.rich:
                said += [_against(settings, one, name) for name in settings.names if name != settings.lead]
    states, rich = keeps(settings, found), (settings.retain and settings.retain.language) or settings.rich
    for state, (words, tone) in STATES.items():
        if names := [name for name in states if states[name] == state]:
            within = words.format(margin=settings.retain.worse_by)
            said.append(Said(rich.english_name, "", f"{rich.english_name} {within}: {', '.join(names)}.", tone))
    return said


def doubts(
    settings: ComparisonSettings, found: Sequence[Compared], measures: Sequence[Score], served: Sequence[Served]
) -> list[str]:
    """What casts doubt on the comparison.

    ``measures`` are the scores about the measure, ``served`` the reload of each trained arm's folder, in their order.
    """
    changes = [*(Change(score, score) for score in measures), *(one.places[settings.lead].change for one in found)]
    said = [
        f"{name}, seed {seed}: {of.sentence}" for (name, seed), of in zip(settings.arms, served, strict=True) if doubted(of)
    ]
    if len(settings.arms) == len(settings.names):
        said.append("one training seed an arm: another one would give other numbers; by how much is not measured here")
    said += [_overlapping(settings, one) for one in found if one.overlap]
    return [*said, *warnings(changes, settings.rich, settings.retain)]


def _overlapping(settings: ComparisonSettings, one: Compared) -> str:
    """Which arms learned text of test items, and what the leading arm gains without those items."""
    change = Change(one.untouched, one.untouched)
    arms = ", ".join(f"{len(place.overlap)} of {name}" for name, place in one.places.items() if place.overlap)
    cleaned = [
        f"{settings.lead} against {name} {_difference(change._replace(difference=place.clean), place.clean.value)}"
        for name, place in one.places.items()
        if place.clean
    ]
    without = f"; without them {'; '.join(cleaned)}" if cleaned else ""
    return f"{_score(one)}: of {len(one.untouched.items)} items some share text with training rows ({arms}){without}"


def _first(settings: ComparisonSettings, found: Sequence[Compared], lang: Lang) -> Compared | None:
    of_lang = {one.untouched.name: one for one in found if one.untouched.lang == lang}
    first = leading([one.places[settings.lead].change for one in of_lang.values()])
    return of_lang[first.before.name] if first else None


def _about(one: Compared, rest: str, tone: Tone) -> Said:
    return Said(one.untouched.lang.english_name, label(one.untouched.name), rest, tone)


def _score(one: Compared) -> str:
    return f"{one.untouched.lang.english_name}, {label(one.untouched.name)}"


def _against(settings: ComparisonSettings, one: Compared, control: str) -> Said:
    place = one.places[control]
    # In per cent of the untouched model, so that all differences of a score can be compared with one another.
    change = Change(one.untouched, one.untouched, place.lead)
    assert place.lead is not None
    direction, tone = "no difference shown", "plain"
    if place.lead.shown:
        direction = "better" if place.lead.better > 0 else "worse"
        tone = TONES[direction]
        if place.p_holm is not None and place.p_holm > 0.05:
            direction += f", but not beyond chance among so many comparisons (p {place.p_holm:.2f})"
            tone = "plain"
        if not _beyond_seeds(place.lead_seeds):
            direction += ", but other training seeds may turn it over"
            tone = "plain"
    told = f"{_difference(change, place.lead.value)}{_over_seeds(place.lead_seeds, change)}"
    return _about(one, f"{settings.lead} against {control} {told}, {direction}.", tone)


def _difference(change: Change, value: float) -> str:
    unit = "" if change.unit == "%" else f" {change.unit}"
    return f"{change.told(value)}{unit} {change.interval}".rstrip()


def _beyond_seeds(seeds: Seeds | None) -> bool:
    """Whether the interval over seeds excludes no difference; one seed says nothing of it."""
    return seeds is None or seeds.low is None or seeds.high is None or not seeds.low <= 0 <= seeds.high


def _over_seeds(seeds: Seeds | None, change: Change) -> str:
    if seeds is None or seeds.low is None or seeds.high is None:
        return ""
    return f" (over seeds [{seeds.low * change.per:+.1f}, {seeds.high * change.per:+.1f}])"


# The page


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
    **shown: Any,
) -> str:  # fmt: skip
    """The page. ``arms`` has the tokens and rows of each; it also takes warnings, about and plan."""
    from .html_page import page

    figures = {name: figure for one in found for name, figure in _figures(settings, one).items()}
    if kept_by_arm := _kept(settings, found):
        figures["kept"] = kept_by_arm
    spoken: dict[str, list[Said]] = {}
    for sentence in said:
        spoken.setdefault(sentence.lang, []).append(sentence)
    return page(
        "comparison.html", figures, {"answers": []}, settings=settings, verdict=spoken, arms=arms, version=__version__,
        states=keeps(settings, found), untouched=UNTOUCHED,
        languages=[of for lang in (*settings.targets, settings.rich) if (of := _of(found, lang))], **shown,
    )  # fmt: skip


def _of(found: Sequence[Compared], lang: Lang) -> OfLanguage | None:
    scores = [one for one in found if one.untouched.lang == lang]
    scores.sort(key=lambda one: (not one.untouched.headline, not one.untouched.name.startswith("text_bits")))
    if not scores:
        return None
    first, change = scores[:LEADING], Change
    lines = {UNTOUCHED: [Cell(change(one.untouched, one.untouched).shown(one.untouched)) for one in first]}
    lines |= {name: [_cell(one, name) for one in first] for name in first[0].places}
    cards = [Card(label(one.untouched.name), *_names(one), one.untouched.note) for one in scores]
    columns = [f"{label(one.untouched.name)}, {read_unit(one.untouched)}" for one in first]
    return OfLanguage(lang.english_name, columns, lines, cards[:LEADING], cards[LEADING:])


def _cell(one: Compared, arm: str) -> Cell:
    change, seeds = one.places[arm].change, one.places[arm].seeds
    ends = [change.shown(change.after.model_copy(update={"value": end})) for end in _ends(seeds, change)]
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
    return dots(_score(one), "per cent" if change.factor == 100 else one.untouched.unit, shown, note)


def _differences(settings: ComparisonSettings, one: Compared) -> Figure:
    change = Change(one.untouched, one.untouched)
    against = {UNTOUCHED: one.places[settings.lead].change.difference}
    against |= {name: place.lead for name, place in one.places.items() if name != settings.lead}
    shown = [
        Dot(
            f"less {name} {_difference(change._replace(difference=of), of.value)}", "difference",
            *(n * change.per for n in (of.value, of.low, of.high)),
        )
        for name, of in against.items() if of
    ]  # fmt: skip
    unit = "% of the untouched value" if change.unit == "%" else "points"
    note = "The bar is the 95 % interval over items, all seeds together."
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
            f"{name}: {states[name]}, {_difference(change, change.difference.value)}", "difference",
            *(n * change.per for n in (change.difference.value, change.difference.low, change.difference.high)),
        )
        for name, change in changes.items() if change.difference
    ]  # fmt: skip
    margin = retain.worse_by.of(first.before.value, first.before.unit) * first.per
    title = f"{first.before.lang.english_name}, {label(first.before.name)}: change from {UNTOUCHED}, and what may be lost of it"
    unit = "change in %" if first.unit == "%" else "change in points"
    return differences(f"{title} ({retain.worse_by})", unit, shown, first.before.higher_is_better, margin)
