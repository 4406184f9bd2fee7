"""By content, never by path."""

import os
from pathlib import Path

import pytest
import tiny
import torch
from tiny_kept import BATCH, Asked, opened, student_of

from polydistill.models import load_model
from polydistill.stage import Workspace
from polydistill.student import TOKENS, Student
from polydistill.surgeries.take_layers import TakeLayers
from polydistill.teachers._whose import template_of, weights_of
from polydistill.teachers.cached import Cached
from polydistill.teachers.untouched import Untouched


@pytest.fixture
def student(random_model: Path, space: Workspace) -> Student:
    return student_of(random_model)


def test_the_same_model_with_adapters_is_the_same_teacher(
    student: Student, random_model: Path, monkeypatch: pytest.MonkeyPatch
):
    asked = Asked(monkeypatch)
    opened(Cached(), student)
    opened(Cached(), student_of(random_model, adapters=True))
    assert len(asked.opened) == 1


def test_another_path_is_the_same_model_and_another_weight_is_not(student: Student, random_model: Path, tmp_path: Path):
    known = weights_of(student)
    (tmp_path / "elsewhere").mkdir()
    for file in random_model.iterdir():
        os.link(file, tmp_path / "elsewhere" / file.name)
    assert weights_of(student_of(tmp_path / "elsewhere")) == known
    assert weights_of(student_of(random_model, adapters=True)) == known
    student.base.config.rms_norm_eps *= 2
    assert weights_of(student) != known
    student.base.config.rms_norm_eps /= 2
    assert weights_of(student) == known
    with torch.no_grad():
        next(student.base.parameters()).view(-1)[0] += 1e-12
    assert weights_of(student) != known


def test_the_tokenizer_and_the_template_are_told_apart(student: Student, tmp_path: Path):
    known = template_of(student)
    other = template_of(student_of(tiny.model_folder(tmp_path / "other", template=tiny.TEMPLATE + " ")))
    assert other["tokenizer"] == known["tokenizer"]
    assert other["template"] != known["template"]
    student.template = None
    assert template_of(student) == {"tokenizer": None, "template": None}


def cut(folder: Path, moved: float) -> Student:
    """The first layer of two; the other one is ``moved`` from where it was."""

    @torch.no_grad()
    def whole() -> torch.nn.Module:
        model = load_model(folder, "float64", "cpu")
        for weight in model.model.layers[1].parameters():
            weight += moved * torch.arange(weight.numel()).sin().view_as(weight)
        return model

    student = student_of(folder)
    student.model, _ = TakeLayers(layers=(1,))(whole(), None)
    student.whole = whole
    return student


def test_a_layer_that_the_student_has_not_tells_its_teachers_apart(random_model: Path, space: Workspace):
    one, other = cut(random_model, 0), cut(random_model, 0.3)
    with torch.no_grad():
        assert one(BATCH).equal(other(BATCH)), "as students they are the same"
    for student in (one, other):
        kept, live = opened(Cached(k=4), student).say(BATCH).top_k, Untouched().open(student, TOKENS).say(BATCH).logits
        assert torch.allclose(kept.log_p.double(), live.log_softmax(-1).topk(4).values, rtol=0, atol=0.01)
    assert weights_of(one) == weights_of(student_of(random_model)), "whichever of its layers are trained"
