from math import exp, log
from pathlib import Path

import pytest
import torch
from pydantic import ValidationError
from tiny_lessons import Lesson, lesson, logits_of, same

from polydistill.batch import Tokens, padded
from polydistill.losses.forward_kl import ForwardKL
from polydistill.objectives.word_level import WordLevel
from polydistill.schedules import Schedule
from polydistill.schedules.cosine import Cosine
from polydistill.state import State

ROWS = [Tokens([256, 10, 20, 30, 257], 2), Tokens([256, 11, 257], 2), Tokens([256, 12, 22], 1)]


class Fixed(Schedule):
    """The same all the time."""

    value: float

    def __call__(self, progress: float, *remembered: State) -> float:
        return self.value


def kl(p_logits: list[float], q_logits: list[float]) -> float:
    p_sum, q_sum = sum(map(exp, p_logits)), sum(map(exp, q_logits))
    return sum(exp(p) / p_sum * (p - log(p_sum) - q + log(q_sum)) for p, q in zip(p_logits, q_logits, strict=True))


def of(found: Lesson) -> list[float]:
    return found.parts(padded(ROWS))["word_level"].tolist()


def test_it_is_the_divergence_summed_over_the_answer_tokens_of_each_row(random_model: Path):
    """Row by row over full logits, in plain floats."""
    found = lesson(WordLevel(), random_model)
    expected = [
        sum(
            kl(p, q)
            for p, q in zip(logits_of(random_model, row), logits_of(random_model, row, found.student.base), strict=True)
        )
        for row in ROWS
    ]
    assert of(found) == pytest.approx(expected, rel=1e-9)
    assert min(expected) > 0.01


def test_halfway_the_target_is_the_normalised_geometric_mean_of_the_two(random_model: Path):
    """Logits are interpolated, not probabilities: exp((1 - t) z_S + t z_T) = q^(1 - t) p^t but for a constant."""
    found = lesson(WordLevel(toward=Fixed(value=0.3)), random_model)
    expected = []
    for row in ROWS:
        total = 0.0
        for p, q in zip(logits_of(random_model, row), logits_of(random_model, row, found.student.base), strict=True):
            p_sum, q_sum = sum(map(exp, p)), sum(map(exp, q))
            mean = [log((exp(a) / p_sum) ** 0.3 * (exp(b) / q_sum) ** 0.7) for a, b in zip(p, q, strict=True)]
            total += kl(mean, q)
        expected.append(total)
    assert of(found) == pytest.approx(expected, rel=1e-9)


def test_its_gradient_is_that_of_the_student_minus_the_target(random_model: Path):
    """With respect to the logits: q - target; so that nothing is learned at 0."""
    for value in (0.0, 0.3, 1.0):
        found = lesson(WordLevel(toward=Fixed(value=value)), random_model)
        batch = padded(ROWS)
        states = found.student.states(batch).detach()
        logits = found.student.head(states).requires_grad_()
        with torch.no_grad():
            target = ((1 - value) * logits + value * found.taught[found.objective.teacher].say(batch).logits).softmax(-1)
        (expected,) = torch.autograd.grad((logits * (logits.softmax(-1) - target).detach()).sum(), logits)
        captured = []

        def seen(hidden: torch.Tensor, head: object = found.student.head, captured: list = captured) -> torch.Tensor:
            out = head(hidden)
            if out.requires_grad:
                out.register_hook(captured.append)
            return out

        found.student.head = seen
        found.gradients(ROWS)
        assert torch.allclose(torch.cat(captured), expected, rtol=1e-9, atol=1e-12)
        assert bool(expected.abs().max() < 1e-15) is (value == 0.0)


def test_at_one_it_is_as_without_a_schedule(random_model: Path):
    one, other = lesson(WordLevel(toward=Fixed(value=1)), random_model), lesson(WordLevel(), random_model)
    assert of(one) == of(other)
    assert same(one.gradients(ROWS), other.gradients(ROWS))


def test_the_schedule_is_asked_for_the_time_of_the_run(random_model: Path):
    found = lesson(WordLevel(toward=Cosine(warmup=1)), random_model)
    assert found.parts(padded(ROWS), 0.0)["word_level"].abs().max() < 1e-12, "nothing of the teacher yet"
    whole = lesson(WordLevel(), random_model).parts(padded(ROWS))["word_level"]
    assert torch.allclose(found.parts(padded(ROWS), 1.0)["word_level"], whole)


def test_where_the_two_agree_it_is_zero(random_model: Path):
    found = lesson(WordLevel(), random_model, moved=0)
    assert found.parts(padded(ROWS))["word_level"].abs().max() < 1e-12
    assert all(gradient.abs().max() < 1e-9 for gradient in found.gradients(ROWS).values())


def test_the_distance_is_the_loss_that_was_given(random_model: Path):
    one, other = (lesson(WordLevel(loss=ForwardKL(temperature=t)), random_model) for t in (1.0, 3.0))
    assert of(one) != pytest.approx(of(other), rel=0.01)


def test_a_loss_that_is_none_is_refused_by_its_name():
    with pytest.raises(ValidationError, match="no loss named 'forward_kI'; did you mean forward_kl"):
        WordLevel(loss="forward_kI")
