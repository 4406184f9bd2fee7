"""Losses of less than the whole vocabulary: `top_k`, and soft cross-entropy from likeliest and from drawn tokens."""

from itertools import product
from math import exp, log, log1p

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from polydistill.component import find
from polydistill.losses import LogitsLoss
from polydistill.losses.forward_kl import ForwardKL
from polydistill.losses.soft_cross_entropy import SoftCrossEntropy
from polydistill.losses.top_k import TopK
from polydistill.signals import Draws, Support

P, Q = [0.5, 0.3, 0.15, 0.05], [0.2, 0.4, 0.1, 0.3]
DIVERGENCES = ["forward_kl", "reverse_kl", "symmetric_kl", "jensen_shannon", "skew_kl", "skew_reverse_kl", "total_variation"]


def kl(p: list[float], q: list[float]) -> float:
    return sum(p_v * log(p_v / q_v) for p_v, q_v in zip(p, q, strict=True))


def of(*probabilities: list[float]) -> torch.Tensor:
    """Logits of these probabilities."""
    return torch.tensor(probabilities, dtype=torch.float64).log()


def named(name: str) -> LogitsLoss:
    return find("losses", name)()  # type: ignore[return-value]


def test_by_hand_with_all_others_as_one_outcome():
    assert TopK(k=2)(of(Q), of(P)).item() == pytest.approx(kl([0.5, 0.3, 0.2], [0.2, 0.4, 0.4]))


def test_by_hand_renormalised():
    found = TopK(k=2, remaining=False)(of(Q), of(P)).item()
    assert found == pytest.approx(kl([5 / 8, 3 / 8], [1 / 3, 2 / 3]))


@pytest.mark.parametrize("name", [*DIVERGENCES, "mse_logits", "adaptive_kl", "soft_cross_entropy"])
@pytest.mark.parametrize("k", [4, 5])
def test_where_k_reaches_the_vocabulary_it_is_the_loss_itself(name: str, k: int):
    student, teacher = of(Q, P), of(P, Q)
    for remaining in (True, False):
        assert torch.equal(TopK(loss=named(name), k=k, remaining=remaining)(student, teacher), named(name)(student, teacher))


def test_renormalised_it_does_not_see_what_the_student_says_beside():
    """And with the remaining outcome it does."""
    astray = [0.05, 0.03, 0.9, 0.02]
    assert TopK(k=2, remaining=False)(of(astray), of(P)).item() == pytest.approx(0, abs=1e-12)
    assert TopK(k=2)(of(astray), of(P)).item() == pytest.approx(kl([0.5, 0.3, 0.2], [0.05, 0.03, 0.92]))


def test_a_student_that_agrees_on_each_outcome_is_at_the_floor():
    assert TopK(k=2)(of([0.5, 0.3, 0.05, 0.15]), of(P)).item() == pytest.approx(0, abs=1e-12)


any_two = settings(max_examples=80, deadline=None)
logits = st.lists(st.floats(-20, 20), min_size=6, max_size=6)


@any_two
@given(logits, logits, st.sampled_from(DIVERGENCES), st.integers(1, 5))
def test_a_coarser_divergence_is_never_larger(student: list[float], teacher: list[float], name: str, k: int):
    q, p = (torch.tensor([some], dtype=torch.float64) for some in (student, teacher))
    coarse, finer, whole = TopK(loss=named(name), k=k), TopK(loss=named(name), k=k + 1), named(name)
    assert coarse(q, p) <= finer(q, p) + 1e-9
    assert finer(q, p) <= whole(q, p) + 1e-9


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_what_remains_keeps_its_precision_however_small(dtype: torch.dtype):
    """1 - sum q would be 0 in float32: the others have e^-40 in all."""
    student, teacher = torch.tensor([[40.0, 0.0, 0.0]], dtype=dtype), torch.tensor([[1.0, 0.0, 0.0]], dtype=dtype)
    p = exp(1) / (exp(1) + 2)
    others = log(2) - 40 - log1p(2 * exp(-40))
    expected = p * log(p) + (1 - p) * log(1 - p) + p * log1p(2 * exp(-40)) - (1 - p) * others
    assert TopK(k=1)(student, teacher).item() == pytest.approx(expected, rel=1e-6)


def test_from_a_signal_it_takes_the_k_likeliest_of_what_is_there():
    """In whatever order they come."""
    teacher = Support(torch.tensor([[3, 1, 0]]), torch.tensor([P[3], P[1], P[0]]).log()[None])
    dense = TopK(k=2)(of(Q), of(P))
    assert TopK(k=2).of_likeliest(of(Q), teacher).item() == pytest.approx(dense.item(), rel=1e-6)
    found = TopK(k=64).of_likeliest(of(Q), teacher).item()
    assert found == pytest.approx(kl([0.5, 0.3, 0.05, 0.15], [0.2, 0.4, 0.3, 0.1]), rel=1e-6)


def test_what_remains_of_a_rounded_signal_is_never_below_zero():
    """Probabilities that were rounded when they were written down may sum to more than one."""
    teacher = Support(torch.tensor([[0, 1]]), torch.tensor([[0.8, 0.201]]).log())
    found = TopK(k=2, loss=named("reverse_kl")).of_likeliest(of(Q), teacher)
    assert torch.isfinite(found).all()
    assert found > 0


def test_a_loss_of_something_else_than_logits_is_refused():
    with pytest.raises(ValidationError, match="hidden_mse is no logits loss"):
        TopK(loss="hidden_mse")
    with pytest.raises(ValidationError, match="greater than or equal to 1"):
        TopK(k=0)


# Soft cross-entropy


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
