"""The network behind clipped KL."""

from math import exp

import pytest
import torch

from polydistill.losses._bounds import SEES, Bounds


@pytest.mark.parametrize("at_least", [0.01, 0.5, 0.99])
def test_at_least_so_much_stays_inside_whatever_it_learns(at_least: float):
    torch.manual_seed(0)
    for _ in range(20):
        bounds = Bounds().double()
        for p in bounds.parameters():
            torch.nn.init.normal_(p, std=30)
        before, after = bounds(torch.randn(6, 40).double().softmax(-1), at_least)
        assert before.min() >= 0
        assert after.min() >= 0
        assert (1 - before - after).min() >= at_least - 1e-9


def test_at_the_start_nearly_all_is_inside():
    torch.manual_seed(0)
    before, after = Bounds()(torch.randn(6, 40).softmax(-1), 0.5)
    out = 1 / (1 + exp(4))
    assert before.flatten().tolist() == pytest.approx([0.5 * out * out] * 6)
    assert after.flatten().tolist() == pytest.approx([0.5 * out * (1 - out)] * 6)


def test_it_sees_the_likeliest_probabilities_alone():
    torch.manual_seed(0)
    bounds = Bounds()
    for p in bounds.parameters():
        torch.nn.init.normal_(p)
    p = torch.rand(3, 40).sort(-1).values
    same_likeliest, other_likeliest = p.clone(), p.clone()
    same_likeliest[:, :-SEES] /= 2
    other_likeliest[:, -1] += 1
    expected = torch.cat(bounds(p, 0.5))
    assert torch.equal(torch.cat(bounds(same_likeliest, 0.5)), expected)
    assert not torch.allclose(torch.cat(bounds(other_likeliest, 0.5)), expected)


def test_a_vocabulary_smaller_than_what_it_sees_is_filled_up_with_nothing():
    """The same probabilities, with tokens beside them that never come."""
    torch.manual_seed(0)
    bounds = Bounds()
    for p in bounds.parameters():
        torch.nn.init.normal_(p)
    few = torch.tensor([[0.2, 0.5, 0.3]])
    more = torch.cat((few, torch.zeros(1, SEES)), -1)
    assert torch.equal(torch.cat(bounds(few, 0.5)), torch.cat(bounds(more, 0.5)))
    assert not torch.allclose(torch.cat(bounds(few[:, :2], 0.5)), torch.cat(bounds(more, 0.5)))
