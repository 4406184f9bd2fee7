"""One copy of the model as it was, however many teachers are made of it."""

import gc
import weakref
from pathlib import Path

import pytest
import torch

from polydistill.models import load_model
from polydistill.student import TOKENS, Student
from polydistill.teachers.several import Several
from polydistill.teachers.shown_more import ShownMore
from polydistill.teachers.untouched import Untouched


@pytest.mark.parametrize("cut", [False, True])
def test_teachers_of_one_student_are_one_copy_while_one_of_them_is_held(cut: bool, random_model: Path):
    student, loaded = Student(load_model(random_model, "float64", "cpu")), list[int]()

    def whole() -> torch.nn.Module:
        loaded.append(1)
        return load_model(random_model, "float64", "cpu")

    student.whole = whole if cut else None
    both = Several(teachers=(Untouched(), ShownMore())).open(student, TOKENS)
    one, other = both.teachers[0].student, both.teachers[1].teacher.student
    assert one.model is other.model is not student.model
    assert len(loaded) == cut
    apart = Untouched().open(Student(load_model(random_model, "float64", "cpu")), TOKENS)
    assert apart.student.model is not one.model, "another student has its own"
    held = weakref.ref(one.model)
    del both, one, other
    gc.collect()
    assert held() is None, "nothing holds it any more"
    assert Untouched().open(student, TOKENS).student.model
    assert len(loaded) == 2 * cut
