"""Losses over a vocabulary, a part of the positions at a time."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

LOGITS = 1 << 25
"""The most logits that exist at a time where they are computed in parts (128 MB in float32)."""


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
        return _forward(loss, _chunks(states, others, most))
    return _OverChunks.apply(loss, most, len(others), states, *others, *trained)


def _chunks(states: Tensor, others: Sequence[Tensor], most: int) -> list[tuple[Tensor, ...]]:
    return list(zip(*(some.split(most) for some in (states, *others)), strict=True))


def _forward(loss: Callable[..., Tensor], chunks: list[tuple[Tensor, ...]]) -> Tensor:
    return torch.cat([loss(*chunk) for chunk in chunks])


class _OverChunks(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, loss: Callable[..., Tensor], most: int, count: int, states: Tensor, *rest: Tensor) -> Tensor:
        others, trained = rest[:count], rest[count:]
        ctx.loss, ctx.most, ctx.count = loss, most, count
        ctx.autocast = torch.is_autocast_enabled(states.device.type), torch.get_autocast_dtype(states.device.type)
        losses, gradients = _with_gradients(loss, _chunks(states, others, most), trained, None)
        ctx.save_for_backward(states, *rest)
        ctx.gradients = gradients
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
                _, gradients = _with_gradients(ctx.loss, _chunks(states, others, ctx.most), trained, grown.split(ctx.most))
        elif len(grown):
            for gradient in gradients:
                gradient.mul_(grown[0])
        return None, None, None, gradients[0], *(None for _ in others), *gradients[1:]


def _with_gradients(
    loss: Callable[..., Tensor], chunks: list[tuple[Tensor, ...]], trained: Sequence[Tensor], grown: Sequence[Tensor] | None
) -> tuple[Tensor, list[Tensor]]:
    """Losses, and the gradients of their sum, or of their sum times ``grown``, for the states and what is trained."""
    found, of_states, of_trained = [], [], [torch.zeros_like(p) for p in trained]
    for number, (states, *others) in enumerate(chunks):
        with torch.enable_grad():
            own = states.detach().requires_grad_()
            part = loss(own, *others)
            weighted = part.sum() if grown is None else (part * grown[number]).sum()
        gradient, *more = torch.autograd.grad(weighted, [own, *trained], allow_unused=True)
        found.append(part.detach())
        of_states.append(torch.zeros_like(own) if gradient is None else gradient)
        for total, one in zip(of_trained, more, strict=True):
            if one is not None:
                total += one
    return torch.cat(found), [torch.cat(of_states), *of_trained]
