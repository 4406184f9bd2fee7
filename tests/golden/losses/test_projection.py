"""The least squares fit of a student's hidden states to its teacher's."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from polydistill.losses._projection import ENOUGH, Projection


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.double, generator=torch.Generator().manual_seed(seed))


def fitted(x: Tensor, y: Tensor, parts: int = 1, trained: bool = False) -> Projection:
    projection = Projection(x.shape[1], y.shape[1], trained).double()
    projection.fit(zip(x.chunk(parts), y.chunk(parts), strict=True))
    return projection


def test_one_number_by_hand():
    """x = 1, 2, 3 and y = 2, 3, 7: w = sum x y / sum x^2 = 29 / 14."""
    found = fitted(torch.tensor([[1.0], [2.0], [3.0]]), torch.tensor([[2.0], [3.0], [7.0]]))
    assert found.weight.item() == pytest.approx(29 / 14, rel=1e-12)


def test_a_linear_teacher_is_met():
    x, w = drawn(30, 4), drawn(4, 6, seed=1)
    assert torch.allclose(fitted(x, x @ w).weight, w, rtol=1e-9)


@pytest.mark.parametrize("parts", [1, 2, 5])
def test_it_is_torchs_least_squares(parts: int):
    x, y = drawn(30, 4), drawn(30, 6, seed=1)
    assert torch.allclose(fitted(x, y, parts).weight, torch.linalg.lstsq(x, y).solution, rtol=1e-9)


def test_no_small_change_of_it_is_nearer():
    x, y = drawn(30, 4), drawn(30, 3, seed=1)
    found = fitted(x, y)
    best = (found(x) - y).pow(2).sum()
    for seed in range(5):
        with torch.no_grad():
            other = x @ (found.weight + 1e-3 * drawn(4, 3, seed=seed))
        assert (other - y).pow(2).sum() > best


def test_directions_that_no_state_has_stay_as_they_are():
    """Two positions of width 4: they are met exactly, and what is at right angles to both goes through unchanged."""
    x, y = drawn(2, 4), drawn(2, 4, seed=1)
    found = fitted(x, y)
    assert torch.allclose(found(x), y, rtol=1e-9)
    rest = torch.linalg.svd(x).Vh[2:]
    assert torch.allclose(found(rest), rest, rtol=1e-9)


def test_where_the_two_are_equal_it_is_nothing_bit_for_bit():
    x = drawn(3, 4)
    assert torch.equal(fitted(x, x).weight, torch.eye(4).double())


def test_a_large_common_direction_does_not_hide_the_others():
    """As in real models, where a few dimensions are hundreds of times the others."""
    x, w = drawn(200, 6), drawn(6, 3, seed=1)
    x[:, 2] = 1000 + x[:, 2]
    assert torch.allclose(fitted(x, x @ w).weight, w, rtol=1e-5)


def test_it_asks_for_no_more_than_enough():
    asked = []

    def pairs() -> Iterator[tuple[Tensor, Tensor]]:
        for number in range(1000):
            asked.append(number)
            yield drawn(5, 4, seed=number), drawn(5, 4, seed=number + 1)

    Projection(4, 4, trained=False).fit(pairs())
    assert len(asked) == -(-ENOUGH * 4 // 5)


def test_what_is_trained_is_fitted_too():
    x, y = drawn(30, 4), drawn(30, 6, seed=1)
    trained = fitted(x, y, trained=True).weight
    assert torch.equal(trained, fitted(x, y).weight)
    assert trained.requires_grad
    assert trained.grad_fn is None
