"""What every loss promises; a new file in losses/ is enrolled by itself and needs one entry in EXAMPLES."""

from typing import Any

import pytest
import torch

from polydistill.component import find, names
from polydistill.losses import Loss

POSITIONS, VOCABULARY = 6, 40

EXAMPLES: dict[str, list[dict[str, Any]]] = {"forward_kl": [{}, {"temperature": 2.0}]}


@pytest.fixture(
    scope="module",
    params=[(name, number) for name in names("losses") for number in range(len(EXAMPLES.get(name, [0])))],
    ids=str,
)
def loss(request: pytest.FixtureRequest) -> Loss:
    name, number = request.param
    assert name in EXAMPLES, f"losses/{name}.py has no entry in EXAMPLES of tests/contract/test_losses.py; add one"
    return find("losses", name)(**EXAMPLES[name][number])  # type: ignore[return-value]


def logits(seed: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return 3 * torch.randn(POSITIONS, VOCABULARY, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def test_one_number_a_position(loss: Loss):
    found = loss(logits(0), logits(1))
    assert found.shape == (POSITIONS,)
    assert (found > 0).all()
    assert loss(logits(0)[:0], logits(1)[:0]).shape == (0,)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_zero_exactly_where_the_two_agree(loss: Loss, dtype: torch.dtype):
    student = logits(0, dtype).requires_grad_()
    found = loss(student, logits(0, dtype))
    assert found.tolist() == [0.0] * POSITIONS
    (gradient,) = torch.autograd.grad(found.sum(), student)
    assert gradient.abs().max() < 4 * torch.finfo(torch.promote_types(dtype, torch.float32)).eps


def test_it_is_computed_in_float32_at_least(loss: Loss):
    for dtype, expected in ((torch.bfloat16, torch.float32), (torch.float32, torch.float32), (torch.float64, torch.float64)):
        assert loss(logits(0, dtype), logits(1, dtype)).dtype == expected


def test_a_constant_on_all_logits_of_a_position_says_nothing(loss: Loss):
    shift = torch.arange(POSITIONS)[:, None] * 10.0
    assert torch.allclose(loss(logits(0) + shift, logits(1) - shift), loss(logits(0), logits(1)))


def test_the_order_of_the_vocabulary_says_nothing(loss: Loss):
    order = torch.randperm(VOCABULARY, generator=torch.Generator().manual_seed(2))
    assert torch.allclose(loss(logits(0)[:, order], logits(1)[:, order]), loss(logits(0), logits(1)))


def test_each_position_is_judged_by_itself(loss: Loss):
    whole = loss(logits(0), logits(1))
    assert torch.allclose(torch.cat([loss(logits(0)[n : n + 1], logits(1)[n : n + 1]) for n in range(POSITIONS)]), whole)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_large_logits_stay_finite(loss: Loss, dtype: torch.dtype):
    student = (logits(0, dtype) * 1e4).requires_grad_()
    found = loss(student, logits(1, dtype) * 1e4)
    (gradient,) = torch.autograd.grad(found.sum(), student)
    assert torch.isfinite(found).all()
    assert torch.isfinite(gradient).all()


def test_its_gradient_is_that_of_finite_differences(loss: Loss):
    teacher = logits(1)
    assert torch.autograd.gradcheck(lambda student: loss(student, teacher), logits(0).requires_grad_())
