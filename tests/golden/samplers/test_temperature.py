import pytest
from pydantic import ValidationError

from polydistill.samplers.temperature import Temperature


@pytest.mark.parametrize(
    ("temperature", "sizes", "shares"),
    [
        (1, {"a": 30, "b": 10}, {"a": 0.75, "b": 0.25}),
        (2, {"a": 90, "b": 10}, {"a": 0.75, "b": 0.25}),  # square roots of 0.9 and 0.1 are as 3 to 1
        (3, {"a": 8, "b": 1, "c": 1}, {"a": 0.5, "b": 0.25, "c": 0.25}),  # cube roots are as 2 to 1 to 1
        (1e9, {"a": 1_000_000, "b": 1}, {"a": 0.5, "b": 0.5}),
        (5, {"a": 10, "b": 0}, {"a": 1, "b": 0}),
    ],
)
def test_shares_by_hand(temperature: float, sizes: dict[str, float], shares: dict[str, float]):
    assert Temperature(temperature=temperature)(sizes) == pytest.approx(shares)


def test_a_temperature_under_one_would_starve_the_small():
    with pytest.raises(ValidationError):
        Temperature(temperature=0.99)
