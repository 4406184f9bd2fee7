"""A comparison as tables in Markdown, made from its numbers alone."""

from collections.abc import Iterator, Sequence
from typing import Any

from ..arms import UNTOUCHED
from ..records import Lang
from .findings import label

UNITS = {"bits per character": "bits/char", "share": "%", "accuracy": "%"}
"""How a unit is written where it is shortened; shares are shown in per cent."""


def markdown(found: dict[str, Any]) -> str:
    """For each language two tables: every score of every arm, and the leading arm less each of its controls.

    ``found`` is what comparison.json holds. Differences are in per cent of the untouched value for bits, else in points, with
    the 95 % interval over items, all seeds together; ``*`` marks those beyond chance among all arms and languages of their
    score (Holm, 5 %); in round brackets the 95 % interval over seeds, where there are several.
    """
    lines = []
    for lang in dict.fromkeys(score["lang"] for score in found["scores"]):
        scores = [score for score in found["scores"] if score["lang"] == lang]
        arms = list(found["arms"])
        lines += [f"### {Lang(lang).english_name}", "", *_values(scores, arms), ""]
        if controls := [name for name in arms if name != found["lead"]]:
            lines += [f"{found['lead']} less each control:", "", *_differences(scores, controls), ""]
    return "\n".join(lines)


def _values(scores: Sequence[dict[str, Any]], arms: Sequence[str]) -> Iterator[str]:
    yield from _head(["score", "items", UNTOUCHED, *arms])
    for score in scores:
        n = max(score["arms"][name]["from_untouched"]["n"] for name in arms)
        cells = [value(score, score[UNTOUCHED]), *(value(score, score["arms"][name]["mean"]) for name in arms)]
        yield _row([title(score), str(n), *cells])


def _differences(scores: Sequence[dict[str, Any]], controls: Sequence[str]) -> Iterator[str]:
    yield from _head(["score", *controls])
    for score in scores:
        yield _row([title(score), *(_difference(score, score["arms"][name]) for name in controls)])


def _difference(score: dict[str, Any], arm: dict[str, Any]) -> str:
    lead, seeds = arm["lead_less_this"], arm["lead_less_this_by_seed"]
    star = "*" if arm["p_holm"] is not None and arm["p_holm"] < 0.05 else ""
    over_seeds = f" ({change(score, seeds['low'])}, {change(score, seeds['high'])})" if seeds["low"] is not None else ""
    return f"{change(score, lead['value'])}{star} [{change(score, lead['low'])}, {change(score, lead['high'])}]{over_seeds}"


def title(score: dict[str, Any]) -> str:
    """A score's name with its unit and direction."""
    return f"{label(score['name'])}, {UNITS.get(score['unit'], score['unit'])} {'↑' if score['higher_is_better'] else '↓'}"


def value(score: dict[str, Any], value: float) -> str:
    """A value of a score as people read it."""
    return f"{value:.3f}" if score["unit"].startswith("bits") else f"{value * _factor(score):.1f}"


def change(score: dict[str, Any], difference: float) -> str:
    """A difference as people read it: per cent of the untouched value of bits, else points."""
    if score["unit"].startswith("bits"):
        return f"{100 * difference / score[UNTOUCHED]:+.1f}%" if score[UNTOUCHED] else "-"
    return f"{difference * _factor(score):+.1f}"


def _factor(score: dict[str, Any]) -> float:
    return 100.0 if score["unit"] in ("share", "accuracy") else 1.0


def _head(cells: Sequence[str]) -> Iterator[str]:
    yield _row(cells)
    yield _row(["---"] * len(cells))


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
