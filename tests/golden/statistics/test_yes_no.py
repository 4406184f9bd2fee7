"""What of yes/no items was gained and lost, and how wide that is."""

from collections.abc import Sequence

import pytest
from scipy import stats
from tiny_rows import ENG

from polydistill.evaluators import Item, Score
from polydistill.statistics.yes_no import Turned, turned, yes_no


def score(values: Sequence[float | None], combine: str = "mean", weight: float = 1.0, parts: Sequence[tuple] = ()) -> Score:
    parts = parts or [()] * len(values)
    items = tuple(
        Item(id=str(at), value=v, weight=weight, parts=p) for at, (v, p) in enumerate(zip(values, parts, strict=True))
    )
    return Score(
        name="x", lang=ENG, value=0.0, unit="share", higher_is_better=True, n=len(items), standard_error=None, items=items,
        combine=combine,
    )  # fmt: skip


def test_what_is_made_of_yes_and_no():
    assert yes_no(score([0, 1, None]), score([1, 1, 1]))
    assert yes_no(score([0.5], "harmonic", parts=[(1, 0)]))
    assert not yes_no(score([0, 1]), score([0, 0.25]))
    assert not yes_no(score([1], weight=20))
    assert not yes_no(score([1], "chrf"))


def test_gains_and_losses_by_hand():
    # Of the items that count on both sides one of three is gained, one lost.
    assert turned([([score([0, 1, 1, None])], [score([1, 0, 1, 1])])]) == (pytest.approx(1 / 3), pytest.approx(1 / 3), 3)
    # Two trainings: the first item is right in one of them, the second in both.
    side = ([score([0, 0])], [score([1, 1]), score([0, 1])])
    assert turned([side]) == (0.75, 0, 4)
    # The mean over languages.
    assert turned([side, ([score([0, 0])], [score([0, 0])])]) == (0.375, 0, 6)
    assert turned([([score([1, None])], [score([None, 1])])]) is None


def test_as_many_draws_as_vary_as_much():
    # Of n independent items with a part .2 gained and .1 lost: (.3 - .01) / n.
    found = Turned(0.2, 0.1, 500)
    assert found.draws((0.29 / 100) ** 0.5) == pytest.approx(100)
    assert found.draws(0.001) == 500


def test_without_a_change_it_is_wilsons_for_none():
    low, high = Turned(0.0, 0.0, 20).newcombe(20)
    assert -low == high == pytest.approx(stats.binomtest(0, 20).proportion_ci(method="wilson").high)
