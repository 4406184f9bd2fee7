"""Forward KL between learned bounds."""

from math import log

import pytest
import torch
from pydantic import ValidationError
from tiny_distributions import kl as divergence
from tiny_distributions import of

from polydistill.losses import Sizes
from polydistill.losses._bounds import HIDDEN, SEES, Bounds
from polydistill.losses.clipped_kl import ClippedKL, log_inside
from polydistill.losses.forward_kl import ForwardKL

P, Q = [0.3, 0.5, 0.2], [0.4, 0.1, 0.5]
SIZES = Sizes(width=4, layers=1, heads=1, vocabulary=3)


def fixed(before: float, after: float, at_least: float) -> Bounds:
    """A network that leaves out the likeliest ``before`` and the unlikeliest ``after`` of any teacher's probability."""

    def odds(share: float) -> float:
        return log(share / (1 - share))

    (bounds,) = ClippedKL(at_least=at_least).start(SIZES, SIZES)
    out = (before + after) / (1 - at_least)
    with torch.no_grad():
        bounds.double().layers[2].bias.copy_(torch.tensor([odds(out), odds(before / (before + after))]))  # type: ignore[union-attr]
    return bounds  # type: ignore[return-value]


def kl(p: list[float], q: list[float]) -> float:
    """Of what is inside, renormalised."""
    return divergence(*([value / sum(some) for value in some] for some in (p, q)))


def test_three_tokens_by_hand():
    """Side by side: 0.5 (token 1), 0.3 (0), 0.2 (2). Bounds at 0.1 and 0.75 leave 4/5 of the first and 5/6 of the next."""
    found = ClippedKL(at_least=0.1)(of(Q), of(P), fixed(0.1, 0.25, 0.1)).item()
    assert found == pytest.approx(kl([0.4, 0.25], [0.1 * 4 / 5, 0.4 * 5 / 6]), rel=1e-6)


def test_both_bounds_in_one_token_leave_nothing_to_be_learned():
    assert ClippedKL(at_least=0.1)(of(Q), of(P), fixed(0.1, 0.6, 0.1)).item() == pytest.approx(0, abs=1e-12)


def test_how_much_of_each_token_is_inside():
    p = torch.tensor([[0.2, 0.3, 0.5]]).double()
    inside = log_inside(p, torch.tensor([[0.1]]).double(), torch.tensor([[0.25]]).double()).exp()
    assert inside[0].tolist() == pytest.approx([0, 5 / 6, 4 / 5])


@pytest.mark.parametrize("scale", [1, 30, 1e4])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_bounds_that_leave_nothing_out_make_it_forward_kl(dtype: torch.dtype, scale: float):
    """Also of tokens whose probability is zero in this precision."""
    torch.manual_seed(0)
    student, teacher = (scale * torch.randn(4, 50, dtype=dtype) for _ in range(2))
    loss = ClippedKL(at_least=1)
    found = loss(student, teacher, *loss.start(SIZES, SIZES))
    assert torch.allclose(found, ForwardKL()(student, teacher), rtol=1e-4 if dtype == torch.float32 else 1e-9)


def test_nor_does_rounding_leave_anything_out():
    """Of 50,000 tokens that are nearly alike, whose probabilities in float32 sum to more or less than one."""
    torch.manual_seed(0)
    teacher = 0.1 * torch.randn(4, 50_000)
    before = torch.zeros(4, 1)
    assert log_inside(teacher.softmax(-1).sort(-1).values, before, before).abs().max() < 1e-6


def test_what_it_learns_is_small_and_does_not_depend_on_the_vocabulary():
    loss = ClippedKL()
    (small,), (large,) = loss.start(SIZES, SIZES), loss.start(SIZES, SIZES._replace(vocabulary=200_000))
    counts = [sum(p.numel() for p in state.parameters()) for state in (small, large)]
    assert counts == [SEES * HIDDEN + HIDDEN + HIDDEN * 2 + 2] * 2


def test_trained_on_the_same_loss_it_leaves_out_where_the_two_are_apart():
    """They agree on the likeliest tokens and not on the tail: what it may leave out goes to the tail."""
    torch.manual_seed(0)
    loss = ClippedKL()
    (bounds,) = loss.start(SIZES, SIZES)
    teacher, student = of([0.4, 0.3, 0.2, 0.1]).float(), of([0.4, 0.3, 0.05, 0.25]).float()
    first = loss(student, teacher, bounds).item()
    for _ in range(200):
        gradients = torch.autograd.grad(loss(student, teacher, bounds).sum(), list(bounds.parameters()))
        with torch.no_grad():
            for p, gradient in zip(bounds.parameters(), gradients, strict=True):
                p -= 10 * gradient
    before, after = bounds(teacher.softmax(-1), loss.at_least)
    assert loss(student, teacher, bounds).item() < first / 3
    assert after.item() > 0.25
    assert before.item() + after.item() <= 0.5


def test_what_it_learns_comes_back_from_a_checkpoint():
    torch.manual_seed(0)
    (kept,), (other,) = ClippedKL().start(SIZES, SIZES), ClippedKL().start(SIZES, SIZES)
    for p in kept.parameters():
        torch.nn.init.normal_(p)
    other.load_state_dict(kept.state_dict())
    assert torch.equal(ClippedKL()(of(Q), of(P), other), ClippedKL()(of(Q), of(P), kept))


def test_a_width_of_nothing_is_refused():
    with pytest.raises(ValidationError, match="greater than 0"):
        ClippedKL(at_least=0)
