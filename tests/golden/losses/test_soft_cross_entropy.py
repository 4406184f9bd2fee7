"""Soft cross-entropy, also from likeliest and from drawn tokens."""

from itertools import product
from math import log

import pytest
import torch
from tiny_distributions import OF_FOUR, of

from polydistill.losses.forward_kl import ForwardKL
from polydistill.losses.soft_cross_entropy import SoftCrossEntropy
from polydistill.losses.top_k import TopK
from polydistill.signals import Draws, Support

P, Q = OF_FOUR


def test_two_tokens_by_hand():
    found = SoftCrossEntropy()(of([0.5, 0.5], [0.25, 0.75]), of([0.75, 0.25], [0.25, 0.75]))
    assert found.tolist() == pytest.approx([log(2), -0.25 * log(0.25) - 0.75 * log(0.75)])


def test_it_is_torchs_cross_entropy():
    torch.manual_seed(0)
    student, teacher = torch.randn(5, 11).double(), torch.randn(5, 11).double()
    expected = torch.nn.functional.cross_entropy(student, teacher.softmax(-1), reduction="none")
    assert torch.allclose(SoftCrossEntropy()(student, teacher), expected, rtol=1e-12)


def test_less_the_entropy_it_is_forward_kl_and_has_its_gradient():
    student, teacher = of(Q).requires_grad_(), of(P)
    entropy = -sum(p_v * log(p_v) for p_v in P)
    soft, forward = SoftCrossEntropy()(student, teacher), ForwardKL()(student, teacher)
    assert soft.item() - entropy == pytest.approx(forward.item())
    one, other = (torch.autograd.grad(loss.sum(), student)[0] for loss in (soft, forward))
    assert torch.allclose(one, other, atol=1e-12)


def test_from_the_likeliest_tokens_by_hand():
    teacher = Support(torch.tensor([[0, 1]]), torch.tensor([P[:2]], dtype=torch.float64).log())
    expected = -(0.5 * log(0.2) + 0.3 * log(0.4) + 0.2 * log(0.4))
    assert SoftCrossEntropy().of_likeliest(of(Q), teacher).item() == pytest.approx(expected)


def test_from_the_likeliest_tokens_the_teacher_itself_is_the_best_student():
    """Left out, the others would make a surer student better: 0.5 / 0.8 on the first token instead of 0.5."""
    teacher = Support(torch.tensor([[0, 1]]), torch.tensor([P[:2]], dtype=torch.float64).log())
    student = of(P).requires_grad_()
    (gradient,) = torch.autograd.grad(SoftCrossEntropy().of_likeliest(student, teacher).sum(), student)
    assert gradient.abs().max() < 1e-12
    left_out = -(teacher.log_p.exp() * student.log_softmax(-1)[:, :2]).sum()
    assert torch.autograd.grad(left_out, student)[0][0, 0].item() == pytest.approx(0.8 * 0.5 - 0.5)


PROPOSAL = [0.4, 0.3, 0.2, 0.1]
"""What tokens are drawn from."""


def drawn(*tokens: int) -> Draws:
    """Each counts p / (n s), s what it was drawn with, n how many were drawn."""
    weights = [P[v] / (len(tokens) * PROPOSAL[v]) for v in tokens]
    return Draws(torch.tensor([tokens]), torch.tensor([weights], dtype=torch.float64))


def test_from_drawn_tokens_by_hand():
    expected = -(P[1] / (2 * 0.3) * log(Q[1]) + P[3] / (2 * 0.1) * log(Q[3]))
    assert SoftCrossEntropy().of_drawn(of(Q), drawn(1, 3)).item() == pytest.approx(expected)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_over_all_draws_its_mean_and_its_gradients_are_exactly_the_true_ones(n: int):
    student = of(Q).requires_grad_()
    mean, gradient = 0.0, torch.zeros(1, 4, dtype=torch.float64)
    for tokens in product(range(4), repeat=n):
        chance = 1.0
        for token in tokens:
            chance *= PROPOSAL[token]
        value = SoftCrossEntropy().of_drawn(student, drawn(*tokens))
        mean += chance * value.item()
        gradient += chance * torch.autograd.grad(value.sum(), student)[0]
    true = SoftCrossEntropy()(student, of(P))
    assert mean == pytest.approx(true.item(), rel=1e-12)
    assert torch.allclose(gradient, torch.autograd.grad(true.sum(), student)[0], atol=1e-12)


def test_over_many_draws_its_mean_is_the_true_value_and_the_likeliest_tokens_alone_are_not():
    """50,000 draws of 4 tokens: within 4 standard errors. Of the 2 likeliest tokens alone, renormalised, it is 60 away."""
    generator = torch.Generator().manual_seed(0)
    ids = torch.tensor(PROPOSAL).multinomial(200_000, replacement=True, generator=generator).view(-1, 4)
    p, s = torch.tensor(P).double(), torch.tensor(PROPOSAL).double()
    found = SoftCrossEntropy().of_drawn(of(*[Q] * len(ids)), Draws(ids, p[ids] / (4 * s[ids])))
    true, error = SoftCrossEntropy()(of(Q), of(P)).item(), (found.std() / len(found) ** 0.5).item()
    assert abs(found.mean().item() - true) < 4 * error
    naive = TopK(k=2, remaining=False, loss=SoftCrossEntropy())(of(Q), of(P)).item()
    assert abs(naive - true) > 50 * error
