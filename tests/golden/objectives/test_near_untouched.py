from math import exp, log
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from pydantic import ValidationError

from polydistill import chunks
from polydistill.batch import Batch, Tokens, padded
from polydistill.losses.forward_kl import ForwardKL
from polydistill.models import load_model
from polydistill.objectives import Objective
from polydistill.objectives.near_untouched import NearUntouched
from polydistill.objectives.next_token import NextToken
from polydistill.objectives.word_level import WordLevel
from polydistill.schedules._following import Following
from polydistill.schedules.adaptive_interpolation import AdaptiveInterpolation
from polydistill.student import TOKENS, Student
from polydistill.teachers import OpenTeacher
from polydistill.teachers.untouched import Untouched

ROWS = [
    Tokens([256, 10, 20, 30, 257], 2, rich=True), Tokens([256, 11, 257], 2), Tokens([256, 12, 22], 1, rich=True),
    Tokens([256, 13, 23, 33], 1),
]  # fmt: skip
"""Three, one, two and three answer tokens."""


def pair(folder: Path, moved: float = 0.05) -> tuple[Student, OpenTeacher]:
    """A student that has moved away from its teacher."""
    student = Student(load_model(folder, "float64", "cpu")).train()
    teacher = Untouched().open(student, TOKENS)
    torch.manual_seed(0)
    with torch.no_grad():
        for weight in student.parameters():
            weight += moved * torch.randn_like(weight)
    return student, teacher


def parts_of(objective: Objective, student: Student, teacher: OpenTeacher | None, batch: Batch) -> dict[str, torch.Tensor]:
    """The parts of a loss, with the untouched model where there is one."""
    taught = {Untouched(): teacher} if teacher else {}
    return objective(student, taught, batch, 0.0, objective.start(student, taught))


def gradients(objective: Objective, student: Student, teacher: Any) -> dict[str, torch.Tensor]:
    student.zero_grad()
    sum(part.sum() for part in parts_of(objective, student, teacher, padded(ROWS)).values()).backward()
    return {name: p.grad.clone() for name, p in student.named_parameters()}


def kl(p_logits: list[float], q_logits: list[float]) -> float:
    p_sum, q_sum = sum(map(exp, p_logits)), sum(map(exp, q_logits))
    return sum(exp(p) / p_sum * (p - log(p_sum) - q + log(q_sum)) for p, q in zip(p_logits, q_logits, strict=True))


def test_it_is_the_divergence_from_the_untouched_model_over_the_answers_of_rich_rows(random_model: Path):
    """Row by row over full logits, in plain floats."""
    student, teacher = pair(random_model)
    untouched = load_model(random_model, "float64", "cpu")
    expected = []
    for ids, prompt, rich, *_ in ROWS:
        with torch.no_grad():
            p, q = (model(input_ids=torch.tensor([ids])).logits[0].tolist() for model in (untouched, student.base))
        expected.append(sum(kl(p[t - 1], q[t - 1]) for t in range(prompt, len(ids))) if rich else 0.0)
    parts = parts_of(NearUntouched(objective=NextToken(), weight=0.5), student, teacher, padded(ROWS))
    assert parts["near_untouched"].tolist() == pytest.approx([0.5 * value for value in expected], rel=1e-9)
    assert expected[0] > 0.01
    assert expected[2] > 0.01
    assert torch.equal(parts["next_token"], parts_of(NextToken(), student, None, padded(ROWS))["next_token"])


def test_at_weight_nothing_it_is_the_objective_alone_and_needs_no_teacher(random_model: Path):
    student, _ = pair(random_model)
    objective = NearUntouched(objective=NextToken(), weight=0)
    assert objective.asks() == {}
    assert parts_of(objective, student, None, padded(ROWS))["near_untouched"].tolist() == [0.0] * 4
    one, other = gradients(objective, student, None), gradients(NextToken(), student, None)
    assert all(torch.equal(gradient, other[name]) for name, gradient in one.items())


def test_at_the_untouched_model_it_is_zero_and_so_is_its_gradient(random_model: Path):
    student, teacher = pair(random_model, moved=0)
    objective = NearUntouched(objective=NextToken(), weight=100)
    assert parts_of(objective, student, teacher, padded(ROWS))["near_untouched"].abs().max() < 1e-10
    one, other = gradients(objective, student, teacher), gradients(NextToken(), student, None)
    for name, gradient in one.items():
        assert torch.allclose(gradient, other[name], rtol=0, atol=1e-9), name


def test_other_rows_are_as_without_it(random_model: Path):
    """A batch without rich rows asks the teacher nothing: there is none here."""
    student, _ = pair(random_model)
    parts = parts_of(NearUntouched(objective=NextToken()), student, None, padded([ROWS[1], ROWS[3]]))
    assert parts["near_untouched"].tolist() == [0.0, 0.0]
    assert parts["near_untouched"].dtype == parts["next_token"].dtype


def test_chunks_of_positions_change_nothing(random_model: Path, monkeypatch: pytest.MonkeyPatch):
    student, teacher = pair(random_model)
    objective = NearUntouched(objective=NextToken())
    whole, expected = parts_of(objective, student, teacher, padded(ROWS)), gradients(objective, student, teacher)
    monkeypatch.setattr(chunks, "LOGITS", 2 * 260)
    assert student.positions_at_a_time == 2
    chunked, found = parts_of(objective, student, teacher, padded(ROWS)), gradients(objective, student, teacher)
    assert torch.allclose(chunked["near_untouched"], whole["near_untouched"], rtol=1e-12)
    assert all(torch.allclose(found[name], gradient, rtol=1e-9, atol=1e-12) for name, gradient in expected.items())


def test_with_adapters_the_gradient_is_that_against_a_copy(random_model: Path):
    """The adapters are off while the teacher speaks, and on again when the gradient is computed."""
    _, copied = pair(random_model, moved=0)
    lora = LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM", init_lora_weights=False)
    student = Student(get_peft_model(load_model(random_model, "float64", "cpu"), lora)).train()
    objective = NearUntouched(objective=NextToken(), weight=3)
    teachers, batch = (copied, Untouched().open(student, TOKENS)), padded(ROWS)
    one, other = (
        torch.autograd.grad(
            sum(part.sum() for part in parts_of(objective, student, teacher, batch).values()),
            [p for p in student.parameters() if p.requires_grad],
        )
        for teacher in teachers
    )
    assert len(one) == 2 * 7 * 2, "two factors of seven linear layers in each of two blocks"
    assert all(torch.allclose(a, b, rtol=1e-9, atol=1e-9) for a, b in zip(one, other, strict=True))
    assert max(a.abs().max().item() for a in one) > 1e-3


def test_the_student_runs_once_for_both_parts(random_model: Path):
    student, teacher = pair(random_model)
    runs = []
    student.base.get_decoder().register_forward_hook(lambda *given: runs.append(1))
    parts_of(NearUntouched(objective=NextToken()), student, teacher, padded(ROWS))
    assert len(runs) == 1


def test_the_distance_is_the_loss_that_was_given(random_model: Path):
    student, teacher = pair(random_model)
    one, other = (
        parts_of(NearUntouched(objective=NextToken(), loss=ForwardKL(temperature=temperature)), student, teacher, padded(ROWS))
        for temperature in (1.0, 3.0)
    )
    assert not torch.allclose(one["near_untouched"], other["near_untouched"])


def test_two_distances_are_added(random_model: Path):
    student, teacher = pair(random_model)
    inner, outer = NearUntouched(objective=NextToken(), weight=0.5), {"weight": 2.0, "loss": ForwardKL(temperature=3)}
    both = NearUntouched(objective=inner, **outer)
    assert both.parts == ("next_token", "near_untouched")
    one, other, found = (
        parts_of(objective, student, teacher, padded(ROWS))["near_untouched"]
        for objective in (inner, NearUntouched(objective=NextToken(), **outer), both)
    )
    assert torch.allclose(found, one + other, rtol=1e-12)


def test_another_teacher_inside_is_asked_as_well(random_model: Path):
    """What two objectives ask of their teachers is put together; the same teacher is asked once."""
    inner = WordLevel(loss={"forward_kl": {"temperature": 2}})
    assert NearUntouched(objective=inner).asks() == {Untouched(): TOKENS}
    student, teacher = pair(random_model)
    found = parts_of(NearUntouched(objective=inner), student, teacher, padded(ROWS))
    assert torch.equal(found["word_level"], parts_of(inner, student, teacher, padded(ROWS))["word_level"])


def test_a_negative_weight_is_refused():
    with pytest.raises(ValidationError, match="greater than or equal to 0"):
        NearUntouched(objective=NextToken(), weight=-1)


def test_what_it_adds_is_no_business_of_a_schedule_inside(random_model: Path):
    student, teacher = pair(random_model)
    inner = WordLevel(toward=AdaptiveInterpolation())
    state = NearUntouched(objective=inner).start(student, {Untouched(): teacher})
    state.follow(student, {"word_level": 2.0, "near_untouched": 7.0}, 0.1)
    (following,) = [part for part in state.modules() if isinstance(part, Following)]
    assert following.at.loss == 2.0
