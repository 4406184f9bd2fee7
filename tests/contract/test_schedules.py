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
    "adaptive_interpolation": [
        Example({}, 0.4, 1), Example({"alpha": 0.5, "beta": 0.5}, 0.4, 1), Example({"begin": 0, "end": 0.7}, 0, 0.7),
        Example({"as_if_steps": 8000}, 0.4, 1), Example({"begin": 0.3, "end": 0.3}, 0.3, 0.3),
    ],
    "constant": [Example({}, 1, 1)],
    "cosine": [
        Example({}, 0, 0.05), Example({"warmup": 0}, 1, 0.05), Example({"warmup": 1}, 0, 1), Example({"end": 0}, 0, 0),
        Example({"warmup": 0, "end": 1}, 1, 1),
    ],
    "linear": [
        Example({}, 0, 0), Example({"warmup": 0}, 1, 0), Example({"warmup": 1}, 0, 1),
        Example({"begin": 0.4, "end": 1, "warmup": 0}, 0.4, 1),
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


def factor(schedule: Schedule, progress: float) -> float:
    """What it says in a run of which it remembers nothing yet."""
    return schedule(progress, *schedule.start())


def test_it_begins_and_ends_as_declared(case: tuple[Schedule, Example]):
    schedule, example = case
    assert factor(schedule, 0) == pytest.approx(example.first)
    assert factor(schedule, 1) == pytest.approx(example.last)


@given(progress=st.floats(0, 1))
def test_it_stays_between_nothing_and_its_peak(case: tuple[Schedule, Example], progress: float):
    assert 0 <= factor(case[0], progress) <= 1


@given(progress=st.floats(0, 1))
def test_the_same_each_time(case: tuple[Schedule, Example], progress: float):
    schedule, _ = case
    remembered = schedule.start()
    assert schedule(progress, *remembered) == schedule(progress, *remembered) == factor(schedule, progress)


def test_it_makes_no_jumps(case: tuple[Schedule, Example]):
    """Steps of a thousandth change it little: no schedule starts or ends abruptly within a run."""
    values = [factor(case[0], step / 1000) for step in range(1001)]
    assert max(abs(one - other) for one, other in pairwise(values)) < 0.03


# What it remembers


def test_it_says_whether_it_remembers(case: tuple[Schedule, Example]):
    remembered = case[0].start()
    assert len(remembered) == case[0].remembers
    for state in remembered:
        assert not list(state.parameters()), "a schedule learns nothing"
        assert list(state.buffers()), "only buffers are in a checkpoint"


def run(schedule: Schedule, losses: list[float], steps: int, remembered: Any, first: int = 0) -> list[float]:
    """What it says at each step of a run of which these are the first losses."""
    found = []
    for number, loss in enumerate(losses[first:], first + 1):
        found.append(schedule(number / steps, *remembered))
        for state in remembered:
            state.follow(None, {"one": loss / 4, "other": 3 * loss / 4}, number / steps)
    return found


@given(losses=st.lists(st.floats(0, 50), min_size=2, max_size=40))
def test_it_stays_in_its_range_whatever_the_loss_does(case: tuple[Schedule, Example], losses: list[float]):
    schedule, example = case
    found = run(schedule, losses, len(losses), schedule.start())
    assert all(0 <= value <= 1 for value in found)
    assert found[-1] == pytest.approx(example.last)


@given(losses=st.lists(st.floats(0.01, 50), min_size=8, max_size=8))
def test_what_it_remembers_survives_a_checkpoint_bit_for_bit(case: tuple[Schedule, Example], losses: list[float]):
    schedule, _ = case
    whole = run(schedule, losses, 20, schedule.start())
    before, after = schedule.start(), schedule.start()
    half = run(schedule, losses[:4], 20, before)
    for state, other in zip(before, after, strict=True):
        other.load_state_dict({name: value.clone() for name, value in state.state_dict().items()})
    assert half + run(schedule, losses, 20, after, first=4) == whole


def test_an_unfinished_run_is_not_told_twice(case: tuple[Schedule, Example]):
    """Asking changes nothing that is remembered: only steps do."""
    schedule, _ = case
    remembered = schedule.start()
    before = [value.tolist() for state in remembered for value in state.buffers()]
    for progress in (0.1, 0.9, 0.5):
        schedule(progress, *remembered)
    assert str([value.tolist() for state in remembered for value in state.buffers()]) == str(before)
