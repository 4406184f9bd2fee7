from itertools import pairwise
from math import exp, nan

import pytest
import torch
from pydantic import ValidationError

from polydistill.schedules.adaptive_interpolation import AdaptiveInterpolation, At
from polydistill.state import State
from polydistill.training import TrainSettings


def s(m: float) -> float:
    return 1 / (1 + exp(-m))


def curve(schedule: AdaptiveInterpolation, losses: list[float]) -> list[float]:
    """t after each step of a run with these losses."""
    at, found = At(schedule.begin, 0.0, nan, 0.0), []
    for number, loss in enumerate(losses, 1):
        at = schedule.moved(at, loss, number / len(losses))
        found.append(at.t)
    return found


def ahead(schedule: AdaptiveInterpolation, steps: int) -> tuple[int, float]:
    """How many steps of a run with a constant loss it is ahead of the line, and how far at most."""
    by = [t - schedule.line(number / steps) for number, t in enumerate(curve(schedule, [2.0] * steps), 1)]
    return sum(one > 1e-12 for one in by), max(by)


def test_three_steps_by_hand():
    """t0 0.2, t1 0.9, alpha 0.5, beta 0.75 in a run of 10 steps, with losses 4, 3, 3.3."""
    schedule = AdaptiveInterpolation(begin=0.2, end=0.9, alpha=0.5, beta=0.75)
    first = schedule.moved(At(0.2, 0.0, nan, 0.0), 4.0, 0.1)
    assert first == (0.2, 0.0, 4.0, 0.1)
    second = schedule.moved(first, 3.0, 0.2)
    m = 0.25 * 0.25  # a quarter of the fall by a quarter
    t = 0.2 + 0.5 * s(m) * 0.8
    assert second == pytest.approx((t, m, 3.0, 0.2))
    third = schedule.moved(second, 3.3, 0.3)
    m = 0.75 * m + 0.25 * -0.1
    assert third == pytest.approx((t + 0.5 * s(m) * (1 - t), m, 3.3, 0.3))


def test_a_step_that_counts_as_four_by_hand():
    """10 steps as if they were 40: what is remembered and the way both go as in four steps, each with a quarter of the fall."""
    schedule = AdaptiveInterpolation(begin=0.2, end=0.9, alpha=0.1, beta=0.75, as_if_steps=40)
    m = (1 - 0.75**4) * 0.25 / 4
    found = schedule.moved(At(0.2, 0.0, 4.0, 0.1), 3.0, 0.2)
    assert found == pytest.approx((0.2 + 4 * 0.1 * s(m) * 0.8, m, 3.0, 0.2))


def test_it_never_lies_below_the_line_nor_beyond_its_end():
    schedule = AdaptiveInterpolation(begin=0.2, end=0.9)
    assert schedule.moved(At(0.3, 0.0, 1.0, 0.4), 1.0, 0.5).t == 0.2 + 0.7 * 0.5
    assert AdaptiveInterpolation(alpha=5.0, end=0.9).moved(At(0.6, 0.0, 1.0, 0.4), 1.0, 0.5).t == 0.9


@pytest.mark.parametrize("losses", [[3, 0, 0, 5, 2, 7, 1], [1e-9, 1e9, 1e-9, 1e9], [5, 4, 3, 2, 1, 0.5]])
def test_it_never_falls(losses: list[float]):
    found = curve(AdaptiveInterpolation(alpha=0.3, beta=0.5), losses)
    assert all(one <= other for one, other in pairwise(found))
    assert found[-1] == 1


def test_a_loss_that_falls_takes_it_farther_than_one_that_rises():
    schedule = AdaptiveInterpolation(alpha=0.1, beta=0.5)
    falls, rises = curve(schedule, [2.0**-n for n in range(200)]), curve(schedule, [2.0**n for n in range(200)])
    assert falls[20] > rises[20] + 0.1


@pytest.mark.parametrize(
    ("steps", "leads", "simulated"), [(100, 0, 0), (1000, 0, 0), (3900, 0, 0), (4100, 195, 202), (8000, 6372, 6375)]
)
def test_as_published_it_is_a_line_below_four_thousand_steps(steps: int, leads: int, simulated: int):
    """With s(m) = 1/2 the way that is left shrinks by alpha / 2 a step, and the line's by 1 / N of the whole.

    The first step moves nothing, so that both are on the line after the second one. ``simulated`` are numbers of others for
    the authors' rule, with a loss that is not known: at 4,100 steps the curves cross at an angle of a fortieth, where 0.0002
    more of s(m) are worth 3 steps.
    """
    assert leads == sum((1 - 2 / steps) * (1 - 2.5e-4) ** (n - 2) < 1 - n / steps for n in range(3, steps + 1))
    assert ahead(AdaptiveInterpolation(), steps)[0] == leads == pytest.approx(simulated, abs=8)
    assert AdaptiveInterpolation().is_a_line(steps) == (leads == 0)


@pytest.mark.parametrize(("steps", "leads", "by"), [(100, 77, 0.088), (1000, 794, 0.092), (8000, 6372, 0.092)])
def test_as_if_steps_is_the_published_schedule_in_a_run_of_another_length(steps: int, leads: int, by: float):
    """The continuous curve 1 - exp(-2 x) leads for 0.797 of the run, by 0.6 (1/2 - ln(2) / 2) = 0.092 at most."""
    found = ahead(AdaptiveInterpolation(as_if_steps=8000), steps)
    assert (found[0], round(found[1], 3)) == (leads, by)
    assert found[0] / steps == pytest.approx(0.797, abs=0.03)


def test_as_if_it_had_the_steps_it_has_it_is_as_published():
    losses = [5 * 0.99**n for n in range(300)]
    assert curve(AdaptiveInterpolation(as_if_steps=300), losses) == pytest.approx(curve(AdaptiveInterpolation(), losses))


def test_a_loss_that_falls_alike_over_the_run_says_alike_in_any_number_of_steps():
    short, long = ([3 * exp(-5 * n / steps) for n in range(steps)] for steps in (200, 2000))
    schedule = AdaptiveInterpolation(alpha=2.0, beta=0.999, as_if_steps=2000)
    short, long = curve(schedule, short), curve(schedule, long)
    assert short[100] == pytest.approx(long[1009], abs=0.01)


def test_it_follows_the_sum_of_all_parts_and_says_when_it_is_a_line(capsys: pytest.CaptureFixture[str]):
    schedule = AdaptiveInterpolation(alpha=0.5, beta=0.5)
    (state,) = schedule.start()
    whole = State.of([State.of([state])])
    for progress, parts in ((0.1, {"a": 3.0, "b": 1.0}), (0.2, {"a": 1.0, "b": 2.0})):
        whole.follow(None, parts, progress)
    t = 0.4 + 0.5 * s(0.5 * 0.25) * 0.6
    assert schedule(0.2, state) == pytest.approx(t)
    assert schedule(0.9, state) == pytest.approx(0.94)
    assert capsys.readouterr().err == ""
    (state,) = AdaptiveInterpolation().start()
    state.follow(None, {"a": 1.0}, 1 / 300)
    state.follow(None, {"a": 1.0}, 2 / 300)
    said = capsys.readouterr().err
    assert "adaptive_interpolation is a straight line in a run of 300 steps" in said
    assert said.count("is a straight line") == 1


def test_what_it_remembers_is_in_the_checkpoint_by_name():
    (state,) = AdaptiveInterpolation().start()
    assert {name: value.shape for name, value in state.named_buffers()} == {"values": torch.Size([4])}


def test_a_learning_rate_cannot_follow_the_loss(random_model):
    settings = {"objective": "next_token", "model": {"transformers": {"path": str(random_model)}}, "rich": "eng"}
    with pytest.raises(ValidationError, match="follows the loss"):
        TrainSettings(schedule="adaptive_interpolation", **settings)
    assert TrainSettings(schedule="linear", **settings).schedule.name() == "linear"


def test_it_rises():
    with pytest.raises(ValidationError, match="never falls; `linear` does"):
        AdaptiveInterpolation(begin=0.5, end=0.4)
