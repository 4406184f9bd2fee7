"""What every teacher promises; a new file in teachers/ is enrolled by itself and needs one entry in EXAMPLES."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from peft import LoraConfig, get_peft_model

from polydistill.batch import Batch, Tokens, padded
from polydistill.component import find, names
from polydistill.models import load_model
from polydistill.signals import Wants
from polydistill.student import Student, log_likelihood
from polydistill.teachers import OpenTeacher

EXAMPLES: dict[str, list[dict[str, Any]]] = {"untouched": [{}]}
ROWS = [Tokens([256, 10, 20, 30, 257], 2), Tokens([256, 11, 257], 2), Tokens([256, 12, 22], 1)]


def full(folder: Path) -> Student:
    return Student(load_model(folder, "float64", "cpu")).train()


def adapters(folder: Path) -> Student:
    lora = LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM", lora_dropout=0.3)
    return Student(get_peft_model(load_model(folder, "float64", "cpu"), lora)).train()


class Case(NamedTuple):
    """A teacher, opened before its student moved."""

    teacher: OpenTeacher
    student: Student
    batch: Batch

    def logits(self) -> torch.Tensor:
        return self.teacher.say(self.batch).logits

    def train(self) -> None:
        """Moves whatever the student trains."""
        loss = -log_likelihood(self.student(self.batch), self.batch.targets).sum()
        loss.backward()
        for p in self.student.parameters():
            if p.grad is not None:
                p.data -= 0.05 * p.grad
                p.grad = None


@pytest.fixture(
    params=[
        (name, number, student)
        for name in names("teachers")
        for number in range(len(EXAMPLES.get(name, [0])))
        for student in (full, adapters)
    ],
    ids=lambda given: f"{given[0]}-{given[1]}-{given[2].__name__}",
)
def case(request: pytest.FixtureRequest, random_model: Path) -> Case:
    name, number, student = request.param
    assert name in EXAMPLES, f"teachers/{name}.py has no entry in EXAMPLES of tests/contract/test_teachers.py; add one"
    return opened(name, EXAMPLES[name][number], student, random_model)


def opened(name: str, settings: dict[str, Any], make: Callable[[Path], Student], folder: Path) -> Case:
    student = make(folder)
    return Case(find("teachers", name)(**settings).open(student, Wants(tokens=True)), student, padded(ROWS))  # type: ignore[attr-defined]


def test_one_state_for_each_answer_token(case: Case):
    tokens = len(case.batch.targets)
    assert case.teacher.signal(case.batch).dense.states.shape[0] == tokens == 6
    assert case.logits().shape == (tokens, 260)


def test_it_carries_no_gradient(case: Case):
    said = case.teacher.signal(case.batch).dense
    assert not said.states.requires_grad
    assert not said.head(said.states.clone().requires_grad_()).requires_grad


def test_the_same_batch_gives_the_same_signal(case: Case):
    before = case.logits()
    torch.rand(3)
    assert torch.equal(case.logits(), before)


def test_asking_it_leaves_the_student_as_it_was(case: Case):
    before = {name: (p.requires_grad, p.clone()) for name, p in case.student.named_parameters()}
    modes = {name: module.training for name, module in case.student.named_modules()}
    torch.manual_seed(3)
    own = case.student(case.batch)
    torch.manual_seed(3)
    state = torch.get_rng_state()
    case.logits()
    assert torch.equal(torch.get_rng_state(), state), "what is drawn later is the same with and without it"
    assert torch.equal(case.student(case.batch), own)
    assert {name: module.training for name, module in case.student.named_modules()} == modes
    for name, p in case.student.named_parameters():
        assert (p.requires_grad, p.grad) == (before[name][0], None)
        assert torch.equal(p, before[name][1])


def test_it_stays_what_it_was_bit_for_bit(case: Case):
    before = case.logits()
    for _ in range(3):
        case.train()
        assert torch.equal(case.logits(), before)
    with torch.no_grad():
        assert not torch.allclose(case.student.eval()(case.batch), before, atol=1e-3), "the student has moved"
