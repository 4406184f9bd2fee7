"""The divergences: by hand, at the ends of their settings, and what holds for any two distributions."""

from collections.abc import Callable
from math import log, sqrt

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from polydistill.losses import LogitsLoss
from polydistill.losses.adaptive_kl import LIKELIEST, AdaptiveKL, least_of_head
from polydistill.losses.forward_kl import ForwardKL
from polydistill.losses.jensen_shannon import JensenShannon
from polydistill.losses.mse_logits import MseLogits
from polydistill.losses.reverse_kl import ReverseKL
from polydistill.losses.skew_kl import SkewKL
from polydistill.losses.skew_reverse_kl import SkewReverseKL
from polydistill.losses.symmetric_kl import SymmetricKL
from polydistill.losses.total_variation import TotalVariation

P, Q = [0.6, 0.3, 0.1], [0.2, 0.3, 0.5]


def kl(p: list[float], q: list[float]) -> float:
    return sum(p_v * log(p_v / q_v) for p_v, q_v in zip(p, q, strict=True) if p_v)


def mixed(p: list[float], q: list[float], share: float) -> list[float]:
    return [share * p_v + (1 - share) * q_v for p_v, q_v in zip(p, q, strict=True)]


def of(*probabilities: list[float]) -> torch.Tensor:
    """Logits of these probabilities."""
    return torch.tensor(probabilities, dtype=torch.float64).log()


def between(loss: LogitsLoss, q: list[float] = Q, p: list[float] = P) -> float:
    return loss(of(q), of(p)).item()


BY_HAND: list[tuple[LogitsLoss, Callable[[list[float], list[float]], float]]] = [
    (ReverseKL(), lambda p, q: kl(q, p)),
    (SymmetricKL(), lambda p, q: (kl(p, q) + kl(q, p)) / 2),
    (SymmetricKL(share=0.9), lambda p, q: 0.9 * kl(p, q) + 0.1 * kl(q, p)),
    (JensenShannon(), lambda p, q: (kl(p, mixed(p, q, 0.5)) + kl(q, mixed(p, q, 0.5))) / 2),
    (JensenShannon(beta=0.1), lambda p, q: 0.1 * kl(p, mixed(p, q, 0.1)) + 0.9 * kl(q, mixed(p, q, 0.1))),
    (SkewKL(), lambda p, q: kl(p, mixed(p, q, 0.1))),
    (SkewKL(alpha=0.7), lambda p, q: kl(p, mixed(p, q, 0.7))),
    (SkewReverseKL(), lambda p, q: kl(q, mixed(q, p, 0.1))),
    (SkewReverseKL(alpha=0.7), lambda p, q: kl(q, mixed(q, p, 0.7))),
    (TotalVariation(), lambda p, q: sum(abs(p_v - q_v) for p_v, q_v in zip(p, q, strict=True)) / 2),
]


@pytest.mark.parametrize(("loss", "formula"), BY_HAND, ids=[str(loss) + loss.name() for loss, _ in BY_HAND])
def test_the_formula(loss: LogitsLoss, formula: Callable[[list[float], list[float]], float]):
    for p, q in ((P, Q), (Q, P), ([0.75, 0.25], [0.5, 0.5]), ([0.999, 0.001], [0.01, 0.99])):
        assert between(loss, q, p) == pytest.approx(formula(p, q), rel=1e-12)


def test_two_tokens_by_hand():
    """p = (3/4, 1/4), q = (1/2, 1/2)."""
    p, q = [0.75, 0.25], [0.5, 0.5]
    assert between(ReverseKL(), q, p) == pytest.approx(log(2) - 0.5 * log(3))
    assert between(TotalVariation(), q, p) == pytest.approx(0.25)
    assert between(JensenShannon(), q, p) == pytest.approx(
        (0.75 * log(6 / 5) + 0.25 * log(2 / 3) + 0.5 * log(4 / 5) + 0.5 * log(4 / 3)) / 2
    )
    assert between(MseLogits(), q, p) == pytest.approx((log(3) / 2) ** 2)


def test_reverse_kl_is_torchs_kl_div():
    torch.manual_seed(0)
    student, teacher = torch.randn(5, 11).double(), torch.randn(5, 11).double()
    log_q, log_p = student.log_softmax(-1), teacher.log_softmax(-1)
    expected = torch.nn.functional.kl_div(log_p, log_q, log_target=True, reduction="none").sum(-1)
    assert torch.allclose(ReverseKL()(student, teacher), expected, rtol=1e-12)


# Ends


def test_symmetric_kl_at_its_ends():
    assert between(SymmetricKL(share=1)) == pytest.approx(between(ForwardKL()), rel=1e-12)
    assert between(SymmetricKL(share=0)) == pytest.approx(between(ReverseKL()), rel=1e-12)
    assert between(SymmetricKL(), Q, P) == pytest.approx(between(SymmetricKL(), P, Q), rel=1e-12)


FAR, NEAR = torch.tensor([[-500.0, 0.0, 3.0]]), torch.tensor([[1.0, 0.0, -300.0]])
"""Logits whose probabilities are zero in float32 somewhere."""


@pytest.mark.parametrize(("skewed", "plain"), [(SkewKL, ForwardKL), (SkewReverseKL, ReverseKL)])
def test_skewed_by_nothing_it_is_the_divergence_itself(skewed: type[LogitsLoss], plain: type[LogitsLoss]):
    """Also where probabilities are too small to be told from zero."""
    for student, teacher in ((of(Q).float(), of(P).float()), (FAR, NEAR), (NEAR, FAR)):
        assert torch.equal(skewed(alpha=0)(student, teacher), plain()(student, teacher))
    assert skewed(alpha=1e-6)(of(Q), of(P)).item() == pytest.approx(plain()(of(Q), of(P)).item(), rel=1e-5)


@pytest.mark.parametrize("skewed", [SkewKL, SkewReverseKL])
def test_towards_one_a_skewed_divergence_vanishes_quadratically(skewed: type[LogitsLoss]):
    """KL(p || p + e (q - p)) tends to e^2 sum_v (q_v - p_v)^2 / (2 p_v)."""
    p, q = (P, Q) if skewed is SkewKL else (Q, P)
    chi = sum((q_v - p_v) ** 2 / p_v for p_v, q_v in zip(p, q, strict=True))
    assert between(skewed(alpha=1 - 1e-4)) == pytest.approx(1e-8 * chi / 2, rel=1e-3)


def test_jensen_shannon_tends_to_zero_at_its_ends_and_there_is_no_jump():
    """To beta KL(p || q) and (1 - beta) KL(q || p). Called KL at an end, it would jump a thousandfold from there."""
    for small in (1e-3, 1e-5):
        assert between(JensenShannon(beta=small)) == pytest.approx(small * kl(P, Q), rel=5 * small)
        assert between(JensenShannon(beta=1 - small)) == pytest.approx(small * kl(Q, P), rel=5 * small)


@pytest.mark.parametrize("make", [
    lambda: JensenShannon(beta=0), lambda: JensenShannon(beta=1), lambda: SkewKL(alpha=1), lambda: SkewReverseKL(alpha=1),
])  # fmt: skip
def test_where_every_student_would_be_as_good_it_is_refused(make: Callable[[], LogitsLoss]):
    with pytest.raises(ValidationError, match=r"greater than 0|less than 1"):
        make()


# Any two distributions

any_two = settings(max_examples=80, deadline=None)
logits = st.lists(st.floats(-30, 30), min_size=5, max_size=5)
DIVERGENCES = [loss for loss, _ in BY_HAND] + [ForwardKL(), AdaptiveKL(), AdaptiveKL(head=0.9), MseLogits()]


def values(student: list[float], teacher: list[float], *losses: LogitsLoss) -> list[float]:
    q, p = (torch.tensor([some], dtype=torch.float64) for some in (student, teacher))
    return [loss(q, p).item() for loss in losses]


@any_two
@given(logits, logits)
def test_none_is_below_zero(student: list[float], teacher: list[float]):
    assert min(values(student, teacher, *DIVERGENCES)) >= -1e-12


@any_two
@given(logits, logits, st.floats(0.01, 0.99))
def test_bounds(student: list[float], teacher: list[float], share: float):
    distance, mixture, forward, reverse = values(
        student, teacher, TotalVariation(), JensenShannon(beta=share), SkewKL(alpha=share), SkewReverseKL(alpha=share)
    )
    assert 0 <= distance <= 1 + 1e-12
    assert mixture <= -share * log(share) - (1 - share) * log(1 - share) + 1e-12
    assert max(forward, reverse) <= -log(share) + 1e-12


@any_two
@given(logits, logits)
def test_pinsker(student: list[float], teacher: list[float]):
    distance, forward, reverse = values(student, teacher, TotalVariation(), ForwardKL(), ReverseKL())
    assert distance <= sqrt(max(0, min(forward, reverse)) / 2) + 1e-7


@any_two
@given(logits, logits, st.floats(0.01, 0.99))
def test_what_is_the_other_way_round(student: list[float], teacher: list[float], share: float):
    there = [JensenShannon(beta=share), SymmetricKL(share=share), SkewKL(alpha=share), ForwardKL(), TotalVariation()]
    back = [JensenShannon(beta=1 - share), SymmetricKL(share=1 - share), SkewReverseKL(alpha=share), ReverseKL()]
    expected = values(teacher, student, *back, TotalVariation())
    assert values(student, teacher, *there) == pytest.approx(expected, rel=1e-9, abs=1e-12)


# Faults that others had


@pytest.mark.parametrize(
    "loss", [loss for loss in DIVERGENCES if not isinstance(loss, MseLogits)], ids=lambda loss: loss.name()
)
def test_what_nobody_says_does_not_make_a_loss_smaller(loss: LogitsLoss):
    """A loss divided by the size of the vocabulary would be a thousandth of this one, and a weight beside it do nothing."""
    impossible = torch.full((1, 3000), -1e4).double()
    found = loss(torch.cat((of(Q), impossible), -1), torch.cat((of(P), impossible), -1)).item()
    assert found == pytest.approx(between(loss), rel=1e-9)


@pytest.mark.parametrize("loss", DIVERGENCES, ids=lambda loss: loss.name())
def test_with_a_bfloat16_teacher_a_small_divergence_is_right_and_not_negative(loss: LogitsLoss):
    """As where a teacher is the student in bfloat16. Also of many tokens, where roundings add up."""
    torch.manual_seed(0)
    student = 3 * torch.randn(4, 20_000)
    teacher = student.bfloat16()
    found, exact = loss(student, teacher), loss(student.double(), teacher.double())
    assert (exact < 0.02).all()
    assert (found > 0).all()
    assert torch.allclose(found.double(), exact, rtol=0.02, atol=5e-7)


# Adaptive


def adaptive(p: list[float], q: list[float], head: set[int]) -> float:
    gaps = [abs(p_v - q_v) for p_v, q_v in zip(p, q, strict=True)]
    h, t = (sum(gap for v, gap in enumerate(gaps) if (v in head) is inside) for inside in (True, False))
    return h / (h + t) * kl(p, q) + t / (h + t) * kl(q, p)


@pytest.mark.parametrize(("head", "tokens"), [
    (0.1, {0}), (0.59, {0}), (0.61, {0, 1}), (0.89, {0, 1}), (0.91, {0, 1, 2}), (1.0, {0, 1, 2}), (0.0, set()),
])  # fmt: skip
def test_adaptive_kl_by_hand(head: float, tokens: set[int]):
    """The fewest likeliest tokens that have ``head`` together."""
    assert between(AdaptiveKL(head=head)) == pytest.approx(adaptive(P, Q, tokens), rel=1e-12)


def test_adaptive_kl_at_its_ends():
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


# Logits


def test_a_high_temperature_makes_half_the_squared_error_of_kl():
    found = ForwardKL(temperature=1e4)(of(Q), of(P)).item()
    assert found == pytest.approx(between(MseLogits()) / 2, rel=1e-3)


def test_of_logits_a_constant_is_no_error():
    assert MseLogits()(of(Q) + 5, of(Q) - 7).item() == pytest.approx(0, abs=1e-20)
    assert torch.nn.functional.mse_loss(of(Q) + 5, of(Q) - 7).item() == pytest.approx(144)
