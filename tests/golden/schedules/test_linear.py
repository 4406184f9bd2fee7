import pytest

from polydistill.schedules.linear import Linear


@pytest.mark.parametrize(
    ("settings", "progress", "expected"),
    [
        ({}, 0.03, 0.5), ({}, 0.06, 1.0), ({}, 0.53, 0.5), ({}, 1.0, 0.0),
        ({"begin": 0.4, "end": 1.0, "warmup": 0}, 0.0, 0.4), ({"begin": 0.4, "end": 1.0, "warmup": 0}, 0.5, 0.7),
        ({"begin": 0.8, "end": 0.2, "warmup": 0.5}, 0.25, 0.4), ({"begin": 0.8, "end": 0.2, "warmup": 0.5}, 0.75, 0.5),
        ({"begin": 0.8, "warmup": 1}, 0.5, 0.4), ({"begin": 0.8, "warmup": 1}, 1.0, 0.8),
    ],
)  # fmt: skip
def test_a_warm_up_and_a_straight_line_by_hand(settings: dict[str, float], progress: float, expected: float):
    assert Linear(**settings)(progress) == pytest.approx(expected)
