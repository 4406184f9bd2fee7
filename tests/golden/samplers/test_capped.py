import pytest
from pydantic import ValidationError

from polydistill.samplers.capped import Capped


@pytest.mark.parametrize(
    ("most", "sizes", "shares"),
    [
        (1, {"a": 30, "b": 10}, {"a": 0.75, "b": 0.25}),
        (0.5, {"a": 80, "b": 15, "c": 5}, {"a": 0.5, "b": 0.375, "c": 0.125}),  # b and c stay as 3 to 1
        (0.4, {"a": 80, "b": 15, "c": 5}, {"a": 0.4, "b": 0.4, "c": 0.2}),  # what b may not have goes to c
        (0.6, {"b": 20, "a": 50, "c": 30}, {"a": 0.5, "b": 0.2, "c": 0.3}),  # nothing is cut
        (0.1, {"a": 80, "b": 15, "c": 5, "d": 0}, {"a": 1 / 3, "b": 1 / 3, "c": 1 / 3, "d": 0}),
    ],
)
def test_shares_by_hand(most: float, sizes: dict[str, float], shares: dict[str, float]):
    assert Capped(most=most)(sizes) == pytest.approx(shares)


def test_a_most_of_nothing_would_leave_nothing():
    for most in (0, 1.01):
        with pytest.raises(ValidationError):
            Capped(most=most)
