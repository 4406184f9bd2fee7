import pytest
from tiny_distributions import PAIRS, between

from polydistill.losses.total_variation import TotalVariation


def test_the_formula():
    for p, q in PAIRS:
        assert between(TotalVariation(), q, p) == pytest.approx(
            sum(abs(p_v - q_v) for p_v, q_v in zip(p, q, strict=True)) / 2, rel=1e-12
        )


def test_two_tokens_by_hand():
    """p = (3/4, 1/4), q = (1/2, 1/2)."""
    p, q = [0.75, 0.25], [0.5, 0.5]
    assert between(TotalVariation(), q, p) == pytest.approx(0.25)
