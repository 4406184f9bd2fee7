from pathlib import Path
from unittest.mock import Mock

import pytest
import torch
from peft import LoraConfig, get_peft_model

from polydistill.batch import Tokens, padded
from polydistill.models import load_model
from polydistill.student import TOKENS, Student
from polydistill.teachers.untouched import Untouched

BATCH = padded([Tokens([256, 10, 20, 30, 257], 2), Tokens([256, 11, 257], 2)])


def moved(student: Student) -> Student:
    """Every weight that is trained, changed."""
    with torch.no_grad():
        for weight in student.parameters():
            if weight.requires_grad:
                weight += 0.1
    return student


@pytest.mark.parametrize("trains", ["all", "adapters"])
def test_its_logits_are_those_of_the_plain_folder(trains: str, random_model: Path):
    """With adapters bit for bit; a copy lies elsewhere in memory, where products may differ in their last bits."""
    plain, model = (load_model(random_model, "float64", "cpu") for _ in range(2))
    if trains == "adapters":
        model = get_peft_model(model, LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM"))
    student = Student(model).train()
    teacher = Untouched().open(student, TOKENS)
    moved(student)
    with torch.no_grad():
        expected = Student(plain)(BATCH)
        assert not torch.allclose(student(BATCH), expected, atol=0.01)
    assert torch.allclose(teacher.signal(BATCH).logits, expected, rtol=0, atol=0 if trains == "adapters" else 1e-12)


def test_adapters_need_no_second_copy(random_model: Path):
    model = get_peft_model(load_model(random_model, "float64", "cpu"), LoraConfig(r=4, target_modules="all-linear"))
    student = Student(model)
    assert Untouched().open(student, TOKENS).student.model is model
    copied = Untouched().open(Student(load_model(random_model, "float64", "cpu")), TOKENS)
    assert not any(p.requires_grad for p in copied.student.parameters())


@pytest.mark.parametrize("on_head", [False, True])
def test_the_adapters_are_switched_for_the_head_only_where_it_has_one(
    on_head: bool, random_model: Path, monkeypatch: pytest.MonkeyPatch
):
    given = {"target_modules": ["q_proj", "lm_head"]} if on_head else {"target_modules": "all-linear"}
    lora = LoraConfig(r=4, task_type="CAUSAL_LM", init_lora_weights=False, **given)
    student = Student(get_peft_model(load_model(random_model, "float64", "cpu"), lora)).train()
    plain = Student(load_model(random_model, "float64", "cpu"))
    switched = Mock(side_effect=student.model.disable_adapter)
    monkeypatch.setattr(student.model, "disable_adapter", switched)
    teacher, states = Untouched().open(student, TOKENS), torch.randn(3, 32, dtype=torch.float64)
    found = teacher.head(states)
    assert switched.called == on_head
    assert found.equal(plain.head(states).detach())
    assert not found.requires_grad
    assert student.head(states).equal(found) != on_head
