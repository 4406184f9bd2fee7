from math import exp
from pathlib import Path

import pytest
import tiny
from pydantic import ValidationError
from tiny_lessons import lesson, logits_of

from polydistill import chunks
from polydistill.batch import Tokens, padded
from polydistill.engines.transformers import Transformers
from polydistill.models import load_model, load_tokenizer
from polydistill.objectives.span_relations import SpanRelations
from polydistill.student import Student
from polydistill.teachers.other_model import OtherModel
from polydistill.teachers.untouched import Untouched
from polydistill.template import Template

ROWS = [Tokens([256, 10, 20, 30, 40, 50, 257], 2), Tokens([256, 11, 21, 257], 2), Tokens([256, 12, 257], 2)]
"""Five, two and one answer tokens."""


def softmax(logits: list[float]) -> list[float]:
    whole = sum(map(exp, logits))
    return [exp(one) / whole for one in logits]


@pytest.mark.parametrize(("span", "pairs"), [(2, [[0, 2], [0], []]), (3, [[0, 1, 3], [0], []]), (9, [[0, 1, 2, 3], [0], []])])
def test_it_compares_products_of_neighbours_within_a_span(span: int, pairs: list[list[int]], random_model: Path):
    """In plain floats, from full logits of each row by itself."""
    found = lesson(SpanRelations(span=span), random_model)
    expected = []
    for row, first in zip(ROWS, pairs, strict=True):
        p = [softmax(at) for at in logits_of(random_model, row)]
        q = [softmax(at) for at in logits_of(random_model, row, found.student.base)]
        expected.append(sum(abs(p[t][v] * p[t + 1][v] - q[t][v] * q[t + 1][v]) for t in first for v in range(260)))
    assert found.parts(padded(ROWS))["span_relations"].tolist() == pytest.approx(expected, rel=1e-9)
    assert expected[0] > 1e-4


def test_parts_of_the_positions_at_a_time_change_nothing(random_model: Path, monkeypatch: pytest.MonkeyPatch):
    found = lesson(SpanRelations(), random_model)
    whole = found.parts(padded(ROWS))["span_relations"].tolist()
    monkeypatch.setattr(chunks, "LOGITS", 260)
    assert found.parts(padded(ROWS))["span_relations"].tolist() == pytest.approx(whole, rel=1e-12)


def test_where_the_two_agree_it_is_zero(random_model: Path):
    assert lesson(SpanRelations(), random_model, moved=0).parts(padded(ROWS))["span_relations"].abs().max() < 1e-12


def test_a_span_of_one_token_has_no_neighbours():
    with pytest.raises(ValidationError, match="greater than or equal to 2"):
        SpanRelations(teacher=Untouched(), span=1)


@pytest.mark.parametrize("student_is_wider", [True, False])
def test_what_only_one_has_logits_of_is_left_out(student_is_wider: bool, random_model: Path, tmp_path: Path):
    wide = tiny.model_folder(tmp_path / "wide", seed=1, vocab_size=270)
    own, other = (wide, random_model) if student_is_wider else (random_model, wide)
    student = Student(load_model(own, "float64", "cpu"), (257,), Template(load_tokenizer(own)))
    objective = SpanRelations(teacher=OtherModel(model=Transformers(path=str(other), dtype="float64", device="cpu")))
    taught = {teacher: teacher.open(student, wants) for teacher, wants in objective.asks().items()}
    row = ROWS[1]
    q, p = ([softmax(at[:260]) for at in logits_of(folder, row)] for folder in (own, other))
    expected = sum(abs(p[0][v] * p[1][v] - q[0][v] * q[1][v]) for v in range(260))
    found = objective(student, taught, padded([row]), 0.5, objective.start(student, taught))
    assert found["span_relations"].tolist() == pytest.approx([expected])
