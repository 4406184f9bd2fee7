from math import exp, log, sqrt

import pytest
import torch

from polydistill.losses.attention_relations import AttentionRelations
from polydistill.signals import Relations

# By head, token and dimension; the student's heads are of one dimension, the teacher's of two.
Q_STUDENT = [[[1.0], [-2.0], [0.5]], [[0.0], [1.5], [3.0]]]
K_STUDENT = [[[0.3], [1.0], [-1.0]], [[2.0], [-0.5], [0.7]]]
Q_TEACHER = [[[1.0, 0.0], [0.5, -1.0], [2.0, 1.0]], [[0.2, 0.4], [-1.0, 1.0], [0.0, 3.0]]]
K_TEACHER = [[[0.0, 1.0], [1.0, 1.0], [-1.0, 0.5]], [[1.0, -2.0], [0.1, 0.2], [0.6, 0.9]]]


def shares(queries: list[list[float]], keys: list[list[float]], token: int) -> list[float]:
    """Of one head: what a token pays to itself and to each that is before it."""
    width = len(keys[0])
    scores = [sum(q * k for q, k in zip(queries[token], key, strict=True)) / sqrt(width) for key in keys[: token + 1]]
    powers = [exp(score) for score in scores]
    return [power / sum(powers) for power in powers]


def kl(p: list[float], q: list[float]) -> float:
    return sum(a * (log(a) - log(b)) for a, b in zip(p, q, strict=True))


def side(queries: list[list[list[float]]], keys: list[list[list[float]]]) -> Relations:
    tensors = torch.tensor([queries], dtype=torch.double), torch.tensor([keys], dtype=torch.double)
    return Relations(*tensors, torch.full_like(tensors[1], torch.nan))


@pytest.mark.parametrize("length", [2, 3])
def test_two_heads_by_hand(length: int):
    """A row of two tokens is padded with one that says nothing."""
    expected = [
        kl(shares(Q_TEACHER[head], K_TEACHER[head], token), shares(Q_STUDENT[head], K_STUDENT[head], token))
        for head in range(2)
        for token in range(length)
    ]
    there = torch.arange(3)[None] < length
    seen = (there[:, :, None] & there[:, None]).tril()
    found = AttentionRelations()(side(Q_STUDENT, K_STUDENT), side(Q_TEACHER, K_TEACHER), seen)
    assert found.tolist() == pytest.approx([sum(expected) / 2], rel=1e-12)
    assert sum(expected) > 0.1


def test_one_choice_by_hand():
    """The second of two tokens: p = (3/4, 1/4) of the teacher, q = (1/2, 1/2) of the student; the first has no choice."""
    ones = torch.ones(1, 1, 2, 1).double()
    teacher = Relations(ones, torch.tensor([[[[log(3)], [0.0]]]], dtype=torch.double), ones)
    found = AttentionRelations()(Relations(ones, ones, ones), teacher, torch.ones(1, 2, 2, dtype=torch.bool).tril())
    assert found.tolist() == pytest.approx([log(2) + 0.75 * log(0.75) + 0.25 * log(0.25)], rel=1e-12)
