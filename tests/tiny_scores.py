"""Scores by hand, for tests of what is said of them."""

from collections.abc import Sequence
from typing import Any

from polydistill.evaluators import Item, Score
from polydistill.records import Lang
from polydistill.statistics.evidence import Difference
from polydistill.views.findings import Change


def score(name: str, lang: str, value: float, unit: str = "bits per character", **more: Any) -> Score:
    """A score without items."""
    given = {"higher_is_better": not unit.startswith("bits"), "n": 40, "standard_error": 0.01, **more}
    return Score(name=name, lang=Lang(lang), value=value, unit=unit, **given)


def difference(of: Score, after: float, low: float, high: float, **more: Any) -> Difference:
    """A difference with its interval, as if it had been measured on 40 items."""
    given = {
        "before": of.value, "after": after, "value": after - of.value, "low": low, "high": high, "p": 0.03, "unit": of.unit,
        "n": 40, "groups": 40, "higher_is_better": of.higher_is_better, "relative": of.unit.startswith("bits"), "smallest": 0.1,
    }  # fmt: skip
    return Difference(**{**given, **more})


def change(name: str, lang: str, before: float, after: float, within: tuple[float, float] | None = None, **more: Any) -> Change:
    """A score before and after, with the interval of its difference where one is given."""
    one, other = score(name, lang, before, **more), score(name, lang, after, **more)
    return Change(one, other, difference(one, after, *within) if within else None)


def answered(name: str, lang: str, values: Sequence[float | None], said: str = "", **more: Any) -> Score:
    """A share over items 0, 1, ...; ``said`` is put before each answer."""
    items = tuple(
        Item(id=str(at), value=value, prompt=f"question {at}", answer=f"{said}answer {at}" if said else "")
        for at, value in enumerate(values)
    )
    counted = [value for value in values if value is not None]
    given = {"higher_is_better": True, "n": len(counted), "items": items, **more}
    return score(name, lang, sum(counted) / len(counted), unit="share", **given)
