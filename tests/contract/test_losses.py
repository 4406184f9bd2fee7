"""What every loss on logits promises; a new file in losses/ is enrolled by itself and needs one entry in EXAMPLES.

Those on hidden states and on relations are in `test_hidden_losses.py`.
"""

from collections.abc import Callable, Iterator
from copy import deepcopy
from types import FunctionType, SimpleNamespace
from typing import Any, NamedTuple

import pytest
import torch
from beartype import beartype
from jaxtyping import TypeCheckError, jaxtyped
from pydantic import ValidationError
from torch import nn

from polydistill import shapes, signals
from polydistill.component import find, names
from polydistill.losses import LogitsLoss, Sizes
from polydistill.objectives import token_losses
from polydistill.signals import Dense, Draws, Support, TeacherSignal
from polydistill.state import State

EXAMPLES: dict[str, list[dict[str, Any]]] = {
    "adaptive_kl": [{}, {"head": 0.9}],
    "clipped_kl": [{}, {"at_least": 0.1}],
    "forward_kl": [{}, {"temperature": 2.0}],
    "jensen_shannon": [{}, {"beta": 0.1}],
    "mse_logits": [{}],
    "reverse_kl": [{}],
    "skew_kl": [{}, {"alpha": 0.7}],
    "skew_reverse_kl": [{}, {"alpha": 0.7}],
    "soft_cross_entropy": [{}],
    "symmetric_kl": [{}, {"share": 0.9}],
    "top_k": [{"k": 5}, {"k": 5, "remaining": False, "loss": "reverse_kl"}, {"k": 7, "loss": "clipped_kl"}],
    "total_variation": [{}],
}
"""Settings to build each loss with."""


LOSSES: list[str] = [name for name in names("losses") if issubclass(find("losses", name), LogitsLoss)]


def enrolled(form: signals.Form | None = None) -> list[tuple[str, int]]:
    """The losses, or those that take this form of signal, with the number of each of their examples."""
    takes = [name for name in LOSSES if form is None or form in find("losses", name).takes]  # type: ignore[attr-defined]
    return [(name, number) for name in takes for number in range(len(EXAMPLES.get(name, [0])))]


def example(name: str, number: int) -> LogitsLoss:
    assert name in EXAMPLES, f"losses/{name}.py has no entry in EXAMPLES of tests/contract/test_losses.py; add one"
    return find("losses", name)(**EXAMPLES[name][number])  # type: ignore[return-value]


def test_no_entry_is_left_over():
    assert EXAMPLES.keys() - LOSSES == set()


def checked(function: FunctionType) -> Callable[..., Any]:
    """The same function, which refuses what does not fit the quoted names of shapes in its annotations."""
    known = {**vars(shapes), **vars(signals), "State": State, "torch": torch}
    plain = FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__, function.__closure__
    )
    plain.__annotations__ = {
        name: eval(hint, known) if isinstance(hint, str) else hint for name, hint in function.__annotations__.items()
    }
    return jaxtyped(typechecker=beartype)(plain)


@pytest.fixture(scope="module", autouse=True)
def shapes_are_checked() -> Iterator[None]:
    """In every call of a loss."""
    with pytest.MonkeyPatch.context() as patch:
        for cls in (find("losses", name) for name in LOSSES):
            for method in ("__call__", "of_likeliest", "of_drawn"):
                if method in vars(cls):
                    patch.setattr(cls, method, checked(vars(cls)[method]))
        yield


POSITIONS, VOCABULARY, WIDTH = 6, 40, 5
SIZES = Sizes(width=WIDTH, layers=1, heads=1, vocabulary=VOCABULARY)
DTYPES = [torch.float64, torch.float32, torch.bfloat16]


class OfLogits(NamedTuple):
    """A loss, and what it has learned by now."""

    loss: LogitsLoss
    learned: tuple[State, ...]

    def __call__(self, student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
        return self.loss(student, teacher, *self.learned)

    @property
    def parameters(self) -> list[nn.Parameter]:
        return [p for state in self.learned for p in state.parameters()]

    def gradients(self, found: torch.Tensor, *of: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return torch.autograd.grad(found.sum(), [*of, *self.parameters])


def with_learned(loss: LogitsLoss) -> OfLogits:
    """A loss with what it learns somewhere, and not where it starts."""
    torch.manual_seed(5)
    learned = loss.start(SIZES, SIZES)
    for p in (p for state in learned for p in state.double().parameters()):
        nn.init.normal_(p, std=0.5)
    return OfLogits(loss, learned)


@pytest.fixture(scope="module", params=enrolled(), ids=str)
def of_logits(request: pytest.FixtureRequest) -> OfLogits:
    return with_learned(example(*request.param))


def logits(seed: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return 3 * torch.randn(POSITIONS, VOCABULARY, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def test_one_number_a_position(of_logits: OfLogits):
    found = of_logits(logits(0), logits(1))
    assert found.shape == (POSITIONS,)
    assert (found > 0).all()
    assert of_logits(logits(0)[:0], logits(1)[:0]).shape == (0,)


def test_shapes_that_do_not_fit_are_seen(of_logits: OfLogits):
    """By these tests: in use nothing checks them."""
    with pytest.raises(TypeCheckError):
        of_logits(logits(0), logits(1)[1:])
    with pytest.raises(TypeCheckError):
        of_logits(logits(0), logits(1)[:, 1:])


@pytest.mark.parametrize("dtype", DTYPES)
def test_at_its_floor_where_the_two_agree(of_logits: OfLogits, dtype: torch.dtype):
    student, teacher = logits(0, dtype).requires_grad_(), logits(0, dtype)
    found, rounding = of_logits(student, teacher), 16 * torch.finfo(torch.promote_types(dtype, torch.float32)).eps
    floor = torch.zeros(POSITIONS)
    if of_logits.loss.floor == "entropy":
        floor = torch.distributions.Categorical(logits=teacher.double()).entropy()
    assert torch.allclose(found.double(), floor.double(), rtol=rounding, atol=rounding)
    assert all(gradient.abs().max() < rounding for gradient in of_logits.gradients(found, student))


def test_it_is_computed_in_float32_at_least(of_logits: OfLogits):
    for dtype, expected in ((torch.bfloat16, torch.float32), (torch.float32, torch.float32), (torch.float64, torch.float64)):
        assert of_logits(logits(0, dtype), logits(1, dtype)).dtype == expected


def test_also_where_products_are_not(of_logits: OfLogits):
    """Under autocast, as in training on a GPU."""
    learned = [deepcopy(state).float() for state in of_logits.learned]
    student, teacher = logits(0, torch.float32), logits(1, torch.float32)
    expected = of_logits.loss(student, teacher, *learned)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(of_logits.loss(student, teacher, *learned), expected)


def test_a_constant_on_all_logits_of_a_position_says_nothing(of_logits: OfLogits):
    shift = torch.arange(POSITIONS)[:, None] * 10.0
    assert torch.allclose(of_logits(logits(0) + shift, logits(1) - shift), of_logits(logits(0), logits(1)))


def test_the_order_of_the_vocabulary_says_nothing(of_logits: OfLogits):
    order = torch.randperm(VOCABULARY, generator=torch.Generator().manual_seed(2))
    assert torch.allclose(of_logits(logits(0)[:, order], logits(1)[:, order]), of_logits(logits(0), logits(1)))


def test_each_position_is_judged_by_itself(of_logits: OfLogits):
    whole = of_logits(logits(0), logits(1))
    single = [of_logits(logits(0)[n : n + 1], logits(1)[n : n + 1]) for n in range(POSITIONS)]
    assert torch.allclose(torch.cat(single), whole)


@pytest.mark.parametrize("dtype", DTYPES)
def test_large_logits_stay_finite(of_logits: OfLogits, dtype: torch.dtype):
    student = (logits(0, dtype) * 1e4).requires_grad_()
    found = of_logits(student, logits(1, dtype) * 1e4)
    assert torch.isfinite(found).all()
    assert all(torch.isfinite(gradient).all() for gradient in of_logits.gradients(found, student))


def gradient_is_right(losses: Callable[[], torch.Tensor], inputs: list[torch.Tensor]) -> bool:
    """Whether it is that of finite differences: along random directions of each input, of a random sum of the losses."""
    torch.manual_seed(7)
    counts, step, found = torch.randn(POSITIONS).double(), 1e-6, []
    gradients = torch.autograd.grad((counts * losses()).sum(), inputs)
    for one, gradient in zip(inputs, gradients, strict=True):
        direction, sums = torch.randn_like(one), []
        with torch.no_grad():
            for by in (step, -2 * step, step):
                one += by * direction
                sums.append((counts * losses()).sum().item())
        slope = (sums[0] - sums[1]) / (2 * step)
        found.append(slope == pytest.approx((gradient * direction).sum().item(), rel=1e-5, abs=1e-7))
    return all(found)


def test_its_gradient_is_that_of_finite_differences(of_logits: OfLogits):
    """Unless it holds a part of itself still. Also the gradient of what it learns."""
    student, teacher = logits(0).requires_grad_(), logits(1)
    found = gradient_is_right(lambda: of_logits(student, teacher), [student, *of_logits.parameters])
    assert found is not of_logits.loss.holds_still


def test_the_teacher_gets_no_gradient_where_it_carries_none(of_logits: OfLogits):
    teacher = logits(1)
    before = teacher.clone()
    of_logits(logits(0).requires_grad_(), teacher).sum().backward()
    assert teacher.grad is None
    assert torch.equal(teacher, before), "nor is it written to"


def other_values(value: Any) -> Iterator[Any]:
    """Some that a setting may take in the place of this one, by its type."""
    match value:
        case bool():
            yield not value
        case int():
            yield value + 1
        case float():
            yield from (value / 2, value + 0.25)
        case LogitsLoss():
            yield from {"mse_logits", "total_variation"} - {value.name()}


def test_every_setting_matters(of_logits: OfLogits):
    loss, before = of_logits.loss, of_logits(logits(0), logits(1))
    for setting in type(loss).model_fields:
        changed = 0
        for value in other_values(getattr(loss, setting)):
            try:
                other = type(loss).model_validate({**dict(loss), setting: value})
            except ValidationError:
                continue
            assert not torch.allclose(with_learned(other)(logits(0), logits(1)), before), f"{setting}: {value}"
            changed += 1
        assert changed, f"say in other_values what {setting} may be"


@pytest.mark.parametrize("most", [1, 2, 100])
@pytest.mark.parametrize("counts", [torch.full((POSITIONS,), 0.25), torch.arange(POSITIONS) / 2], ids=["alike", "differently"])
def test_in_chunks_it_is_the_same(of_logits: OfLogits, most: int, counts: torch.Tensor):
    """And so are all gradients: of the states, of the head, and of what it learns."""
    torch.manual_seed(6)
    states, theirs = torch.randn(POSITIONS, WIDTH).double().requires_grad_(), torch.randn(POSITIONS, WIDTH).double()
    head, other = (nn.Linear(WIDTH, VOCABULARY, bias=False).double() for _ in range(2))
    other.requires_grad_(False)
    student: Any = SimpleNamespace(head=head, head_parameters=[head.weight], positions_at_a_time=most)
    said = TeacherSignal(Dense(theirs, other))
    chunked = token_losses(of_logits.loss, student, states, said, of_logits.learned)
    whole = of_logits(head(states), other(theirs))
    assert torch.allclose(chunked, whole)
    expected, found = (of_logits.gradients(counts * values, states, head.weight) for values in (whole, chunked))
    for one, another in zip(found, expected, strict=True):
        assert torch.allclose(one, another)


# From less than the whole distribution


def forms_of(form: signals.Form) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("of_logits", enrolled(form), indirect=True, ids=str)


def all_of(teacher: torch.Tensor) -> Support:
    """Every token of the vocabulary, likeliest first."""
    log_p, ids = teacher.log_softmax(-1).sort(-1, descending=True)
    return Support(ids.int(), log_p)


def likeliest(teacher: torch.Tensor, k: int) -> Support:
    return Support(*(some[:, :k] for some in all_of(teacher)))


def test_it_takes_what_it_says_it_takes(of_logits: OfLogits):
    loss = of_logits.loss
    assert loss.takes[0] == "dense"
    assert ("top_k" in loss.takes) is ("of_likeliest" in vars(type(loss)))
    assert ("sampled" in loss.takes) is ("of_drawn" in vars(type(loss)))


@forms_of("top_k")
def test_from_all_tokens_it_is_as_from_logits(of_logits: OfLogits):
    found = of_logits.loss.of_likeliest(logits(0), all_of(logits(1)), *of_logits.learned)
    assert torch.allclose(found, of_logits(logits(0), logits(1)))


@forms_of("top_k")
@pytest.mark.parametrize("k", [1, 9])
def test_what_fills_up_the_likeliest_says_nothing(of_logits: OfLogits, k: int):
    """Whatever tokens stand there; also one that is among the likeliest."""
    short = likeliest(logits(1), k)
    for token in (0, 7, short.ids[:, :1]):
        filled = Support(
            torch.cat((short.ids, torch.zeros(POSITIONS, 3, dtype=torch.int32) + token), -1),
            torch.cat((short.log_p, torch.full((POSITIONS, 3), -torch.inf)), -1),
        )
        student = logits(0).requires_grad_()
        found, expected = (of_logits.loss.of_likeliest(student, some, *of_logits.learned) for some in (filled, short))
        assert found.shape == (POSITIONS,)
        assert torch.allclose(found, expected)
        both = (torch.autograd.grad(losses.sum(), student)[0] for losses in (found, expected))
        assert torch.allclose(*both, atol=1e-12)


@forms_of("top_k")
def test_its_gradient_from_the_likeliest_is_that_of_finite_differences(of_logits: OfLogits):
    student, teacher = logits(0).requires_grad_(), likeliest(logits(1), 4)
    assert gradient_is_right(
        lambda: of_logits.loss.of_likeliest(student, teacher, *of_logits.learned), [student, *of_logits.parameters]
    )


@forms_of("top_k")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("k", [4, VOCABULARY])
def test_from_the_likeliest_large_logits_stay_finite(of_logits: OfLogits, dtype: torch.dtype, k: int):
    student, teacher = (logits(0, dtype) * 1e4).requires_grad_(), likeliest(logits(1, dtype) * 1e4, k)
    found = of_logits.loss.of_likeliest(student, teacher, *of_logits.learned)
    assert found.dtype == torch.promote_types(dtype, torch.float32)
    assert torch.isfinite(found).all()
    assert all(torch.isfinite(gradient).all() for gradient in of_logits.gradients(found, student))


@forms_of("sampled")
@pytest.mark.parametrize("dtype", DTYPES)
def test_from_every_token_with_its_probability_it_is_as_from_logits(of_logits: OfLogits, dtype: torch.dtype):
    ids = torch.arange(VOCABULARY, dtype=torch.int32).expand(POSITIONS, -1)
    draws = Draws(ids, logits(1, dtype).double().softmax(-1))
    student, dense = logits(0, dtype).requires_grad_(), logits(0, dtype).requires_grad_()
    found, expected = of_logits.loss.of_drawn(student, draws, *of_logits.learned), of_logits(dense, logits(1, dtype))
    assert found.dtype == torch.promote_types(dtype, torch.float32)
    assert torch.allclose(found, expected, rtol=1e-5)
    (gradient,), (as_expected,) = of_logits.gradients(found, student), of_logits.gradients(expected, dense)
    assert torch.allclose(gradient, as_expected, atol=1e-5 if dtype != torch.bfloat16 else 1e-2)


@forms_of("sampled")
@pytest.mark.parametrize("dtype", DTYPES)
def test_from_draws_large_logits_stay_finite(of_logits: OfLogits, dtype: torch.dtype):
    student = (logits(0, dtype) * 1e4).requires_grad_()
    found = of_logits.loss.of_drawn(student, Draws(torch.tensor([[0, 3]] * POSITIONS), torch.full((POSITIONS, 2), 0.5)))
    assert torch.isfinite(found).all()
    assert torch.isfinite(torch.autograd.grad(found.sum(), student)[0]).all()


# Compares spans of text


@forms_of("spans")
def test_it_may_be_given_two_outcomes_of_which_one_is_all_but_certain(of_logits: OfLogits):
    """As `spans.span_losses` does."""
    student = torch.tensor([[-1.0, -0.459], [-80.0, 0.0], [0.0, -80.0]], dtype=torch.float64).requires_grad_()
    teacher = torch.tensor([[-0.1, -2.352], [0.0, -80.0], [0.0, -80.0]], dtype=torch.float64)
    found = of_logits(student, teacher)
    assert torch.isfinite(found).all()
    assert all(torch.isfinite(gradient).all() for gradient in of_logits.gradients(found, student))
    assert found[1] >= found[2], "where they agree"
