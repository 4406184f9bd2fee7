from math import exp, log, sqrt

import pytest
import torch

from polydistill.losses.value_relations import ValueRelations
from polydistill.signals import Relations

# By head, token and dimension; the student's heads are of one dimension, the teacher's of two.
STUDENT = [[[0.3], [1.0], [-1.0]], [[2.0], [-0.5], [0.7]]]
TEACHER = [[[0.0, 1.0], [1.0, 1.0], [-1.0, 0.5]], [[1.0, -2.0], [0.1, 0.2], [0.6, 0.9]]]


def shares(values: list[list[float]], token: int) -> list[float]:
    """Of one head: how a token's value resembles its own and each one's before it."""
    width = len(values[0])
    scores = [sum(a * b for a, b in zip(values[token], other, strict=True)) / sqrt(width) for other in values[: token + 1]]
    powers = [exp(score) for score in scores]
    return [power / sum(powers) for power in powers]


def kl(p: list[float], q: list[float]) -> float:
    return sum(a * (log(a) - log(b)) for a, b in zip(p, q, strict=True))


def side(values: list[list[list[float]]]) -> Relations:
    tensor = torch.tensor([values], dtype=torch.double)
    return Relations(torch.full_like(tensor, torch.nan), torch.full_like(tensor, torch.nan), tensor)


@pytest.mark.parametrize("length", [2, 3])
def test_two_heads_by_hand(length: int):
    """A row of two tokens is padded with one that says nothing; the mask is in this term too."""
    expected = [kl(shares(TEACHER[head], token), shares(STUDENT[head], token)) for head in range(2) for token in range(length)]
    there = torch.arange(3)[None] < length
    seen = (there[:, :, None] & there[:, None]).tril()
    found = ValueRelations()(side(STUDENT), side(TEACHER), seen)
    assert found.tolist() == pytest.approx([sum(expected) / 2], rel=1e-12)
    assert sum(expected) > 0.1


def test_one_choice_by_hand():
    """Values 0 and 1 of the student: q = (1, e) / (1 + e) for the second token; of the teacher 0 and 0: p = (1/2, 1/2)."""
    student, teacher = torch.tensor([[[[0.0], [1.0]]]]).double(), torch.zeros(1, 1, 2, 1).double()
    found = ValueRelations()(
        Relations(student, student, student), Relations(teacher, teacher, teacher), torch.ones(1, 2, 2, dtype=torch.bool).tril()
    )
    expected = 0.5 * (log(0.5) - log(1 / (1 + exp(1)))) + 0.5 * (log(0.5) - log(exp(1) / (1 + exp(1))))
    assert found.tolist() == pytest.approx([expected], rel=1e-12)
