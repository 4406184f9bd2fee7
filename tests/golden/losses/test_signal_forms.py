"""A loss that a signal does not fit says so."""

import pytest
import torch
from tiny_distributions import P, Q, of

from polydistill.losses import LogitsLoss
from polydistill.losses.forward_kl import ForwardKL
from polydistill.losses.soft_cross_entropy import SoftCrossEntropy
from polydistill.losses.top_k import TopK
from polydistill.signals import Draws, Support

LIKELIEST = Support(torch.tensor([[0, 1]]), torch.tensor([P[:2]]).log())
DRAWN = Draws(torch.tensor([[0, 1]]), torch.tensor([[0.5, 0.5]]))


def test_of_likeliest_tokens_where_it_takes_all_or_none():
    with pytest.raises(ValueError, match=r"^forward_kl is computed from dense or spans, not from top_k$"):
        ForwardKL().of_likeliest(of(Q), LIKELIEST)


@pytest.mark.parametrize(("loss", "takes"), [(ForwardKL(), "dense or spans"), (TopK(k=2), "dense or top_k or spans")])
def test_of_drawn_tokens_where_it_takes_none(loss: LogitsLoss, takes: str):
    with pytest.raises(ValueError, match=f"^{loss.name()} is computed from {takes}, not from sampled$"):
        loss.of_drawn(of(Q), DRAWN)


def test_what_it_takes_it_computes():
    assert SoftCrossEntropy().of_drawn(of(Q), DRAWN).shape == TopK(k=2).of_likeliest(of(Q), LIKELIEST).shape == (1,)
