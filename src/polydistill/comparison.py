"""The last stage of a comparison: arms side by side, on the same items and over the same seeds."""

import json
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from . import __version__
from .arms import UNTOUCHED, Arm
from .component import Count, Settings
from .evaluate import Evaluation
from .evaluators import ABOUT_THE_MEASURE, Score
from .evidence import Difference, Seeds, difference, holm, kept, over_seeds
from .findings import Change, label
from .records import Lang
from .retain import RetainSettings
from .sources import BadInput
from .stage import Artifact, Rows, replacing, stage, write_json
from .verdict import leading, retained

EQUAL = 0.02
"""How far an arm's tokens may be from what was asked for: a mixture is made of whole rows."""


class ComparisonSettings(Settings):
    """Which arms stand beside one another."""

    arms: tuple[tuple[str, int], ...]
    """(name, seed) of each trained arm, in the order of its mixture and its scores."""
    says: dict[str, str]
    """What each arm is, in a sentence."""
    lead: str
    """The arm that the others are controls of."""
    tokens: Count
    """Training tokens of each arm."""
    rich: Lang
    """The rich language."""
    targets: tuple[Lang, ...]
    """The target languages."""
    retain: RetainSettings | None = None
    """What the rich language may lose."""

    @property
    def names(self) -> list[str]:
        """The trained arms in the order they were given."""
        return list(dict.fromkeys(name for name, _ in self.arms))


class Comparison(Artifact):
    """The finished comparison: ``comparison.json`` and ``comparison.html``."""

    @property
    def found(self) -> dict[str, Any]:
        return json.loads((self.folder / "comparison.json").read_text("utf-8"))


def tokens_of(mixture: Rows) -> int:
    """Training tokens of a mixture, prompts included."""
    groups = json.loads((mixture.folder / "funnel.json").read_text("utf-8"))["groups"]
    return sum(group["tokens"] for group in groups.values())


def equal_tokens(settings: ComparisonSettings, arms: Sequence[Arm], mixtures: Sequence[Rows]) -> None:
    """Refuses arms that learn from fewer tokens than the others.

    Raises:
        BadInput: an arm has not rows enough; nothing was trained yet.
    """
    short = {
        arm.name: tokens_of(mixture)
        for arm, mixture in zip(arms, mixtures, strict=True)
        if abs(tokens_of(mixture) / settings.tokens - 1) > EQUAL
    }
    if short:
        found = ", ".join(f"{name} {tokens:,}" for name, tokens in short.items())
        raise BadInput(
            f"every arm is to learn from {settings.tokens:,} tokens, but there are fewer rows: {found}; "
            "give more questions, let rows stand more often (mix.repeat=4), or ask for fewer tokens (mix.tokens=N)"
        )


class Place(NamedTuple):
    """One arm on one score: its value, and its differences from the untouched model and from the leading arm."""

    seeds: Seeds
    change: Change
    """From the untouched model to the arm, all seeds together."""
    lead: Difference | None
    """The leading arm less this one; None for that arm itself."""
    p_holm: float | None = None
    """Its p, adjusted for all arms and languages that the score is compared in."""


class Compared(NamedTuple):
    """One score in one language over all arms."""

    untouched: Score
    places: dict[str, Place]


@stage()
def comparison(settings: ComparisonSettings, *results: Any, out: Path) -> Comparison:
    """The arms side by side: first the mixture of each, then the scores of each."""
    mixtures, evaluations = results[: len(settings.arms)], results[len(settings.arms) :]
    found = side_by_side(settings, evaluations)
    said = verdict(settings, found)
    write_json(out / "comparison.json", {
        "verdict": said, "lead": settings.lead, "kept": keeps(settings, found),
        "arms": {name: _about(settings, name, mixtures, evaluations) for name in settings.names},
        "scores": [as_numbers(one) for one in found],
    })  # fmt: skip
    with replacing(out / "comparison.html") as file:
        file.write(html(settings, found, said))
    return Comparison(out)


def side_by_side(settings: ComparisonSettings, evaluations: Sequence[Evaluation]) -> list[Compared]:
    """Every score that all arms have, in the order it was measured; p adjusted within each score's family."""
    by_arm: dict[str, list[dict[tuple[str, Lang], Score]]] = {name: [] for name in settings.names}
    for (name, _), evaluation in zip(settings.arms, evaluations, strict=True):
        by_arm[name].append({(score.name, score.lang): score for score in evaluation.after})
    found = []
    for before in evaluations[0].before:
        key = before.name, before.lang
        if before.name in ABOUT_THE_MEASURE or not before.items or not all(key in one for one in chain(*by_arm.values())):
            continue
        of_arm = {name: [one[key] for one in seeds] for name, seeds in by_arm.items()}
        if all(any(item.value is not None or item.parts for item in score.items) for score in chain(*of_arm.values())):
            found.append(Compared(before, {name: _place(settings, before, of_arm, name) for name in of_arm}))
    return [_adjusted(one, found) for one in found]


def _place(settings: ComparisonSettings, before: Score, of_arm: dict[str, list[Score]], name: str) -> Place:
    seeds = over_seeds([score.value for score in of_arm[name]])
    change = Change(before, of_arm[name][0].model_copy(update={"value": seeds.mean}), difference([before], of_arm[name]))
    return Place(seeds, change, difference(of_arm[name], of_arm[settings.lead]) if name != settings.lead else None)


def _adjusted(one: Compared, found: Sequence[Compared]) -> Compared:
    family = [
        (other.untouched.lang, name, place.lead.p)
        for other in found
        if other.untouched.name == one.untouched.name
        for name, place in other.places.items()
        if place.lead and place.lead.p is not None
    ]
    adjusted = {(lang, name): p for (lang, name, _), p in zip(family, holm([p for _, _, p in family]), strict=True)}
    places = {n: place._replace(p_holm=adjusted.get((one.untouched.lang, n))) for n, place in one.places.items()}
    return one._replace(places=places)


# What it says


def keeps(settings: ComparisonSettings, found: Sequence[Compared]) -> dict[str, str]:
    """Of each arm, whether the rich language is ``kept``, ``lost`` or ``not shown``; empty where no margin was set."""
    if settings.retain is None:
        return {}
    of_arm = {
        name: retained([one.places[name].change for one in found], settings.rich, settings.retain) for name in settings.names
    }
    return {
        name: kept(change.difference, settings.retain.worse_by) if change and change.difference else "not shown"
        for name, change in of_arm.items()
    }


def verdict(settings: ComparisonSettings, found: Sequence[Compared]) -> list[str]:
    """What the leading arm gained over each control in each target, and what each arm cost the rich language."""
    said = []
    for target in settings.targets:
        of_lang = [one for one in found if one.untouched.lang == target]
        first = leading([one.places[settings.lead].change for one in of_lang])
        for one in of_lang:
            if first and one.untouched.name == first.before.name:
                said += [_against(settings, one, name) for name in settings.names if name != settings.lead]
                change = one.places[settings.lead].change
                told = f"{change.text} {change.interval}".rstrip()
                said.insert(
                    0,
                    f"{target.english_name}, {label(one.untouched.name)}: {settings.lead} against {UNTOUCHED} {told}, {change.direction}.",
                )
    if settings.retain:
        for state, names in _by_state(keeps(settings, found)).items():
            said.append(
                f"{settings.rich.english_name} {_STATES[state].format(margin=settings.retain.worse_by)}: {', '.join(names)}."
            )
    return said


_STATES = {
    "kept": "kept within {margin}", "lost": "has lost more than {margin}", "not shown": "not shown to be kept within {margin}",
}  # fmt: skip


def _by_state(states: dict[str, str]) -> dict[str, list[str]]:
    return {state: names for state in _STATES if (names := [name for name, found in states.items() if found == state])}


def _against(settings: ComparisonSettings, one: Compared, control: str) -> str:
    place = one.places[control]
    assert place.lead is not None
    change = Change(place.change.after, one.places[settings.lead].change.after, place.lead, place.p_holm)
    direction = change.direction
    if direction in ("better", "worse") and place.p_holm is not None and place.p_holm > 0.05:
        direction = f"{direction}, but not beyond chance among so many comparisons (p {place.p_holm:.2f})"
    unit = "" if change.unit == "%" else f" {change.unit}"
    return (
        f"{one.untouched.lang.english_name}, {label(one.untouched.name)}: {settings.lead} against {control} "
        f"{change.text}{unit} {change.interval}, {direction}."
    )


def _about(
    settings: ComparisonSettings, name: str, mixtures: Sequence[Rows], evaluations: Sequence[Evaluation]
) -> dict[str, Any]:
    here = [at for at, (arm, _) in enumerate(settings.arms) if arm == name]
    return {
        "says": settings.says[name], "seeds": [settings.arms[at][1] for at in here],
        "tokens": [tokens_of(mixtures[at]) for at in here], "rows": [len(mixtures[at]) for at in here],
        "models": [str(evaluations[at].student.model_dump()["path"]) for at in here],
    }  # fmt: skip


def as_numbers(one: Compared) -> dict[str, Any]:
    """A score over all arms, for other programs."""
    told = {"value", "low", "high", "p", "smallest", "n", "groups"}
    return {
        **one.untouched.model_dump(mode="json", include={"name", "lang", "unit", "higher_is_better", "headline", "note"}),
        UNTOUCHED: one.untouched.value,
        "arms": {
            name: {
                **place.seeds._asdict(),
                "from_untouched": place.change.difference.model_dump(include=told) if place.change.difference else None,
                "lead_less_this": place.lead.model_dump(include=told) if place.lead else None, "p_holm": place.p_holm,
            }
            for name, place in one.places.items()
        },
    }  # fmt: skip


def html(settings: ComparisonSettings, found: Sequence[Compared], said: Sequence[str]) -> str:
    """The page."""
    from .charts import Dot, Figure, differences, dots
    from .html_page import page

    figures: dict[str, Figure] = {}
    cards = []
    for one in found:
        lang, score = one.untouched.lang, one.untouched
        change = one.places[settings.lead].change
        key = f"{score.name} {lang}"
        values = [Dot(UNTOUCHED, "mean over seeds", score.value * change.factor)]
        values += [
            Dot(name, "mean over seeds", place.seeds.mean * change.factor, *(
                end if end is None else end * change.factor for end in (place.seeds.low, place.seeds.high)
            ), seeds=tuple(value * change.factor for value in place.seeds.values) if len(place.seeds.values) > 1 else ())
            for name, place in one.places.items()
        ]  # fmt: skip
        title = f"{lang.english_name}, {label(score.name)}"
        unit = "per cent" if change.factor == 100 else score.unit
        figures[f"values of {key}"] = dots(title, unit, values, note="The bar is the 95 % t-interval over training seeds.")
        apart = [
            Dot(f"{settings.lead} less {name}", "difference", place.lead.value * change.per, place.lead.low * change.per, place.lead.high * change.per)
            for name, place in one.places.items() if place.lead
        ]  # fmt: skip
        if apart:
            told = "in % of the untouched value" if change.unit == "%" else "in points"
            figures[f"differences of {key}"] = differences(
                f"{title}: {settings.lead} against its controls", told, apart, score.higher_is_better,
                note="The bar is the 95 % interval over items, all seeds together.",
            )  # fmt: skip
        cards.append((title, key, score.note))
    states = keeps(settings, found)
    return page(
        "comparison.html", figures, {"answers": []}, settings=settings, verdict=said, cards=cards, states=states, version=__version__,
    )  # fmt: skip
