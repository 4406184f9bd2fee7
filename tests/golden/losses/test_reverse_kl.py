from math import log

import pytest
import torch
from tiny_distributions import PAIRS, between, kl

from polydistill.losses.reverse_kl import ReverseKL


def test_the_formula():
    for p, q in PAIRS:
        assert between(ReverseKL(), q, p) == pytest.approx(kl(q, p), rel=1e-12)


def test_two_tokens_by_hand():
    """p = (3/4, 1/4), q = (1/2, 1/2)."""
    p, q = [0.75, 0.25], [0.5, 0.5]
    assert between(ReverseKL(), q, p) == pytest.approx(log(2) - 0.5 * log(3))


def test_it_is_torchs_kl_div():
    torch.manual_seed(0)
    student, teacher = torch.randn(5, 11).double(), torch.randn(5, 11).double()
    log_q, log_p = student.log_softmax(-1), teacher.log_softmax(-1)
    expected = torch.nn.functional.kl_div(log_p, log_q, log_target=True, reduction="none").sum(-1)
    assert torch.allclose(ReverseKL()(student, teacher), expected, rtol=1e-12)
