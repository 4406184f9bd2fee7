from math import log

import pytest
import torch
from tiny_distributions import P, Q, between, of

from polydistill.losses.forward_kl import ForwardKL
from polydistill.losses.mse_logits import MseLogits


def test_two_tokens_by_hand():
    """p = (3/4, 1/4), q = (1/2, 1/2)."""
    p, q = [0.75, 0.25], [0.5, 0.5]
    assert between(MseLogits(), q, p) == pytest.approx((log(3) / 2) ** 2)


def test_a_high_temperature_makes_half_the_squared_error_of_kl():
    found = ForwardKL(temperature=1e4)(of(Q), of(P)).item()
    assert found == pytest.approx(between(MseLogits()) / 2, rel=1e-3)


def test_of_logits_a_constant_is_no_error():
    assert MseLogits()(of(Q) + 5, of(Q) - 7).item() == pytest.approx(0, abs=1e-20)
    assert torch.nn.functional.mse_loss(of(Q) + 5, of(Q) - 7).item() == pytest.approx(144)
