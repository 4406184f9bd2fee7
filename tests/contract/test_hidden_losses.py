"""What every loss on hidden states and on relations promises; a new file in losses/ is enrolled and needs an entry in EXAMPLES.

Those on logits are in `test_losses.py`.
"""

from typing import Any

import pytest
import torch
from torch import Tensor

from polydistill.component import find, names
from polydistill.losses import HiddenLoss, LogitsLoss, Loss, RelationsLoss, Sizes
from polydistill.signals import Relations
from polydistill.state import State

POSITIONS, WIDTH, WIDER = 6, 5, 8
ROWS, HEADS, LENGTH, HEAD_WIDTH = 2, 3, 6, 4
EXAMPLES: dict[str, list[dict[str, Any]]] = {
    "hidden_mse": [{}],
    "hidden_l1": [{}, {"normalized": False}],
    "hidden_cosine": [{}],
    "attention_relations": [{}],
    "value_relations": [{}],
}
DTYPES = [torch.float64, torch.float32, torch.bfloat16]
OTHERS = [name for name in names("losses") if not issubclass(find("losses", name), LogitsLoss)]


def enrolled(contract: type[Loss]) -> list[tuple[str, int]]:
    some = [name for name in OTHERS if issubclass(find("losses", name), contract)]
    return [(name, number) for name in some for number in range(len(EXAMPLES.get(name, [0])))]


def made(name: str, number: int, **more: Any) -> Any:
    assert name in EXAMPLES, f"losses/{name}.py has no entry in EXAMPLES of tests/contract/test_hidden_losses.py; add one"
    return find("losses", name)(**EXAMPLES[name][number], **more)


def test_every_loss_has_a_contract():
    assert [name for name in OTHERS if not issubclass(find("losses", name), (HiddenLoss, RelationsLoss))] == []


def test_no_entry_is_left_over():
    assert EXAMPLES.keys() - OTHERS == set()


def drawn(seed: int, *shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)).to(dtype)


# Hidden states


@pytest.fixture(params=enrolled(HiddenLoss), ids=str)
def example(request: pytest.FixtureRequest) -> tuple[str, int]:
    return request.param


@pytest.fixture
def hidden(example: tuple[str, int]) -> HiddenLoss:
    return made(*example)


def states(seed: int, width: int = WIDTH, dtype: torch.dtype = torch.float64) -> Tensor:
    return 3 * drawn(seed, POSITIONS, width, dtype=dtype)


def of(width: int) -> Sizes:
    return Sizes(width, 2, HEADS, 40)


def started(loss: HiddenLoss, width: int = WIDTH, teacher: int = WIDER) -> tuple[State, ...]:
    return tuple(state.double() for state in loss.start(of(width), of(teacher)))


def test_one_number_a_position(hidden: HiddenLoss):
    found = hidden(states(0), states(1))
    assert found.shape == (POSITIONS,)
    assert (found > 0).all()
    assert hidden(states(0)[:0], states(1)[:0]).shape == (0,)


@pytest.mark.parametrize("dtype", DTYPES)
def test_zero_exactly_where_the_two_agree(hidden: HiddenLoss, dtype: torch.dtype):
    student = states(0, dtype=dtype).requires_grad_()
    found = hidden(student, states(0, dtype=dtype))
    assert found.tolist() == [0.0] * POSITIONS
    (gradient,) = torch.autograd.grad(found.sum(), student)
    assert gradient.abs().max() < 4 * torch.finfo(torch.promote_types(dtype, torch.float32)).eps


@pytest.mark.parametrize("projection", ["none", "learned"])
def test_it_is_computed_in_float32_at_least(example: tuple[str, int], projection: str):
    """Also where the model around it computes in less."""
    loss = made(*example, projection=projection)
    learned = tuple(state.float() for state in loss.start(of(WIDTH), of(WIDTH)))
    for dtype, expected in ((torch.bfloat16, torch.float32), (torch.float32, torch.float32), (torch.float64, torch.float64)):
        own, theirs = states(0, dtype=dtype), states(1, dtype=dtype)
        found = loss(own, theirs, *learned)
        assert found.dtype == expected
        with torch.autocast("cpu", torch.bfloat16):
            assert torch.equal(loss(own, theirs, *learned), found)


def test_each_position_is_judged_by_itself(hidden: HiddenLoss):
    whole = hidden(states(0), states(1))
    assert torch.allclose(torch.cat([hidden(states(0)[n : n + 1], states(1)[n : n + 1]) for n in range(POSITIONS)]), whole)


def test_the_order_of_the_dimensions_says_nothing(hidden: HiddenLoss):
    order = torch.tensor([3, 1, 4, 0, 2])
    assert torch.allclose(hidden(states(0)[:, order], states(1)[:, order]), hidden(states(0), states(1)))


@pytest.mark.parametrize("dtype", DTYPES)
def test_large_states_stay_finite(hidden: HiddenLoss, dtype: torch.dtype):
    student = (states(0, dtype=dtype) * 1e4).requires_grad_()
    found = hidden(student, states(1, dtype=dtype) * 1e4)
    (gradient,) = torch.autograd.grad(found.sum(), student)
    assert torch.isfinite(found).all()
    assert torch.isfinite(gradient).all()


def test_states_of_zero_stay_finite(hidden: HiddenLoss):
    student = torch.zeros(POSITIONS, WIDTH, dtype=torch.float64).requires_grad_()
    for teacher in (states(1), torch.zeros(POSITIONS, WIDTH, dtype=torch.float64)):
        (gradient,) = torch.autograd.grad(hidden(student, teacher).sum(), student)
        assert torch.isfinite(gradient).all()


@pytest.mark.parametrize("projection", ["none", "learned", "least_squares"])
def test_its_gradient_is_that_of_finite_differences(example: tuple[str, int], projection: str):
    loss = made(*example, projection=projection)
    width = WIDTH if projection == "none" else WIDER
    learned, teacher = started(loss, teacher=width), states(1, width)
    trained = [p for state in learned for p in state.parameters() if p.requires_grad]
    assert len(trained) == (projection == "learned")
    assert torch.autograd.gradcheck(
        lambda student, *trained: loss(student, teacher, *learned), (states(0).requires_grad_(), *trained)
    )


def test_widths_that_differ_are_refused_without_a_projection(hidden: HiddenLoss):
    with pytest.raises(ValueError, match=rf"{hidden.name()} .* width 5 with .* width 8.*\{{projection: learned\}}"):
        hidden.check(of(WIDTH), of(WIDER))
    hidden.check(of(WIDTH), of(WIDTH))
    assert hidden.start(of(WIDTH), of(WIDTH)) == ()


@pytest.mark.parametrize(("projection", "trained"), [("learned", True), ("least_squares", False)])
def test_a_projection_is_one_matrix_that_is_trained_or_remembered(example: tuple[str, int], projection: str, trained: bool):
    loss = made(*example, projection=projection)
    loss.check(of(WIDTH), of(WIDER))
    (state,) = started(loss)
    ((name, weight),) = state.named_parameters()
    assert (name, weight.shape, weight.requires_grad) == ("weight", (WIDTH, WIDER), trained)
    with torch.no_grad():
        weight.copy_(drawn(5, WIDTH, WIDER))
    plain = made(*example)(states(0) @ weight, states(1, WIDER))
    assert torch.allclose(loss(states(0), states(1, WIDER), state), plain, rtol=1e-12)


@pytest.mark.parametrize("projection", ["learned", "least_squares"])
def test_before_it_is_fitted_a_projection_of_equal_widths_is_none(example: tuple[str, int], projection: str):
    loss = made(*example, projection=projection)
    found = loss(states(0), states(1), *started(loss, teacher=WIDTH))
    assert torch.equal(found, made(*example)(states(0), states(1)))


# Relations


@pytest.fixture(params=enrolled(RelationsLoss), ids=str)
def relations(request: pytest.FixtureRequest) -> RelationsLoss:
    return made(*request.param)


def said(seed: int, dtype: torch.dtype = torch.float64) -> Relations:
    return Relations(*(2 * drawn(10 * seed + n, ROWS, HEADS, LENGTH, HEAD_WIDTH, dtype=dtype) for n in range(3)))


def causal(lengths: tuple[int, ...] = (LENGTH, LENGTH), width: int = LENGTH) -> Tensor:
    """What a token may see in rows of these lengths."""
    there = torch.arange(width)[None] < torch.tensor(lengths)[:, None]
    return (there[:, :, None] & there[:, None]).tril()


SEEN = causal()


def test_one_number_a_row(relations: RelationsLoss):
    found = relations(said(0), said(1), SEEN)
    assert found.shape == (ROWS,)
    assert (found > 0.1).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_relations_are_at_zero_exactly_where_the_two_agree(relations: RelationsLoss, dtype: torch.dtype):
    student = Relations(*(part.requires_grad_() for part in said(0, dtype)))
    found = relations(student, said(0, dtype), causal((LENGTH, 2)))
    assert found.tolist() == [0.0] * ROWS
    for gradient in torch.autograd.grad(found.sum(), student, allow_unused=True):
        assert gradient is None or gradient.abs().max() < 40 * torch.finfo(torch.promote_types(dtype, torch.float32)).eps


def test_relations_are_computed_in_float32_at_least(relations: RelationsLoss):
    for dtype, expected in ((torch.bfloat16, torch.float32), (torch.float32, torch.float32), (torch.float64, torch.float64)):
        found = relations(said(0, dtype), said(1, dtype), SEEN)
        assert found.dtype == expected
        with torch.autocast("cpu", torch.bfloat16):
            assert torch.equal(relations(said(0, dtype), said(1, dtype), SEEN), found)


def test_padding_says_nothing(relations: RelationsLoss):
    """Neither what stands in it nor how long it is, in both sides' terms."""
    whole = relations(said(0), said(1), causal((4, LENGTH)))

    def other(given: Relations) -> Relations:
        found = Relations(*(part.clone() for part in given))
        for part in found:
            part[0, :, 4:] = 100
        return found

    assert torch.equal(relations(other(said(0)), other(said(1)), causal((4, LENGTH))), whole)
    one, two = (Relations(*(part[:1, :, :4] for part in said(seed))) for seed in (0, 1))
    assert relations(one, two, causal((4,), 4)).item() == pytest.approx(whole[0].item(), rel=1e-12)


def test_padding_gets_no_gradient(relations: RelationsLoss):
    student = Relations(*(part.requires_grad_() for part in said(0)))
    found = torch.autograd.grad(
        relations(student, said(1), causal((4, LENGTH))).sum(), student, allow_unused=True, materialize_grads=True
    )
    assert all((gradient[0, :, 4:] == 0).all() for gradient in found)
    assert max(gradient[0, :, :4].abs().max() for gradient in found) > 0


def test_what_comes_later_says_nothing(relations: RelationsLoss):
    """A token's own share depends on what it may see: the sum over a row grows token by token."""
    rows = []
    for length in range(1, LENGTH + 1):
        one, two = (Relations(*(part[:, :, :length] for part in said(seed))) for seed in (0, 1))
        rows.append(relations(one, two, causal((length, length), length)))
    assert rows[0].tolist() == [0.0] * ROWS, "a token that sees itself alone has nothing to choose"
    assert (torch.stack(rows).diff(dim=0) >= 0).all()
    whole = relations(said(0), said(1), SEEN)
    assert torch.allclose(rows[-1], whole)
    free = relations(said(0), said(1), torch.ones(ROWS, LENGTH, LENGTH, dtype=torch.bool))
    assert not torch.allclose(free, whole, rtol=1e-2)


def test_it_is_the_mean_over_heads(relations: RelationsLoss):
    each = [
        relations(*(Relations(*(part[:, head : head + 1] for part in said(seed))) for seed in (0, 1)), SEEN)
        for head in range(HEADS)
    ]
    assert torch.allclose(torch.stack(each).mean(0), relations(said(0), said(1), SEEN), rtol=1e-12)


def test_turning_a_heads_queries_and_keys_together_and_its_values_says_nothing(relations: RelationsLoss):
    turn = torch.linalg.qr(drawn(7, HEADS, HEAD_WIDTH, HEAD_WIDTH)).Q
    other = torch.linalg.qr(drawn(8, HEADS, HEAD_WIDTH, HEAD_WIDTH)).Q
    queries, keys, values = said(0)
    turned = Relations(queries @ turn, keys @ turn, values @ other)
    assert torch.allclose(relations(turned, said(1), SEEN), relations(said(0), said(1), SEEN), rtol=1e-10)
    apart = Relations(queries @ turn, keys @ other, values * 2)
    assert not torch.allclose(relations(apart, said(1), SEEN), relations(said(0), said(1), SEEN), rtol=1e-2)


def test_heads_of_another_width_can_agree(relations: RelationsLoss):
    """Filled up with zeros and grown by the fourth root of the widths' ratio, so that products keep pace with their scale."""
    wider = 7
    filled = Relations(
        *(torch.nn.functional.pad(part, (0, wider - HEAD_WIDTH)) * (wider / HEAD_WIDTH) ** 0.25 for part in said(1))
    )
    assert relations(filled, said(1), SEEN).abs().max() < 1e-12
    assert (relations(said(0), filled, SEEN) > 0.1).all()


def test_each_row_is_judged_by_itself(relations: RelationsLoss):
    seen = causal((LENGTH, 3))
    whole = relations(said(0), said(1), seen)
    parts = [
        relations(*(Relations(*(part[n : n + 1] for part in said(seed))) for seed in (0, 1)), seen[n : n + 1])
        for n in range(ROWS)
    ]
    assert torch.allclose(torch.cat(parts), whole, rtol=1e-12)


@pytest.mark.parametrize("dtype", DTYPES)
def test_large_relations_stay_finite(relations: RelationsLoss, dtype: torch.dtype):
    student = Relations(*((part * 1e4).requires_grad_() for part in said(0, dtype)))
    found = relations(student, Relations(*(part * 1e4 for part in said(1, dtype))), causal((LENGTH, 2)))
    assert torch.isfinite(found).all()
    for gradient in torch.autograd.grad(found.sum(), student, allow_unused=True, materialize_grads=True):
        assert torch.isfinite(gradient).all()


def test_the_gradient_of_relations_is_that_of_finite_differences(relations: RelationsLoss):
    seen = causal((LENGTH, 3))
    assert torch.autograd.gradcheck(
        lambda *student: relations(Relations(*student), said(1), seen), tuple(part.requires_grad_() for part in said(0))
    )


def test_another_number_of_heads_is_refused(relations: RelationsLoss):
    with pytest.raises(ValueError, match=rf"{relations.name()} .* the student has 4 heads, the teacher 6"):
        relations.check(Sizes(32, 2, 4, 260), Sizes(48, 3, 6, 260))
    relations.check(Sizes(32, 2, 4, 260), Sizes(48, 3, 4, 260))
