from collections.abc import Callable

import pytest
from tiny_distributions import PAIRS, P, Q, between, kl

from polydistill.losses.forward_kl import ForwardKL
from polydistill.losses.reverse_kl import ReverseKL
from polydistill.losses.symmetric_kl import SymmetricKL


@pytest.mark.parametrize(("loss", "formula"), [
    (SymmetricKL(), lambda p, q: (kl(p, q) + kl(q, p)) / 2),
    (SymmetricKL(share=0.9), lambda p, q: 0.9 * kl(p, q) + 0.1 * kl(q, p)),
])  # fmt: skip
def test_the_formula(loss: SymmetricKL, formula: Callable[[list[float], list[float]], float]):
    for p, q in PAIRS:
        assert between(loss, q, p) == pytest.approx(formula(p, q), rel=1e-12)


def test_at_its_ends():
    assert between(SymmetricKL(share=1)) == pytest.approx(between(ForwardKL()), rel=1e-12)
    assert between(SymmetricKL(share=0)) == pytest.approx(between(ReverseKL()), rel=1e-12)
    assert between(SymmetricKL(), Q, P) == pytest.approx(between(SymmetricKL(), P, Q), rel=1e-12)
