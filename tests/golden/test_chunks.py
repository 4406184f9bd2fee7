"""Losses in chunks of positions are those of the whole, and keep nothing that is wide."""

import weakref
from collections.abc import Callable

import pytest
import torch
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from polydistill import chunks
from polydistill.chunks import at_a_time, over_chunks, over_logits

WIDE = 50


def squares(weight: torch.Tensor) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """Through something as wide as a vocabulary of 50."""
    return lambda states, others: ((states - others) @ weight).square().sum(-1)


def of_head(*head: torch.Tensor) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """Through a head of weight and bias, as modules compute it."""
    return lambda states, others: functional.linear(states - others, *head).square().sum(-1)


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


@pytest.mark.parametrize("counts", [torch.full((7,), 0.25), torch.arange(7.0)], ids=["alike", "differently"])
@pytest.mark.parametrize("biased", [True, False])
@pytest.mark.parametrize("moved", [True, False], ids=["states too", "head alone"])
def test_so_they_do_through_a_head(biased: bool, moved: bool, counts: torch.Tensor):
    states, others, weight = made()
    head = [weight.detach().T.contiguous().requires_grad_()]
    head += [torch.randn(WIDE, dtype=torch.float64, requires_grad=True)] * biased
    states.requires_grad_(moved)
    whole, chunked = of_head(*head)(states, others), over_chunks(of_head(*head), states, others, most=3, parameters=head)
    assert torch.allclose(chunked, whole)
    trained = [states] * moved + head
    expected, found = (torch.autograd.grad((loss * counts).sum(), trained) for loss in (whole, chunked))
    for one, other in zip(found, expected, strict=True):
        assert torch.allclose(one, other)


def test_a_head_that_sees_none_of_the_states_learns_too():
    """Such as what is learned of the teacher's side."""
    states, others, weight = made()
    head = weight.detach().T.contiguous().requires_grad_()

    def loss(own: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        return functional.linear(other, head).square().sum(-1) + own.sum(-1)

    expected, found = (
        torch.autograd.grad(one.sum(), head)[0]
        for one in (loss(states, others), over_chunks(loss, states, others, most=3, parameters=[head]))
    )
    assert torch.allclose(found, expected)


def test_no_chunk_makes_a_gradient_as_large_as_the_head():
    states, others, weight = made()
    head, given = weight.detach().T.contiguous().requires_grad_(), []
    head.register_hook(given.append)
    over_chunks(of_head(head), states, others, most=2, parameters=[head]).sum().backward()
    assert len([one for one in given if one is not None]) == 1, "one for all four chunks"


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


@pytest.mark.parametrize("through", [squares, of_head])
def test_under_autocast_the_gradient_is_that_of_the_same_products(
    through: Callable[..., Callable[[torch.Tensor, torch.Tensor], torch.Tensor]],
):
    states, others, weight = (tensor.float().detach() for tensor in made())
    states, weight = states.requires_grad_(), (weight if through is squares else weight.T.contiguous()).requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        chunked = over_chunks(through(weight), states, others, most=3, parameters=[weight])
        whole = torch.cat([
            checkpoint(through(weight), *some, use_reentrant=False)
            for some in zip(states.split(3), others.split(3), strict=True)
        ])  # fmt: skip
    assert torch.equal(chunked, whole)
    for counts in (torch.full((7,), 0.5), torch.arange(7.0)):
        expected, found = (
            torch.autograd.grad((loss * counts).sum(), [states, weight], retain_graph=True) for loss in (whole, chunked)
        )
        for one, other in zip(found, expected, strict=True):
            assert one.dtype == torch.float32
            assert torch.allclose(one, other, rtol=0.02, atol=0.02 * other.abs().max().item())


def test_no_positions_give_no_losses():
    weight = torch.ones(3, WIDE, requires_grad=True)
    found = over_chunks(squares(weight), torch.zeros(0, 3, requires_grad=True), torch.zeros(0, 3), most=4, parameters=[weight])
    assert found.shape == (0,)
    found.sum().backward()
    assert weight.grad is not None
    assert weight.grad.abs().max() == 0


def test_how_many_positions_come_at_a_time():
    """No fewer than make the reading of a wide head worth while."""
    assert at_a_time(32_768) == 128
    assert at_a_time(49_152) == at_a_time(262_144) == at_a_time(1 << 24) == 104


@pytest.mark.parametrize("counts", [torch.full((7,), 0.25), torch.arange(7.0)], ids=["alike", "differently"])
def test_losses_of_logits_come_a_few_positions_at_a_time(counts: torch.Tensor, monkeypatch: pytest.MonkeyPatch):
    """Inside of those of states, with something learned on the way."""
    states, others, head = made()
    weight, seen = torch.rand(WIDE, 1, dtype=torch.float64, requires_grad=True), []
    monkeypatch.setattr(chunks, "CACHED", 2 * WIDE)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)

    def loss(logits: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        seen.append(len(logits))
        return (logits.square() @ weight)[:, 0] * other[:, 0]

    def of_logits(own: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        return over_logits(loss, own @ head, other, parameters=[weight])

    whole = loss(states @ head, others)
    seen.clear()
    chunked = over_chunks(of_logits, states, others, most=3, parameters=[head, weight])
    assert seen == [2, 1, 2, 1, 1]
    assert torch.allclose(chunked, whole)
    expected, found = (torch.autograd.grad((one * counts).sum(), [states, head, weight]) for one in (whole, chunked))
    for one, other in zip(found, expected, strict=True):
        assert torch.allclose(one, other)
