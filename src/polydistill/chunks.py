"""Losses over a vocabulary, a part of the positions at a time."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

LOGITS, WIDEST = 1 << 22, 40_000
"""The most logits that exist at a time where they are computed in parts. A wider vocabulary counts as ``WIDEST``, so that there
are at least 104 positions at a time: each time, the whole head is read."""
CACHED = 1 << 18
"""The most logits a thread of a CPU makes something of at a time: 1 MiB in float32, about what a core's own cache holds."""


def at_a_time(vocabulary: int) -> int:
    """How many positions' logits are computed at a time."""
    return max(1, LOGITS // min(vocabulary, WIDEST))


def over_chunks(
    loss: Callable[..., Tensor], states: Tensor, *others: Tensor, most: int, parameters: Sequence[Tensor] = ()
) -> Tensor:
    """(positions,) losses of states (positions, width) and whatever else has one entry a position, ``most`` at a time.

    A chunk's gradient with respect to ``states`` and ``parameters`` (all that ``loss`` uses and that is trained, such as
    the head's) is computed right after its loss, so that nothing of the size positions x vocabulary outlives its chunk,
    and nothing is computed twice. Only where positions turn out to count differently are they computed again.
    """
    trained = [p for p in parameters if p.requires_grad]
    if not torch.is_grad_enabled() or not (states.requires_grad or trained):
        return torch.cat([loss(*chunk) for chunk in _chunks(most, states, *others)])
    return _OverChunks.apply(loss, most, len(others), states, *others, *trained)


def over_logits(loss: Callable[..., Tensor], logits: Tensor, *others: Tensor, parameters: Sequence[Tensor] = ()) -> Tensor:
    """`over_chunks` of logits that are there, as many as a CPU's caches hold.

    What a loss makes of logits is several times their size. But the products that give them are fast for many positions
    only. So many are made at a time, and few compared.
    """
    if logits.device.type != "cpu":
        return loss(logits, *others)
    most = max(1, CACHED * torch.get_num_threads() // logits.shape[-1])
    return over_chunks(loss, logits, *others, most=most, parameters=parameters)


def _chunks(most: int, *tensors: Tensor) -> list[tuple[Tensor, ...]]:
    return list(zip(*(some.split(most) for some in tensors), strict=True))


class _OverChunks(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, loss: Callable[..., Tensor], most: int, count: int, states: Tensor, *rest: Tensor) -> Tensor:
        ctx.loss, ctx.most, ctx.count = loss, most, count
        ctx.autocast = torch.is_autocast_enabled(states.device.type), torch.get_autocast_dtype(states.device.type)
        losses, ctx.gradients = _with_gradients(loss, _chunks(most, states, *rest[:count]), rest[count:], None)
        ctx.save_for_backward(states, *rest)
        return losses

    @staticmethod
    def backward(ctx: Any, grown: Tensor) -> tuple[Tensor | None, ...]:
        states, *rest = ctx.saved_tensors
        others, trained = rest[: ctx.count], rest[ctx.count :]
        gradients = ctx.gradients
        ctx.gradients = None
        if gradients is None or (len(grown) and bool((grown != grown[0]).any())):
            enabled, dtype = ctx.autocast
            with torch.autocast(states.device.type, dtype, enabled=enabled):
                _, gradients = _with_gradients(ctx.loss, _chunks(ctx.most, states, *others), trained, grown.split(ctx.most))
        elif len(grown) and grown[0] != 1:
            for gradient in gradients:
                gradient.mul_(grown[0])
        return None, None, None, gradients[0], *(None for _ in others), *gradients[1:]


def _with_gradients(
    loss: Callable[..., Tensor], chunks: list[tuple[Tensor, ...]], trained: Sequence[Tensor], grown: Sequence[Tensor] | None
) -> tuple[Tensor, list[Tensor]]:
    """Losses, and the gradients of their sum, or of their sum times ``grown``, for the states and what is trained."""
    # What stays is made whole: pieces of it would come to lie in the memory that one chunk leaves and the next one needs.
    states, done = chunks[0][0], 0
    losses = states.new_empty(sum(len(states) for states, *_ in chunks))
    of_states, of_trained = states.new_empty(len(losses), *states.shape[1:]), [torch.zeros_like(p) for p in trained]
    with _AddedUp({id(p): total for p, total in zip(trained, of_trained, strict=True)}):
        for number, (states, *others) in enumerate(chunks):
            here = slice(done, done := done + len(states))
            part = _one(loss, states, others, trained, grown[number] if grown else None, of_states[here], of_trained)
            losses = losses if number else losses.to(part.dtype)
            losses[here] = part
    return losses, [of_states, *of_trained]


def _one(
    loss: Callable[..., Tensor], states: Tensor, others: Sequence[Tensor], trained: Sequence[Tensor],
    grown: Tensor | None, of_states: Tensor, of_trained: Sequence[Tensor],
) -> Tensor:  # fmt: skip
    """The losses of a chunk; puts its states' gradient into ``of_states`` and adds the others to ``of_trained``."""
    with torch.enable_grad():
        own = states.detach().requires_grad_()
        losses = loss(own, *others)
        weighted = losses.sum() if grown is None else (losses * grown).sum()
    gradient, *more = torch.autograd.grad(weighted, [own, *trained], allow_unused=True)
    of_states.copy_(torch.zeros_like(own) if gradient is None else gradient)
    for total, one in zip(of_trained, more, strict=True):
        if one is not None:
            total += one
    return losses.detach()


class _AddedUp(TorchFunctionMode):
    """Inside, `torch.nn.functional.linear` adds the gradients of its weights to their totals, by id, as it computes them.

    Made for a chunk and added afterwards, they would take longer than their products, and as much memory as the head.
    """

    def __init__(self, totals: Mapping[int, Tensor]):
        super().__init__()
        self.totals = totals
        self.cast: dict[int, Tensor] = {}
        """Weights as autocast has them, by id."""

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if function is not functional.linear or kwargs or id(args[1]) not in self.totals:
            return function(*args, **(kwargs or {}))
        states, weight, bias = (*args, None)[:3]
        cast, device = weight.detach(), states.device.type
        if torch.is_autocast_enabled(device) and weight.dtype == torch.float32:
            if id(weight) not in self.cast:
                self.cast[id(weight)] = cast.to(torch.get_autocast_dtype(device))
            cast = self.cast[id(weight)]
            states = states.to(cast.dtype)
        return _Linear.apply(self.totals[id(weight)], weight, cast, states, bias)


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, total: Tensor, weight: Tensor, cast: Tensor, states: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(states, cast)
        ctx.total = total
        return functional.linear(states, cast, bias)

    @staticmethod
    def backward(ctx: Any, grown: Tensor) -> tuple[Tensor | None, ...]:
        states, cast = ctx.saved_tensors
        rows, seen = grown.flatten(0, -2), states.flatten(0, -2)
        if ctx.total.dtype == grown.dtype:
            ctx.total.addmm_(rows.T, seen)
        else:
            ctx.total += rows.T @ seen
        of_states, of_bias = ctx.needs_input_grad[3:]
        return None, None, None, grown @ cast if of_states else None, rows.sum(0) if of_bias else None
