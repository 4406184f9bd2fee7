import random

import pytest
from scipy import stats

from polydistill.analyses._shapes import LEVEL, Turn, bend, turn

STEPS = [10, 20, 40, 80, 160, 320]


def curve(means: list[float], items: int, seed: int, noise: float = 1.0) -> list[list[float]]:
    """Items that each lie elsewhere, all along the same curve, with noise of their own at each point."""
    draw = random.Random(seed)
    levels = [draw.gauss(0, 5) for _ in range(items)]
    return [[level + centre + draw.gauss(0, noise) for level in levels] for centre in means]


def test_a_rise_by_hand():
    """Three answers, two points before the last; the second is the lowest."""
    low, last = [1.0, 2.0, 3.0], [1.5, 3.0, 3.5]
    found = turn([[2.0, 3.0, 4.0], low, last])
    p = 2 * stats.ttest_rel(last, low, alternative="greater").pvalue
    assert found is None, p
    found = turn([[2.0, 3.0, 4.0], low, last], level=0.1)
    assert found == Turn(1, pytest.approx(2 / 3), pytest.approx(p))


def test_a_rise_without_noise_is_certain():
    assert turn([[5.0, 6.0], [3.0, 4.0], [3.5, 4.5]]) == Turn(1, 0.5, 0.0)
    assert turn([[5.0, 6.0], [5.0, 6.0], [5.0, 6.0]]) is None
    assert turn([[5.0, 6.0]]) is None


@pytest.mark.parametrize("seed", range(20))
def test_a_u_is_found_where_it_turns_and_a_falling_curve_is_not(seed: int):
    found = turn(curve([10, 7, 5, 4.5, 6, 8], items=40, seed=seed))
    assert found is not None
    assert found.place in (2, 3)
    assert turn(curve([10, 7, 5, 4, 3, 2.5], items=40, seed=seed)) is None


def test_of_curves_that_stay_level_few_are_found_to_turn():
    """The dearest case of those that never rise; the test promises 5 % at most."""
    alarms = sum(turn(curve([3.0] * 6, items=20, seed=seed)) is not None for seed in range(1000))
    assert 0 < alarms / 1000 < LEVEL + 0.014, "two standard errors of 1,000 trials"


def power_law(seed: int, noise: float, last: float = 1.0) -> list[float]:
    draw = random.Random(seed)
    found = [20 * step**-0.4 * (1 + draw.gauss(0, noise)) for step in STEPS]
    return [*found[:-2], found[-2] * last**0.5, found[-1] * last]


def test_a_power_law_is_one_however_precise():
    for values in (power_law(0, 0.0), [7.0] * 6, [1e-9 * v for v in power_law(0, 0.0)]):
        assert bend(STEPS, values) == 1.0


def test_the_parabola_is_tested_by_the_f_test():
    """Against the same test of a fit by statsmodels."""
    import numpy
    import statsmodels.api as sm

    values = power_law(1, 0.1)
    x, y = numpy.log(STEPS), numpy.log(values)
    line = sm.OLS(y, sm.add_constant(x)).fit()
    parabola = sm.OLS(y, sm.add_constant(numpy.stack([x, x**2], 1))).fit()
    assert bend(STEPS, values) == pytest.approx(parabola.compare_f_test(line)[1])


def test_of_power_laws_few_are_found_to_bend():
    alarms = sum(bend(STEPS, power_law(seed, 0.02)) <= LEVEL for seed in range(1000))
    assert LEVEL - 0.021 < alarms / 1000 < LEVEL + 0.021, "three standard errors of 1,000 trials"


@pytest.mark.parametrize("seed", range(20))
def test_a_kink_is_found(seed: int):
    assert bend(STEPS, power_law(seed, 0.01, last=3.0)) < LEVEL
    assert bend(STEPS, power_law(seed, 0.0, last=1.5)) < LEVEL


def test_too_little_says_nothing():
    assert bend(STEPS[:3], [3.0, 2.0, 1.0]) is None
    assert bend(STEPS, [3.0, 2.0, 1.0, 0.0, 1.0, 1.0]) is None
    assert bend([0, *STEPS], [3.0] * 7) is None
    assert bend([], []) is None
