"""What holds for any two distributions, whatever the divergence, and faults that others had."""

from math import log, sqrt

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_distributions import P, Q, between, of

from polydistill.losses import LogitsLoss
from polydistill.losses.adaptive_kl import AdaptiveKL
from polydistill.losses.forward_kl import ForwardKL
from polydistill.losses.jensen_shannon import JensenShannon
from polydistill.losses.mse_logits import MseLogits
from polydistill.losses.reverse_kl import ReverseKL
from polydistill.losses.skew_kl import SkewKL
from polydistill.losses.skew_reverse_kl import SkewReverseKL
from polydistill.losses.symmetric_kl import SymmetricKL
from polydistill.losses.total_variation import TotalVariation

any_two = settings(max_examples=80, deadline=None)
logits = st.lists(st.floats(-30, 30), min_size=5, max_size=5)
DIVERGENCES = [
    ReverseKL(), SymmetricKL(), SymmetricKL(share=0.9), JensenShannon(), JensenShannon(beta=0.1), SkewKL(), SkewKL(alpha=0.7),
    SkewReverseKL(), SkewReverseKL(alpha=0.7), TotalVariation(), ForwardKL(), AdaptiveKL(), AdaptiveKL(head=0.9), MseLogits(),
]  # fmt: skip


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
