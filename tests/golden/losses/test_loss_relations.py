"""How the tokens of a row relate to each other, and how far two such relations are apart."""

from math import log

import pytest
import torch

from polydistill.losses._relations import divergence, log_shares

SEEN = torch.tensor([[[True, False], [True, True]]])


def heads(*values: list[float], dtype: torch.dtype = torch.float64) -> torch.Tensor:
    """One row and one head."""
    return torch.tensor([[values]], dtype=dtype)


def test_shares_by_hand():
    """Of heads of width 4 the second token's scores are 2 log 3 / 2 and 0: shares of 3/4 and 1/4."""
    left, right = heads([9.0, 0, 0, 0], [2.0, 0, 0, 0]), heads([log(3), 0, 0, 0], [0.0, 5.0, 0, 0])
    found = log_shares(left, right, SEEN).exp()
    assert found[0, 0].tolist() == [pytest.approx([1, 0]), pytest.approx([0.75, 0.25])]


def test_a_token_that_may_see_none_has_the_same_shares_whatever_is_given():
    blind = torch.tensor([[[True, False], [False, False]]])
    one, other = (log_shares(heads([1.0], [many]), heads([many], [2.0]), blind) for many in (3.0, -70.0))
    assert one[0, 0, 1].tolist() == other[0, 0, 1].tolist()
    assert divergence(one, other).tolist() == [0]


def test_shares_are_computed_in_float32_at_least():
    assert log_shares(heads([1.0], [2.0], dtype=torch.bfloat16), heads([1.0], [2.0]).bfloat16(), SEEN).dtype == torch.float32


def test_the_divergence_is_a_sum_over_tokens_and_a_mean_over_heads():
    """The first head says the same twice; in the second one KL((3/4, 1/4) || (1/2, 1/2)) stands at both tokens."""
    p = torch.tensor([[[[0.5, 0.5], [0.2, 0.8]], [[0.75, 0.25], [0.75, 0.25]]]]).double()
    q = torch.tensor([[[[0.5, 0.5], [0.2, 0.8]], [[0.5, 0.5], [0.5, 0.5]]]]).double()
    one = 0.75 * log(1.5) + 0.25 * log(0.5)
    assert divergence(p.log(), q.log()).tolist() == pytest.approx([2 * one / 2])
