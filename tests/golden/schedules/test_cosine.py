import pytest
from pydantic import ValidationError

from polydistill.schedules.constant import Constant
from polydistill.schedules.cosine import Cosine


@pytest.mark.parametrize(
    ("progress", "expected"),
    [
        (0.0, 0.0), (0.1, 0.5), (0.2, 1.0),  # a straight rise
        (0.6, 0.6),  # half way down: the mean of 1 and 0.2
        (1.0, 0.2),
        (0.4, 0.2 + 0.8 * (1 + 0.5**0.5) / 2),  # a quarter of the way: cos(pi / 4)
    ],
)  # fmt: skip
def test_warm_up_and_half_a_cosine_by_hand(progress: float, expected: float):
    assert Cosine(warmup=0.2, end=0.2)(progress) == pytest.approx(expected)


def test_without_warm_up_it_begins_at_its_peak():
    assert Cosine(warmup=0)(0) == 1


def test_with_nothing_but_warm_up_it_ends_at_its_peak():
    schedule = Cosine(warmup=1, end=0)
    assert [schedule(progress) for progress in (0, 0.25, 1)] == [0, 0.25, 1]


def test_an_end_at_the_peak_is_constant_after_the_warm_up():
    assert [Cosine(warmup=0.1, end=1)(progress) for progress in (0.1, 0.5, 1)] == [Constant()(0)] * 3


def test_fractions_are_fractions():
    for settings in ({"warmup": 1.01}, {"end": -0.1}):
        with pytest.raises(ValidationError):
            Cosine(**settings)
