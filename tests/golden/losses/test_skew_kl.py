from collections.abc import Callable

import pytest
import torch
from pydantic import ValidationError
from tiny_distributions import FAR, NEAR, PAIRS, P, Q, between, kl, mixed, of

from polydistill.losses.forward_kl import ForwardKL
from polydistill.losses.skew_kl import SkewKL


@pytest.mark.parametrize(("loss", "formula"), [
    (SkewKL(), lambda p, q: kl(p, mixed(p, q, 0.1))),
    (SkewKL(alpha=0.7), lambda p, q: kl(p, mixed(p, q, 0.7))),
])  # fmt: skip
def test_the_formula(loss: SkewKL, formula: Callable[[list[float], list[float]], float]):
    for p, q in PAIRS:
        assert between(loss, q, p) == pytest.approx(formula(p, q), rel=1e-12)


def test_skewed_by_nothing_it_is_the_divergence_itself():
    """Also where probabilities are too small to be told from zero."""
    for student, teacher in ((of(Q).float(), of(P).float()), (FAR, NEAR), (NEAR, FAR)):
        assert torch.equal(SkewKL(alpha=0)(student, teacher), ForwardKL()(student, teacher))
    assert SkewKL(alpha=1e-6)(of(Q), of(P)).item() == pytest.approx(ForwardKL()(of(Q), of(P)).item(), rel=1e-5)


def test_towards_one_it_vanishes_quadratically():
    """KL(p || p + e (q - p)) tends to e^2 sum_v (q_v - p_v)^2 / (2 p_v)."""
    p, q = P, Q
    chi = sum((q_v - p_v) ** 2 / p_v for p_v, q_v in zip(p, q, strict=True))
    assert between(SkewKL(alpha=1 - 1e-4)) == pytest.approx(1e-8 * chi / 2, rel=1e-3)


def test_where_every_student_would_be_as_good_it_is_refused():
    with pytest.raises(ValidationError, match=r"greater than 0|less than 1"):
        SkewKL(alpha=1)
