"""Losses in chunks of positions are those of the whole, and keep nothing that is wide."""

import weakref
from collections.abc import Callable

import pytest
import torch
from torch.utils.checkpoint import checkpoint

from polydistill.chunks import over_chunks

WIDE = 50


def squares(weight: torch.Tensor) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """Through something as wide as a vocabulary of 50."""
    return lambda states, others: ((states - others) @ weight).square().sum(-1)


def made(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(seed)
    states, weight = torch.randn(7, 3, dtype=torch.float64), torch.randn(3, WIDE, dtype=torch.float64)
    return states.requires_grad_(), torch.randn(7, 3, dtype=torch.float64), weight.requires_grad_()


@pytest.mark.parametrize("counts", [torch.full((7,), 0.25), torch.arange(7.0)], ids=["alike", "differently"])
@pytest.mark.parametrize("most", [1, 2, 3, 7, 100])
def test_they_give_the_loss_and_the_gradients_of_the_whole(most: int, counts: torch.Tensor):
    """Where all positions count alike, and where each counts differently."""
    states, others, weight = made()
    whole = squares(weight)(states, others)
    chunked = over_chunks(squares(weight), states, others, most=most, parameters=[weight])
    assert torch.allclose(chunked, whole)
    expected, found = (torch.autograd.grad((loss * counts).sum(), [states, weight]) for loss in (whole, chunked))
    for one, other in zip(found, expected, strict=True):
        assert torch.allclose(one, other)


def test_what_is_not_trained_gets_no_gradient():
    states, others, weight = made()
    over_chunks(squares(weight.detach()), states, others, most=2, parameters=[weight.detach()]).sum().backward()
    assert weight.grad is None
    assert states.grad is not None


def test_only_what_is_trained_may_have_one():
    """Such as the head over states that are held still."""
    states, others, weight = made()
    over_chunks(squares(weight), states.detach(), others, most=2, parameters=[weight]).sum().backward()
    assert weight.grad is not None


def test_without_gradients_there_are_none():
    states, others, weight = made()
    with torch.no_grad():
        found = over_chunks(squares(weight), states, others, most=2, parameters=[weight])
    assert not found.requires_grad
    assert torch.allclose(found, squares(weight)(states, others))


def test_nothing_as_wide_as_the_vocabulary_outlives_its_chunk():
    states, others, weight = made()
    wide: list[weakref.ref[torch.Tensor]] = []

    def watched(own: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        logits = (own - other) @ weight
        assert [one for one in wide if one() is not None] == [], "the chunk before is gone"
        assert logits.shape[0] <= 2
        wide.append(weakref.ref(logits))
        return logits.square().sum(-1)

    found = over_chunks(watched, states, others, most=2, parameters=[weight])
    assert len(wide) == 4
    assert [one for one in wide if one() is not None] == []
    found.sum().backward()
    assert len(wide) == 4, "nothing is computed twice where all positions count alike"


def test_under_autocast_the_gradient_is_that_of_the_same_products():
    states, others, weight = (tensor.float().detach() for tensor in made())
    states, weight = states.requires_grad_(), weight.requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        chunked = over_chunks(squares(weight), states, others, most=3, parameters=[weight])
        whole = torch.cat([
            checkpoint(squares(weight), *some, use_reentrant=False)
            for some in zip(states.split(3), others.split(3), strict=True)
        ])  # fmt: skip
    assert torch.equal(chunked, whole)
    for counts in (torch.full((7,), 0.5), torch.arange(7.0)):
        expected, found = (
            torch.autograd.grad((loss * counts).sum(), [states, weight], retain_graph=True) for loss in (whole, chunked)
        )
        for one, other in zip(found, expected, strict=True):
            assert torch.allclose(one, other, rtol=0.02, atol=0.02 * other.abs().max().item())


def test_no_positions_give_no_losses():
    weight = torch.ones(3, WIDE, requires_grad=True)
    found = over_chunks(squares(weight), torch.zeros(0, 3, requires_grad=True), torch.zeros(0, 3), most=4, parameters=[weight])
    assert found.shape == (0,)
    found.sum().backward()
    assert weight.grad is not None
    assert weight.grad.abs().max() == 0
