"""What a report draws: charts made from its numbers."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ..languages.confusion import matrix
from ..records import Lang
from ..retain import Candidate, Front, RetainSettings
from . import charts
from .charts import Dot, Figure
from .findings import FLIPS, Change, label, per
from .side_by_side import Length, spread
from .training_curves import by_kind, resumes, whole
from .verdict import retained

PARTS = {"gained": "var(--series-1)", "lost": "var(--series-2)", "both": "var(--quiet-1)", "neither": "var(--quiet-2)"}


class Card(NamedTuple):
    """One score in every language: what it was and is, and beside it the paired difference."""

    name: str
    title: str
    values: str
    """The name of its first figure."""
    differences: str
    """The name of its second."""
    notes: list[str]


def named(lang: Lang) -> str:
    """A language in English and in itself."""
    return lang.english_name if lang.own_name == lang.english_name else f"{lang.english_name} · {lang.own_name}"


def cards(changes: Sequence[Change], figures: dict[str, Figure]) -> list[Card]:
    """A card for each score, the headline first, its languages by how much they gained; fills in the figures."""
    by_score: dict[str, list[Change]] = {}
    for change in sorted(changes, key=lambda change: not change.before.headline):
        if change.about_the_measure:
            continue
        by_score.setdefault(change.before.name, []).append(change)
    found = []
    for name, of in by_score.items():
        of.sort(key=lambda change: -change.better * change.per)
        card = Card(name, label(name), f"values of {name}", f"differences of {name}", _notes(of))
        figures[card.values] = values(f"{card.title}: before and after", of)
        figures[card.differences] = differences(f"{card.title}: paired difference", of)
        found.append(card)
    return found


def _notes(of: Iterable[Change]) -> list[str]:
    said: dict[str, list[str]] = {}
    for change in of:
        said.setdefault(change.before.note, []).append(change.before.lang.english_name)
    return [f"{', '.join(langs)}: {note}" for note, langs in said.items() if note]


def values(title: str, of: Sequence[Change]) -> Figure:
    """Before and after, each with the interval that its standard error makes."""
    unit = "per cent" if of[0].factor == 100 else of[0].before.unit
    found = []
    for change in of:
        for series, score in (("before", change.before), ("after", change.after)):
            value, error = score.value * change.factor, (score.standard_error or 0) * change.factor * 1.96
            within = None if score.standard_error is None else (value - error, value + error)
            if within and change.factor == 100:
                within = max(0.0, within[0]), min(100.0, within[1])
            found.append(Dot(named(change.before.lang), series, value, *(within or (None, None))))
    return charts.dots(title, unit, found)


def differences(title: str, of: Sequence[Change], margin: float | None = None) -> Figure:
    """The paired differences, named with their numbers."""
    found = []
    for change in of:
        of_pair, unit = change.difference, "" if change.unit == "%" else f" {change.unit}"
        said = f"{change.before.lang.english_name} {change.text}{unit} {change.interval}".rstrip()
        ends = (of_pair.low * change.per, of_pair.high * change.per) if of_pair else (None, None)
        found.append(Dot(said, "difference", (change.after.value - change.before.value) * change.per, *ends))
    unit = "change in %" if of[0].unit == "%" else "change in points"
    return charts.differences(title, unit, found, of[0].before.higher_is_better, margin, series=2)


def rich_kept(changes: Sequence[Change], rich: Lang, retain: RetainSettings) -> Figure | None:
    """The difference that must stay within the margin, with the margin drawn."""
    change = retained(changes, rich, retain)
    if change is None:
        return None
    margin = retain.worse_by.of(change.before.value, change.before.unit) * change.per
    return differences(f"{label(change.before.name)}, and what may be lost of it ({retain.worse_by})", [change], margin)


def confusions(changes: Sequence[Change]) -> dict[str, Figure]:
    """Asked against answered language, before and after; and the identifier's own errors, where they were measured."""
    tables = {"answered before": matrix(c.before for c in changes), "answered after": matrix(c.after for c in changes)}
    tables["identified"] = matrix((change.before for change in changes), "identifier_on_people")
    titles = {
        "answered before": "Language of the answers, before", "answered after": "Language of the answers, after",
        "identified": "What the identifier makes of text by people",
    }  # fmt: skip
    found: dict[str, Figure] = {}
    for name, counts in tables.items():
        judged = {asked: of for asked, of in counts.items() if of}
        columns = list(dict.fromkeys([*judged, *(to for of in judged.values() for to in of)]))
        columns.sort(key=lambda to: (to == "unknown", to == "mixed", to not in counts))
        if judged:
            told = {answered_name(asked): {answered_name(to): n for to, n in of.items()} for asked, of in judged.items()}
            row, column = ("asked in", "answered in") if name != "identified" else ("written in", "identified as")
            nothing = ", ".join(answered_name(asked) for asked in counts if asked not in judged)
            note = f"Not measurable: {nothing}." if nothing else ""
            found[name] = charts.matrix(titles[name], told, [answered_name(to) for to in columns], row, column, note)
    return found


def answered_name(code: str) -> str:
    """A language in English; ``mixed`` and ``unknown`` as they are."""
    try:
        return Lang(code).english_name
    except ValueError:
        return code


def flips(changes: Sequence[Change]) -> tuple[Figure | None, dict[str, dict[str, str]]]:
    """What became of the items of each yes/no score, and which score and language each line of it is."""
    counts, lines = {}, {}
    for change in changes:
        if found := list(change.flips().values()):
            line = f"{change.before.lang.english_name}: {label(change.before.name)}"
            counts[line] = {part: found.count(part) for part in FLIPS}
            lines[line] = {"score": change.before.name, "lang": str(change.before.lang)}
    note = "; ".join(f"{part}: {meaning}" for part, meaning in FLIPS.items()) + ". Click a part to read its answers."
    return (charts.stacked("Items of yes/no scores", "items", counts, PARTS, note) if counts else None), lines


def data(funnel: Mapping[str, Any]) -> dict[str, Figure]:
    """Where rows were lost, and what the mixture is made of."""
    lost = {**funnel["rejected"], **funnel.get("left out", {})}
    found = {}
    if lost:
        most_first = dict(sorted(((reason.replace("_", " "), n) for reason, n in lost.items()), key=lambda each: -each[1]))
        found["left out"] = charts.bars("Rows left out, by reason", "rows", most_first)
    groups = {name.replace("_", " "): group for name, group in funnel["groups"].items()}
    if groups:
        tokens = {name: group["tokens"] for name, group in groups.items()}
        wanted = {name: group["wanted"] for name, group in groups.items()}
        found["composition"] = charts.bars("Tokens of the mixture, and what was wanted", "tokens", tokens, wanted)
    return found


def ratios(of: Sequence[Length]) -> Figure:
    """Lengths of the translations that were kept."""
    return charts.histogram("Length of translations", "characters of the translation for each of the source", spread(of))


def losses(events: Sequence[Mapping[str, Any]]) -> dict[str, Figure]:
    """The training loss, whole with its parts, and by kind of row where that was kept; nothing for a single step."""
    if len(events) < 2:
        return {}
    stops = resumes(events)
    note = "Nats an answer token, faint by step and strong as a running mean over steps, weighted by answer tokens."
    again = f" Training was stopped, and went on at step {', '.join(map(str, stops))} (dashed)." if stops else ""
    lines, kinds = whole(events), by_kind(events)
    parts = " The parts add up to all." if len(lines) > 1 else ""
    found = {"losses": charts.curves("Training loss", "step", "nats", lines, stops, note + parts + again)}
    if kinds:
        title = "Training loss by kind of row, and the language that is learned"
        found["losses by kind"] = charts.curves(title, "step", "nats", kinds, stops, note + again)
    return found


def stages(seconds: Mapping[str, float]) -> Figure:
    """Time by stage."""
    minutes = {name: of / 60 for name, of in seconds.items()}
    return charts.bars("Time by stage", "minutes", minutes)


def candidates(front: Front) -> Figure | None:
    """What each candidate gained in the targets and what it changed in the language to keep."""
    measured = [(each, each.change) for each in front.candidates if each.change]
    if not measured:
        return None
    one = measured[0][1]
    times = per(one.unit, one.before)
    points = [
        Dot(f"{_candidate(each)}: {100 * each.gain:+.1f} % in the targets", "", *(n * times for n in ends))
        for each, change in sorted(measured, key=lambda pair: -pair[0].gain)
        for ends in [(change.value, change.low, change.high)]
    ]
    title = f"Candidates by what they gained, and what each changed in {label(front.retain)}"
    unit = "change in %" if one.relative else "change in points"
    return charts.differences(title, unit, points, one.higher_is_better, front.margin and front.margin * times)


def _candidate(each: Candidate) -> str:
    return f"step {each.step}, scale {each.scale:g}{' (chosen)' if each.chosen else ''}"
