"""The last stage of a comparison: arms side by side, on the same items and over the same seeds."""

import json
from collections.abc import Hashable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from .arms import UNTOUCHED
from .component import Count, Settings
from .contamination import clean, contaminated
from .engines import Engine
from .evaluate import Evaluation
from .evaluators import ABOUT_THE_MEASURE, Score
from .matched import tokens_of
from .provenance import parts_of, settings_of, yaml_text
from .records import Lang
from .retain import RetainSettings
from .stage import Artifact, Rows, replacing, stage, workspace, write_json
from .statistics.evidence import Difference, Seeds, difference, holm, over_seeds
from .statistics.tallies import counts
from .views.findings import Change, label
from .views.verdict import retained


class ComparisonSettings(Settings):
    """Which arms stand beside one another."""

    arms: tuple[tuple[str, int], ...]
    """(name, seed) of each trained arm, in the order of its mixture and its scores."""
    says: dict[str, str]
    """What each arm is, in a sentence."""
    lead: str
    """The arm that the others are controls of."""
    tokens: Count
    """Tokens of each arm's mixture."""
    epochs: Count = 1
    """How often each arm sees them."""
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


class Place(NamedTuple):
    """One arm on one score: its value, and its differences from the untouched model and from the leading arm."""

    seeds: Seeds
    change: Change
    """From the untouched model to the arm, all seeds together."""
    lead: Difference | None
    """The leading arm less this one, with its interval over items; None for that arm itself."""
    lead_seeds: Seeds | None
    """The same seed by seed, with its interval over seeds."""
    p_holm: float | None = None
    """Its p, adjusted for all arms and languages that the score is compared in."""
    overlap: tuple[str, ...] = ()
    """The ids of items that share text with this arm's training rows."""
    clean: Difference | None = None
    """The leading arm less this one on the items that share text with no arm's rows; None where all or none of them do."""
    alone: tuple[Difference, ...] = ()
    """From the untouched model to each seed's training by itself; only of the score to keep, and where there are several."""


class Compared(NamedTuple):
    """One score in one language over all arms."""

    untouched: Score
    places: dict[str, Place]

    @property
    def overlap(self) -> set[str]:
        """The ids of items that share text with the training rows of any arm."""
        return {id for place in self.places.values() for id in place.overlap}

    @property
    def clean(self) -> dict[str, Difference]:
        """By control, the leading arm less it on the items that share text with no arm's rows."""
        return {name: place.clean for name, place in self.places.items() if place.clean}


Overlaps = dict[str, dict[tuple[str, Lang], set[str]]]
"""By arm, and by a score's name and language, the ids of items that share text with the arm's training rows."""


@stage(version=4)
def comparison(settings: ComparisonSettings, *results: Any, out: Path) -> Comparison:
    """The arms side by side: first the mixture of each, then the scores of each."""
    from .comparison_means import means
    from .report import in_one
    from .views.comparison_report import html
    from .views.comparison_verdict import doubts, keeps, verdict

    mixtures, evaluations = results[: len(settings.arms)], results[len(settings.arms) :]
    found = side_by_side(settings, evaluations, overlaps(settings, mixtures, evaluations))
    said, base = verdict(settings, found), evaluations[0].base
    measures = [score for score in evaluations[0].before if score.name in ABOUT_THE_MEASURE]
    doubted = [
        *left_out(settings, evaluations),
        *doubts(settings, found, measures, [one.reloaded.found for one in evaluations]),
    ]
    arms = {name: _about(settings, name, mixtures, evaluations) for name in settings.names}
    over_targets = means(settings, evaluations, found)
    write_json(out / "comparison.json", {
        "verdict": [one.text for one in said], "warnings": doubted, "lead": settings.lead, "kept": keeps(settings, found),
        "arms": arms, "scores": [as_numbers(one) for one in found], "means": over_targets,
    })  # fmt: skip
    shown = {"warnings": doubted, "about": in_one(parts_of(base, ())), "plan": yaml_text(made_with(settings, base))}
    with replacing(out / "comparison.html") as file:
        file.write(html(settings, found, said, arms, means=over_targets, **shown))
    return Comparison(out)


def made_with(settings: ComparisonSettings, base: Engine) -> dict[str, Any]:
    """The settings of every stage by its folder; of a stage with several folders, the later ones' that are not the first's."""
    top = {"model": base, "rich": settings.rich, "targets": settings.targets}
    found = {**settings_of((), top), "lead": settings.lead, "arms": [f"{name}, seed {seed}" for name, seed in settings.arms]}
    for name, result, _ in workspace().finished:
        noted, of_stage = settings_of([(name, result)], top)[name], found.setdefault(name, {})
        first = next(iter(of_stage.values()), None)
        own = {key: value for key, value in noted.items() if first is None or key not in first or first[key] != value}
        of_stage.setdefault(result.folder.name, own)
    return found


def overlaps(settings: ComparisonSettings, mixtures: Sequence[Rows], evaluations: Sequence[Evaluation]) -> Overlaps:
    """Which items share text with what an arm learned from, over all its seeds."""
    scores = list(evaluations[0].before)
    found: Overlaps = {name: {} for name in settings.names}
    for (name, _), mixture in zip(settings.arms, mixtures, strict=True):
        for key, ids in contaminated(mixture, scores).items():
            found[name].setdefault(key, set()).update(ids)
    return found


def left_out(settings: ComparisonSettings, evaluations: Sequence[Evaluation]) -> list[str]:
    """A sentence for each score that some arm does not have, so that it is not compared."""
    said = []
    for before in evaluations[0].before:
        lacking = [
            name for (name, _), one in zip(settings.arms, evaluations, strict=True)
            if not any((score.name, score.lang) == (before.name, before.lang) and score.n for score in one.after)
        ]  # fmt: skip
        if before.items and before.n and lacking and before.name not in ABOUT_THE_MEASURE:
            arms = ", ".join(dict.fromkeys(lacking))
            said.append(
                f"{before.lang.english_name}, {label(before.name)}: not compared, as it could not be measured of {arms}"
            )
    return said


def side_by_side(
    settings: ComparisonSettings, evaluations: Sequence[Evaluation], overlap: Overlaps | None = None
) -> list[Compared]:  # fmt: skip
    """Every score that all arms have, in the order it was measured; p adjusted within each score's family."""
    by_arm, both = by_seed(settings, evaluations), {}
    for before in evaluations[0].before:
        key = before.name, before.lang
        if before.name in ABOUT_THE_MEASURE or not before.items or not all(key in one for one in chain(*by_arm.values())):
            continue
        of_arm = {name: [one[key] for one in seeds] for name, seeds in by_arm.items()}
        if all(any(map(counts, score.items)) for score in (before, *chain(*of_arm.values()))):
            both[key] = before, of_arm
    keep = settings.retain and retained([Change(of, of) for of, _ in both.values()], settings.rich, settings.retain)
    found = []
    for key, (before, of_arm) in both.items():
        one = Compared(before, {name: _place(settings, before, of_arm, name) for name in of_arm})
        if keep and keep.before is before:
            one = _alone(one, of_arm)
        found.append(_cleaned(settings, one, of_arm, {name: of[key] for name, of in (overlap or {}).items()}))
    return [_adjusted(one, found) for one in found]


def by_seed(
    settings: ComparisonSettings, evaluations: Sequence[Evaluation]
) -> dict[str, list[dict[tuple[str, Lang], Score]]]:  # fmt: skip
    """Of each arm the scores of each of its seeds, by name and language."""
    found: dict[str, list[dict[tuple[str, Lang], Score]]] = {name: [] for name in settings.names}
    for (name, _), evaluation in zip(settings.arms, evaluations, strict=True):
        found[name].append({(score.name, score.lang): score for score in evaluation.after})
    return found


def _alone(one: Compared, of_arm: dict[str, list[Score]]) -> Compared:
    """With the change of each seed's training by itself, where there are several."""
    alone = {name: tuple(difference([one.untouched], [of]) for of in seeds) for name, seeds in of_arm.items() if seeds[1:]}
    return one._replace(places={name: place._replace(alone=alone.get(name, ())) for name, place in one.places.items()})


def _cleaned(
    settings: ComparisonSettings, one: Compared, of_arm: dict[str, list[Score]], overlap: dict[str, set[str]]
) -> Compared:  # fmt: skip
    """With the items that share text with training rows, and what is left without them."""
    every = set().union(*overlap.values())
    places = {name: place._replace(overlap=tuple(sorted(overlap.get(name, ())))) for name, place in one.places.items()}
    left = {name: [clean(score, every) for score in seeds] for name, seeds in of_arm.items()} if every else {}
    if left and all(score is not None for score in chain(*left.values())):
        for name in settings.names:
            if name != settings.lead:
                places[name] = places[name]._replace(clean=difference(left[name], left[settings.lead]))
    return one._replace(places=places)


def _place(settings: ComparisonSettings, before: Score, of_arm: dict[str, list[Score]], name: str) -> Place:
    seeds = over_seeds([score.value for score in of_arm[name]])
    warning = "; ".join(dict.fromkeys(filter(None, (score.warning for score in of_arm[name]))))
    after = of_arm[name][0].model_copy(update={"value": seeds.mean, "warning": warning})
    change = Change(before, after, difference([before], of_arm[name]))
    if name == settings.lead:
        return Place(seeds, change, None, None)
    by_seed = [ours.value - theirs.value for ours, theirs in zip(of_arm[settings.lead], of_arm[name], strict=True)]
    return Place(seeds, change, difference(of_arm[name], of_arm[settings.lead]), over_seeds(by_seed))


def _adjusted(one: Compared, found: Sequence[Compared]) -> Compared:
    """With p adjusted over all arms and languages of the score: of each arm against the untouched model, and of the lead."""
    family = [other for other in found if other.untouched.name == one.untouched.name]
    lang = one.untouched.lang
    changes = adjusted({(of.untouched.lang, n): p.change.difference for of in family for n, p in of.places.items()})
    leads = adjusted({(of.untouched.lang, n): p.lead for of in family for n, p in of.places.items()})
    return one._replace(places={
        name: place._replace(change=place.change._replace(p_holm=changes.get((lang, name))), p_holm=leads.get((lang, name)))
        for name, place in one.places.items()
    })  # fmt: skip


def adjusted(family: Mapping[Hashable, Difference | None]) -> dict[Any, float]:
    """The p of each difference that has one, adjusted over them all."""
    ps = {key: found.p for key, found in family.items() if found is not None and found.p is not None}
    return dict(zip(ps, holm(list(ps.values())), strict=True))


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
    return {
        **one.untouched.model_dump(mode="json", include={"name", "lang", "unit", "higher_is_better", "headline", "note"}),
        UNTOUCHED: one.untouched.value,
        "arms": {
            name: {
                **arm_as_numbers(place.seeds, place.change.difference, place.lead, place.lead_seeds, place.p_holm),
                "lead_less_this_clean": plain(place.clean), "overlap": list(place.overlap),
                "from_untouched_by_seed": [plain(of) for of in place.alone],
            }
            for name, place in one.places.items()
        },
    }  # fmt: skip


def arm_as_numbers(
    seeds: Seeds, change: Difference | None, lead: Difference | None, lead_seeds: Seeds | None, p_holm: float | None
) -> dict[str, Any]:
    """One arm on one score, or on the mean of one, for other programs."""
    return {
        **seeds._asdict(), "from_untouched": plain(change), "lead_less_this": plain(lead), "p_holm": p_holm,
        "lead_less_this_by_seed": lead_seeds and lead_seeds._asdict(),
    }  # fmt: skip


def plain(found: Difference | None) -> dict[str, Any] | None:
    """A difference for other programs."""
    return found and found.model_dump(include={"value", "low", "high", "p", "smallest", "n", "groups"})
