"""A comparison as tables, made from its numbers alone."""

from collections.abc import Sequence
from typing import Any

from ..arms import UNTOUCHED
from ..privacy.visible import visible
from ..records import Lang
from .findings import interval, label, read_unit, shown, told

MEANS = "Mean of the target languages"
"""The heading of what is the mean over several."""


def markdown(found: dict[str, Any]) -> str:
    """For each language two tables: every score of every arm, and the leading arm less each of its controls.

    ``found`` is what comparison.json holds. Differences are in per cent of the untouched value for bits, else in points, with
    the 95 % interval over items, all seeds together; ``*`` marks those whose interval does not hold 0 and that are beyond
    chance among all arms and languages of their score (Holm, 5 %); in round brackets the 95 % interval over seeds, where there
    are several. Means over the target languages come last; of theirs, ``*`` is among all arms.
    """
    parts: dict[str, list[dict[str, Any]]] = {}
    for score in found["scores"]:
        parts.setdefault(Lang(score["lang"]).english_name, []).append(score)
    if found["means"]:
        parts[MEANS] = found["means"]
    lines = []
    for heading, scores in parts.items():
        lines += [f"### {heading}", "", *_rows(values(scores, list(found["arms"]))), ""]
        if controls := [name for name in found["arms"] if name != found["lead"]]:
            lines += [f"{found['lead']} less each control:", "", *_rows(differences(scores, controls)), ""]
    return "\n".join(lines)


def values(scores: Sequence[dict[str, Any]], arms: Sequence[str]) -> list[list[str]]:
    """A line for each score, with the value of every arm, below one of headings."""
    lines = [["score", "items", UNTOUCHED, *arms]]
    for score in scores:
        n = max(score["arms"][name]["from_untouched"]["n"] for name in arms)
        found = (score[UNTOUCHED], *(score["arms"][name]["mean"] for name in arms))
        lines.append([title(score), str(n), *(shown(score["unit"], value) for value in found)])
    return lines


def differences(scores: Sequence[dict[str, Any]], controls: Sequence[str]) -> list[list[str]]:
    """A line for each score, with the leading arm less each control, below one of headings."""
    lines = [["score", *controls]]
    return lines + [[title(score), *(_difference(score, score["arms"][name]) for name in controls)] for score in scores]


def _difference(score: dict[str, Any], arm: dict[str, Any]) -> str:
    lead, seeds = arm["lead_less_this"], arm["lead_less_this_by_seed"]
    beyond = arm["p_holm"] is not None and arm["p_holm"] < 0.05 and not lead["low"] <= 0 <= lead["high"]
    star = "*" if beyond else ""
    over_seeds = f" (seeds {within(score, seeds)})" if seeds["low"] is not None else ""
    return f"{change(score, lead['value'])}{star} {within(score, lead)}{over_seeds}"


def title(score: dict[str, Any]) -> str:
    """A score's name with its unit and direction."""
    mean = f", mean of {len(score['languages'])} languages" if "languages" in score else ""
    return f"{label(score['name'])}{mean}, {read_unit(score['unit'], score['higher_is_better'])}"


def change(score: dict[str, Any], difference: float) -> str:
    """A difference from or between arms as people read it."""
    return told(score["unit"], score[UNTOUCHED], difference)


def within(score: dict[str, Any], ends: dict[str, Any]) -> str:
    """The interval of a difference as people read it."""
    return interval(score["unit"], score[UNTOUCHED], ends["low"], ends["high"])


def _rows(lines: Sequence[Sequence[str]]) -> list[str]:
    head, *others = [f"| {' | '.join(visible(cell).replace('|', chr(92) + '|') for cell in cells)} |" for cells in lines]
    return [head, f"|{' --- |' * len(lines[0])}", *others]
