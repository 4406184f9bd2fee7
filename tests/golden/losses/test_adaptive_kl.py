import pytest
import torch
from tiny_distributions import P, Q, between, kl, of

from polydistill.losses.adaptive_kl import LIKELIEST, AdaptiveKL, least_of_head
from polydistill.losses.symmetric_kl import SymmetricKL


def adaptive(p: list[float], q: list[float], head: set[int]) -> float:
    gaps = [abs(p_v - q_v) for p_v, q_v in zip(p, q, strict=True)]
    h, t = (sum(gap for v, gap in enumerate(gaps) if (v in head) is inside) for inside in (True, False))
    return h / (h + t) * kl(p, q) + t / (h + t) * kl(q, p)


@pytest.mark.parametrize(("head", "tokens"), [
    (0.1, {0}), (0.59, {0}), (0.61, {0, 1}), (0.89, {0, 1}), (0.91, {0, 1, 2}), (1.0, {0, 1, 2}), (0.0, set()),
])  # fmt: skip
def test_by_hand(head: float, tokens: set[int]):
    """The fewest likeliest tokens that have ``head`` together."""
    assert between(AdaptiveKL(head=head)) == pytest.approx(adaptive(P, Q, tokens), rel=1e-12)


def test_at_its_ends():
    assert between(AdaptiveKL(head=1)) == pytest.approx(kl(P, Q), rel=1e-12)
    assert between(AdaptiveKL(head=0)) == pytest.approx(kl(Q, P), rel=1e-12)


def test_tokens_that_tie_are_in_the_head_together():
    p, q = [0.5, 0.2, 0.2, 0.1], [0.1, 0.5, 0.1, 0.3]
    assert between(AdaptiveKL(head=0.6), q, p) == pytest.approx(adaptive(p, q, {0, 1, 2}))


def test_its_weights_are_held_still():
    """The gradient is h / (h + t) times that of forward KL and t / (h + t) times that of reverse KL: here 1/2 each."""
    student = of(Q).requires_grad_()
    (found,) = torch.autograd.grad(AdaptiveKL()(student, of(P)).sum(), student)
    (expected,) = torch.autograd.grad(SymmetricKL()(student, of(P)).sum(), student)
    assert torch.allclose(found, expected)


def test_a_head_of_more_tokens_than_are_looked_at_first():
    """Nearly even probabilities: half of them is half of the vocabulary."""
    even = torch.linspace(1.1, 1, 4 * LIKELIEST).double()[None]
    p = even / even.sum()
    least = least_of_head(p, 0.5)
    assert p[p > least].sum() < 0.5 <= p[p >= least].sum()
    both = least_of_head(torch.cat((p, torch.eye(4 * LIKELIEST)[:1].double())), 0.5)
    assert both[:, 0].tolist() == [least.item(), 1.0]
