from math import exp, log
from pathlib import Path

import pytest
import torch
from pydantic import ValidationError
from tiny_lessons import lesson, logits_of, student_in

from polydistill.batch import Tokens, padded
from polydistill.objectives.next_token import NextToken
from polydistill.objectives.preferred import Preferred
from polydistill.signals import Wants
from polydistill.stage import Workspace
from polydistill.teachers import Teacher
from polydistill.teachers.cached import Cached
from polydistill.teachers.endpoint import Endpoint
from polydistill.teachers.other_model import OtherModel

W = [Tokens([256, 10, 20, 30, 257], 2), Tokens([256, 11, 257], 2), Tokens([256, 13, 23, 33], 1)]
ROWS = [
    W[0]._replace(rejected=Tokens([256, 10, 99, 257], 2)), W[1]._replace(rejected=Tokens([256, 11, 88, 77, 66, 257], 2)), W[2],
]  # fmt: skip


def log_p(logits: list[list[float]], row: Tokens) -> float:
    return sum(at[token] - log(sum(map(exp, at))) for at, token in zip(logits, row.ids[max(row.prompt, 1) :], strict=True))


def test_it_is_the_logistic_loss_of_the_difference_of_two_log_ratios(random_model: Path):
    """In plain floats, from full logits of each answer by itself."""
    found = lesson(Preferred(beta=0.7, chosen=0.25), random_model)
    parts = found.parts(padded(ROWS))
    for place, row in enumerate(ROWS):
        ours = log_p(logits_of(random_model, row, found.student.base), row)
        assert parts["chosen"][place].item() == pytest.approx(-0.25 * ours, rel=1e-9)
        if not row.rejected:
            assert parts["preferred"][place] == 0
            continue
        gain_w = ours - log_p(logits_of(random_model, row), row)
        other = row.rejected
        gain_l = log_p(logits_of(random_model, other, found.student.base), other) - log_p(logits_of(random_model, other), other)
        expected = log(1 + exp(-0.7 * (gain_w - gain_l)))
        assert parts["preferred"][place].item() == pytest.approx(expected, rel=1e-9)
        assert abs(expected - log(2)) > 1e-3


def test_where_student_and_reference_agree_it_is_log_two(random_model: Path):
    for beta in (0.1, 5.0):
        parts = lesson(Preferred(beta=beta), random_model, moved=0).parts(padded(ROWS[:2]))
        assert parts["preferred"].tolist() == pytest.approx([log(2)] * 2, rel=1e-9)


def test_its_gradient_is_beta_times_the_chance_of_being_wrong_times_the_gradient_of_the_ratio(random_model: Path):
    found = lesson(Preferred(beta=0.7, chosen=0), random_model)
    whole = found.gradients(ROWS[:1])
    wrong = 1 - exp(-found.parts(padded(ROWS[:1]))["preferred"].item())
    one, other = (lesson(NextToken(), random_model).gradients([row]) for row in (ROWS[0], ROWS[0].rejected))
    for name, gradient in whole.items():
        expected = -0.7 * wrong * (other[name] - one[name])
        assert torch.allclose(gradient, expected, rtol=1e-5, atol=1e-7), name


def test_a_mean_over_pairs_and_one_over_tokens():
    counts = [Preferred().counts(row) for row in ROWS]
    assert counts == [{"preferred": 1, "chosen": 3}, {"preferred": 1, "chosen": 1}, {"preferred": 0, "chosen": 3}]


def test_rows_without_a_second_answer_are_next_token_alone(random_model: Path):
    found = lesson(Preferred(), random_model)
    parts, alone = found.parts(padded(W)), lesson(NextToken(), random_model).parts(padded(W))
    assert parts["preferred"].tolist() == [0, 0, 0]
    assert torch.allclose(parts["chosen"], alone["next_token"], rtol=1e-12)
    assert parts["preferred"].requires_grad, "every part may be asked for its gradient"


@pytest.mark.parametrize(("reference", "name"), [
    (Cached(), "cached"), (Cached(keeps="sampled"), "cached"),
    (Endpoint(engine={"openai": {"base_url": "http://nowhere.test/v1", "model": "m"}}), "endpoint"),
    (OtherModel(model={"transformers": {"path": "m"}}, align="spans"), "other_model"),
])  # fmt: skip
def test_a_reference_without_all_logits_is_refused(reference: Teacher, name: str):
    with pytest.raises(ValidationError, match=f"a preference needs all logits of the reference, and {name} does not give them"):
        Preferred(reference=reference)


def test_what_is_kept_of_states_gives_all_logits(random_model: Path, space: Workspace):
    batch, student = padded(ROWS[:2]), student_in(random_model)
    objective = Preferred(reference=Cached(keeps="states"))
    opened = objective.reference.open(student, Wants(tokens=True))
    opened.prepare([batch])
    found = objective(student, {objective.reference: opened}, batch, 0.5, objective.start(student, {}))
    assert found["preferred"].tolist() == pytest.approx([log(2)] * 2, abs=1e-2)
