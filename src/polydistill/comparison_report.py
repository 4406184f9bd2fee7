"""What a comparison says of its arms, in words and as a page."""

from collections.abc import Sequence

from . import __version__
from .arms import UNTOUCHED
from .charts import Dot, Figure, differences, dots
from .comparison import Compared, ComparisonSettings
from .evidence import Seeds, kept
from .findings import Change, label
from .verdict import leading, retained

STATES = {
    "kept": "kept within {margin}", "lost": "has lost more than {margin}", "not shown": "not shown to be kept within {margin}",
}  # fmt: skip


def keeps(settings: ComparisonSettings, found: Sequence[Compared]) -> dict[str, str]:
    """Of each arm, whether the rich language is ``kept``, ``lost`` or ``not shown``; empty where no margin was set."""
    states = {}
    for name in settings.names if settings.retain else ():
        change = retained([one.places[name].change for one in found], settings.rich, settings.retain)
        judged = change is not None and change.difference is not None
        states[name] = kept(change.difference, settings.retain.worse_by) if judged else "not shown"
    return states


def verdict(settings: ComparisonSettings, found: Sequence[Compared]) -> list[str]:
    """What the leading arm gained over each control in each target, and what each arm cost the rich language."""
    said = []
    for one in filter(None, (_leading(settings, found, target) for target in settings.targets)):
        change = one.places[settings.lead].change
        against = f"{settings.lead} against {UNTOUCHED} {change.text} {change.interval}".rstrip()
        said.append(f"{_score(one)}: {against}, {change.direction}.")
        said += [_against(settings, one, name) for name in settings.names if name != settings.lead]
    states, rich = keeps(settings, found), settings.rich.english_name
    for state, words in STATES.items():
        if names := [name for name in states if states[name] == state]:
            said.append(f"{rich} {words.format(margin=settings.retain.worse_by)}: {', '.join(names)}.")
    return said


def _leading(settings: ComparisonSettings, found: Sequence[Compared], target: str) -> Compared | None:
    of_lang = {one.untouched.name: one for one in found if one.untouched.lang == target}
    first = leading([one.places[settings.lead].change for one in of_lang.values()])
    return of_lang[first.before.name] if first else None


def _score(one: Compared) -> str:
    return f"{one.untouched.lang.english_name}, {label(one.untouched.name)}"


def _against(settings: ComparisonSettings, one: Compared, control: str) -> str:
    place = one.places[control]
    # In per cent of the untouched model, so that all differences of a score can be compared with one another.
    change = Change(one.untouched, one.untouched, place.lead)
    assert place.lead is not None
    direction = "no difference shown"
    if place.lead.shown:
        direction = "better" if place.lead.better > 0 else "worse"
        if place.p_holm is not None and place.p_holm > 0.05:
            direction += f", but not beyond chance among so many comparisons (p {place.p_holm:.2f})"
    unit = "" if change.unit == "%" else f" {change.unit}"
    seeds = _over_seeds(place.lead_seeds, change)
    told = f"{change.told(place.lead.value)}{unit} {change.interval}{seeds}"
    return f"{_score(one)}: {settings.lead} against {control} {told}, {direction}."


def _over_seeds(seeds: Seeds | None, change: Change) -> str:
    if seeds is None or seeds.low is None or seeds.high is None:
        return ""
    return f" (over seeds [{seeds.low * change.per:+.1f}, {seeds.high * change.per:+.1f}])"


def html(settings: ComparisonSettings, found: Sequence[Compared], said: Sequence[str]) -> str:
    """The page: for each score the arms beside one another, and the leading one against its controls."""
    from .html_page import page

    figures: dict[str, Figure] = {}
    cards = []
    for one in found:
        key = f"{one.untouched.name} {one.untouched.lang}"
        figures[f"values of {key}"] = _values(one)
        if len(settings.names) > 1:
            figures[f"differences of {key}"] = _differences(settings, one)
        cards.append((_score(one), key, one.untouched.note))
    return page(
        "comparison.html", figures, {"answers": []}, settings=settings, verdict=said, cards=cards,
        states=keeps(settings, found), version=__version__,
    )  # fmt: skip


def _values(one: Compared) -> Figure:
    change = Change(one.untouched, one.untouched)
    shown = [Dot(UNTOUCHED, "mean", one.untouched.value * change.factor)]
    for name, place in one.places.items():
        low, high = (end if end is None else end * change.factor for end in (place.seeds.low, place.seeds.high))
        seeds = tuple(value * change.factor for value in place.seeds.values) if len(place.seeds.values) > 1 else ()
        shown.append(Dot(name, "mean", place.seeds.mean * change.factor, low, high, seeds))
    unit = "per cent" if change.factor == 100 else one.untouched.unit
    return dots(_score(one), unit, shown, note="The bar is the 95 % t-interval over training seeds.")


def _differences(settings: ComparisonSettings, one: Compared) -> Figure:
    change = Change(one.untouched, one.untouched)
    shown = [
        Dot(f"{settings.lead} less {name}", "difference", *(n * change.per for n in (lead.value, lead.low, lead.high)))
        for name, place in one.places.items()
        if (lead := place.lead)
    ]
    unit = "% of the untouched value" if change.unit == "%" else "points"
    note = "The bar is the 95 % interval over items, all seeds together."
    return differences(f"{settings.lead} against its controls", unit, shown, one.untouched.higher_is_better, note=note)
