"""Scores of a comparison as means over the target languages."""

from collections.abc import Sequence
from statistics import fmean
from typing import Any

from .arms import UNTOUCHED
from .comparison import Compared, ComparisonSettings, adjusted, arm_as_numbers, by_seed
from .evaluate import Evaluation
from .evaluators import Score
from .statistics.evidence import over_languages, over_seeds


def means(
    settings: ComparisonSettings, evaluations: Sequence[Evaluation], found: Sequence[Compared]
) -> list[dict[str, Any]]:  # fmt: skip
    """The mean over the targets of each score that two of them have, or more, in the form of `as_numbers`.

    (s_1 + ... + s_L) / L, each of L languages alike; intervals are those of `over_languages`. p is adjusted over the arms: the
    mean is a claim of its own, and not one of those of its languages.
    """
    by_name: dict[str, list[Score]] = {}
    for one in found:
        if one.untouched.lang in settings.targets:
            by_name.setdefault(one.untouched.name, []).append(one.untouched)
    by_arm = by_seed(settings, evaluations)
    told = []
    for before in by_name.values():
        if len(before) > 1:
            after = {name: [[of[s.name, s.lang] for of in seeds] for s in before] for name, seeds in by_arm.items()}
            told.append(_mean(settings, before, after))
    return told


def _mean(
    settings: ComparisonSettings, before: Sequence[Score], after: dict[str, list[list[Score]]]
) -> dict[str, Any]:  # fmt: skip
    """Of one score; ``after`` has for each arm its scores by language, then by seed."""
    of_seed = {name: [fmean(s.value for s in of) for of in zip(*langs, strict=True)] for name, langs in after.items()}
    ours, controls = settings.lead, [name for name in after if name != settings.lead]
    leads = {name: over_languages(list(zip(after[name], after[ours], strict=True))) for name in controls}
    lead_seeds = {
        name: over_seeds([one - other for one, other in zip(of_seed[ours], of_seed[name], strict=True)]) for name in controls
    }
    p_holm = adjusted(leads)
    return {
        **before[0].model_dump(mode="json", include={"name", "unit", "higher_is_better", "headline"}),
        "languages": [str(score.lang) for score in before], UNTOUCHED: fmean(score.value for score in before),
        "arms": {
            name: arm_as_numbers(
                over_seeds(of_seed[name]), over_languages([([b], a) for b, a in zip(before, after[name], strict=True)]),
                leads.get(name), lead_seeds.get(name), p_holm.get(name),
            )
            for name in after
        },
    }  # fmt: skip
