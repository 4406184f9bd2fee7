"""What every schedule promises; a new file in schedules/ is enrolled by itself and needs one entry in EXAMPLES."""

from itertools import pairwise
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polydistill.component import find, names
from polydistill.schedules import Schedule


class Example(NamedTuple):
    """How to build a schedule, and what it says at its ends."""

    settings: dict[str, Any]
    first: float
    last: float


EXAMPLES: dict[str, list[Example]] = {
    "constant": [Example({}, 1, 1)],
    "cosine": [
        Example({}, 0, 0.05), Example({"warmup": 0}, 1, 0.05), Example({"warmup": 1}, 0, 1), Example({"end": 0}, 0, 0),
        Example({"warmup": 0, "end": 1}, 1, 1),
    ],
}  # fmt: skip


@pytest.fixture(
    scope="module",
    params=[(name, number) for name in names("schedules") for number in range(len(EXAMPLES.get(name, [0])))],
    ids=str,
)
def case(request: pytest.FixtureRequest) -> tuple[Schedule, Example]:
    name, number = request.param
    assert name in EXAMPLES, f"schedules/{name}.py has no entry in EXAMPLES of tests/contract/test_schedules.py; add one"
    example = EXAMPLES[name][number]
    return find("schedules", name)(**example.settings), example  # type: ignore[return-value]


def test_it_begins_and_ends_as_declared(case: tuple[Schedule, Example]):
    schedule, example = case
    assert schedule(0) == pytest.approx(example.first)
    assert schedule(1) == pytest.approx(example.last)


@given(progress=st.floats(0, 1))
def test_it_stays_between_nothing_and_its_peak(case: tuple[Schedule, Example], progress: float):
    assert 0 <= case[0](progress) <= 1


@given(progress=st.floats(0, 1))
def test_the_same_each_time(case: tuple[Schedule, Example], progress: float):
    assert case[0](progress) == case[0](progress)


def test_it_makes_no_jumps(case: tuple[Schedule, Example]):
    """Steps of a thousandth change it little: no schedule starts or ends abruptly within a run."""
    values = [case[0](step / 1000) for step in range(1001)]
    assert max(abs(one - other) for one, other in pairwise(values)) < 0.03
