"""Resampling groups is scipy's resampling."""

import warnings

import numpy as np
import pytest
from scipy import stats

from polydistill.statistics.resampling import bootstrap, level, swapping

VALUES = np.array([0.3, -0.1, 0.8, 0.4, 0.9, -0.2, 0.1, 1.4, 0.6, 0.2])


def test_the_interval_is_scipys_of_the_same_data():
    ours = bootstrap(len(VALUES), lambda often: often @ VALUES / often.sum(axis=-1), 3, 5000)
    theirs = stats.bootstrap(
        (VALUES,),
        lambda drawn, axis: np.round(drawn.mean(axis=axis), 12),
        n_resamples=5000,
        method="percentile",
        confidence_level=level(10),
        rng=np.random.default_rng(3),
    )
    assert (ours.low, ours.high) == pytest.approx(tuple(theirs.confidence_interval))
    assert ours.standard_error == pytest.approx(theirs.standard_error)


def test_differences_that_are_equal_but_for_rounding_are_ties():
    # Two means of tenths: before 0.2, after 0.3; most resamples hit 0.1 in many spellings.
    before, after = np.repeat([1.0, 0.0], [2, 8]), np.repeat([1.0, 0.0], [3, 7])
    two = bootstrap(10, lambda often: often @ after / often.sum(axis=-1) - often @ before / often.sum(axis=-1), 0, 2000)
    one = bootstrap(10, lambda often: often @ (after - before) / 10, 0, 2000)
    assert two[:2] == pytest.approx(one[:2])


@pytest.mark.parametrize("groups", [5, 20, 300])
def test_the_level_gives_a_mean_the_width_of_its_t_interval(groups: int):
    # The bootstrap's spread of a mean is that of the sample over n, not n - 1.
    wide = stats.norm.ppf((1 + level(groups)) / 2) * np.sqrt((groups - 1) / groups)
    assert wide == pytest.approx(stats.t.ppf(0.975, groups - 1))


def test_two_groups_reach_from_end_to_end():
    found = bootstrap(2, lambda often: often @ np.array([1.0, 3.0]) / 2, 0, 500)
    assert (found.low, found.high) == (1, 3)


def test_small_batches_make_the_same_interval(monkeypatch: pytest.MonkeyPatch):
    whole = bootstrap(len(VALUES), lambda often: often @ VALUES, 0, 300)
    monkeypatch.setattr("polydistill.statistics.resampling.AT_ONCE", 70)
    assert bootstrap(len(VALUES), lambda often: often @ VALUES, 0, 300) == pytest.approx(whole)


def test_the_test_is_scipys_of_the_same_data():
    # 2^10 ways, all tried.
    theirs = stats.permutation_test((VALUES,), np.mean, permutation_type="samples")
    assert swapping(len(VALUES), lambda signs: signs @ VALUES, 0, 9999) == pytest.approx(theirs.pvalue)
    assert swapping(len(VALUES), lambda signs: signs @ VALUES, 0, 999) == pytest.approx(theirs.pvalue, abs=0.02)


def test_one_group_says_nothing():
    assert bootstrap(1, lambda often: often.sum(axis=-1), 0, 99) is None
    assert swapping(1, lambda signs: signs.sum(axis=-1), 0, 99) is None


def test_equal_groups_have_no_width_and_nobody_is_warned():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = bootstrap(5, lambda often: often @ np.full(5, 0.5) / 5, 0, 200)
        assert swapping(5, lambda signs: signs @ np.zeros(5), 0, 200) == 1
    assert found == (0.5, 0.5, 0)


def test_resamples_without_a_value_are_left_out():
    counted = np.array([1.0, 1.0, 0, 0, 0, 0, 0, 0])
    values = np.array([0.0, 1.0, 0, 0, 0, 0, 0, 0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = bootstrap(8, lambda often: (often @ values) / (often @ counted), 0, 2000)
    assert (found.low, found.high) == (0, 1)
    assert 0.2 < found.standard_error < 0.5
