from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model

from polydistill.batch import Tokens, padded
from polydistill.models import load_model
from polydistill.student import TOKENS, Student
from polydistill.teachers.moving_average import MovingAverage
from polydistill.teachers.several import Several
from polydistill.teachers.shown_more import ShownMore

BATCH = padded([Tokens([256, 10, 20, 30, 257], 2), Tokens([256, 11, 257], 2)])


def student_of(folder: Path, trains: str) -> Student:
    model = load_model(folder, "float64", "cpu")
    if trains == "adapters":
        model = get_peft_model(model, LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM"))
    return Student(model)


def trained(student: Student) -> dict[str, torch.Tensor]:
    return {name: p for name, p in student.named_parameters() if p.requires_grad}


def step(student: Student, number: int) -> None:
    """Moves whatever is trained."""
    with torch.no_grad():
        torch.manual_seed(number)
        for weight in trained(student).values():
            weight += 0.1 * torch.randn_like(weight)


both = pytest.mark.parametrize("trains", ["all", "adapters"])


@both
def test_three_steps_by_hand(trains: str, random_model: Path):
    """theta_T after each step, weight by weight; and its logits are those of a model with these weights."""
    student, twin = student_of(random_model, trains), student_of(random_model, trains)
    twin.load_state_dict(student.state_dict())
    teacher = MovingAverage(decay=0.75).open(student, TOKENS)
    (state,) = teacher.state()
    expected = {name: p.detach().clone() for name, p in trained(student).items()}
    for number in range(3):
        step(student, number)
        state.follow(student, {}, 0.1)
        expected = {name: 0.75 * expected[name] + 0.25 * p.detach() for name, p in trained(student).items()}
    for average, name in zip(state.weights, expected, strict=True):
        assert torch.allclose(average, expected[name], rtol=0, atol=1e-14), name
    with torch.no_grad():
        for name, p in trained(twin).items():
            p.copy_(expected[name])
        assert torch.allclose(teacher.say(BATCH).logits, twin.eval()(BATCH), rtol=0, atol=1e-10)
        assert not torch.allclose(teacher.say(BATCH).logits, student.eval()(BATCH), rtol=0, atol=1e-3)


@both
@pytest.mark.parametrize(("decay", "is_student"), [(0.0, True), (1.0, False)])
def test_at_0_it_is_the_student_and_at_1_the_untouched_model(trains: str, decay: float, is_student: bool, random_model: Path):
    student = student_of(random_model, trains)
    before = {name: p.detach().clone() for name, p in trained(student).items()}
    teacher = MovingAverage(decay=decay).open(student, TOKENS)
    (state,) = teacher.state()
    untouched = teacher.say(BATCH).logits
    step(student, 0)
    state.follow(student, {}, 0.1)
    for average, (name, weight) in zip(state.weights, trained(student).items(), strict=True):
        assert torch.equal(average, weight if is_student else before[name])
    with torch.no_grad():
        assert torch.allclose(teacher.say(BATCH).logits, student.eval()(BATCH) if is_student else untouched, atol=1e-12)
        assert is_student or torch.equal(teacher.say(BATCH).logits, untouched)


def test_it_costs_what_is_trained_and_no_more(random_model: Path):
    """With adapters the weights below them are the student's own."""
    student = student_of(random_model, "adapters")
    teacher = MovingAverage().open(student, TOKENS)
    own = {p.data_ptr() for p in student.parameters()}
    new = [p for p in teacher.student.parameters() if p.data_ptr() not in own]
    assert sum(map(torch.numel, new)) == sum(map(torch.numel, trained(student).values()))
    assert {id(p) for p in new} == {id(p) for p in teacher.state()[0].weights}
    assert not any(p.requires_grad for p in teacher.student.parameters())
    assert len(trained(student)) == len(new), "the student still trains its own"


def test_what_it_says_is_not_kept_for_later():
    assert not MovingAverage().stays
    assert not Several(teachers=["untouched", ShownMore(teacher=MovingAverage())]).stays
    assert Several(teachers=["untouched", ShownMore()]).stays
