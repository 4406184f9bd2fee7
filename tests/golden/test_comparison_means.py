"""Means over the target languages of arms side by side, by hand."""

import json
from pathlib import Path

import pytest
from tiny_measured import Measured, measured_in, of_ten, settings
from tiny_rows import CAT, ENG, SPA

from polydistill.comparison import side_by_side
from polydistill.comparison_means import means
from polydistill.evaluators import Score
from polydistill.records import Lang

ARMS = (("plan", 0), ("control", 0), ("plan", 1), ("control", 1))


@pytest.fixture
def measured(tmp_path: Path) -> Measured:
    return measured_in(tmp_path)


def scores(**right: int) -> list[Score]:
    """Shares of ten items, the same ones in every language."""
    return [of_ten(n, lang=lang) for lang, n in right.items()]


def found(measured: Measured, targets: tuple[Lang, ...], *of_arms: dict[str, int]) -> list[dict]:
    chosen = settings(*ARMS[: len(of_arms)], targets=targets)
    evaluations = [measured(scores(**dict.fromkeys(one, 2)), scores(**one)) for one in of_arms]
    return means(chosen, evaluations, side_by_side(chosen, evaluations))


def test_the_mean_of_two_targets_and_not_of_the_rich_language(measured: Measured):
    (told,) = found(measured, (SPA, CAT), {"spa": 9, "cat": 7, "eng": 1}, {"spa": 5, "cat": 3, "eng": 8})
    json.dumps(told, allow_nan=False)
    assert (told["name"], told["languages"], told["unit"], told["untouched"]) == ("choice", ["spa", "cat"], "share", 0.2)
    plan, control = told["arms"]["plan"], told["arms"]["control"]
    assert plan["mean"] == pytest.approx((0.9 + 0.7) / 2)
    assert plan["from_untouched"]["value"] == pytest.approx(0.6)
    assert (plan["lead_less_this"], plan["p_holm"]) == (None, None)
    assert control["lead_less_this"]["value"] == pytest.approx(0.4)
    assert control["lead_less_this"]["low"] < 0.4 < control["lead_less_this"]["high"]
    assert control["p_holm"] == control["lead_less_this"]["p"], "one claim of one arm"


def test_the_same_item_in_two_languages_is_one_draw(measured: Measured):
    """Ten questions in two languages are twenty items, and as much evidence as ten."""
    (told,) = found(measured, (SPA, CAT), {"spa": 7, "cat": 7}, {"spa": 4, "cat": 4})
    lead = told["arms"]["control"]["lead_less_this"]
    assert (lead["n"], lead["groups"]) == (20, 10)
    # Three of ten questions are gained, each in both languages: as exact as McNemar's p of three, and not of six.
    assert lead["p"] == pytest.approx(2 * 0.5**3)


def test_seeds_are_means_over_languages_too(measured: Measured):
    of_arms = [{"spa": 9, "cat": 7}, {"spa": 5, "cat": 3}, {"spa": 7, "cat": 5}, {"spa": 5, "cat": 5}]
    (told,) = found(measured, (SPA, CAT), *of_arms)
    plan, control = told["arms"]["plan"], told["arms"]["control"]
    assert plan["values"] == pytest.approx((0.8, 0.6))
    assert control["lead_less_this_by_seed"]["values"] == pytest.approx((0.4, 0.1))
    assert control["lead_less_this"]["value"] == pytest.approx(0.25)
    assert control["lead_less_this_by_seed"]["low"] < 0.25 < control["lead_less_this_by_seed"]["high"]


@pytest.mark.parametrize("targets", [(SPA,), (SPA, CAT)])
def test_one_language_has_no_mean(measured: Measured, targets: tuple[Lang, ...]):
    """Neither a plan with one target, nor a score that one of two has alone."""
    assert found(measured, targets, {"spa": 9, "eng": 3}, {"spa": 5, "eng": 3}) == []


def test_a_score_that_two_of_three_targets_have_is_the_mean_of_two(measured: Measured):
    (told,) = found(measured, (SPA, CAT, Lang("por")), {"spa": 9, "cat": 3}, {"spa": 5, "cat": 3})
    assert told["languages"] == ["spa", "cat"]
    assert ENG not in told["languages"]
