"""A row's signal as few bytes, and back: planes of bytes of like meaning, compressed by zlib.

Of the likeliest tokens: ids in order of probability, and the steps from one -log p to the next, counted in float16 values,
which are in order too. float16 has 11 binary digits: log p is off by at most 2^-11 |log p| nats, 0.004 at -8. What
remains beside them is kept as well, and what is read back is scaled so that it remains. Of drawn tokens: how often each was
drawn, or its weight in float32. Of states: float16 or bfloat16.
"""

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..signals import Draws, Support

Array = np.ndarray[Any, Any]
TYPES = (np.int64, np.int64, np.float32)
"""Of counts, ids and weights in memory."""


def packed(*arrays: Array) -> bytes:
    """Arrays of known types and sizes: first the first bytes of all numbers of one, then the second ones, and so on."""
    planes = (np.ascontiguousarray(one).view(np.uint8).reshape(-1, one.itemsize).T.tobytes() for one in arrays)
    return zlib.compress(b"".join(planes), 6)


class Unpacked:
    """What `packed` made, taken out in the same order."""

    def __init__(self, data: bytes):
        self.data = np.frombuffer(zlib.decompress(data), np.uint8)

    def take(self, dtype: Any, *shape: int) -> Array:
        """The next array."""
        size, items = np.dtype(dtype).itemsize, int(np.prod(shape))
        planes, self.data = self.data[: items * size], self.data[items * size :]
        return np.ascontiguousarray(planes.reshape(size, items).T).view(dtype).reshape(shape)


def id_type(vocabulary: int) -> Any:
    """The smallest type that holds every token's id."""
    return np.uint16 if vocabulary <= 1 << 16 else np.uint32


def of_support(support: Support, vocabulary: int) -> bytes:
    """Of one row's likeliest tokens, the likeliest first."""
    log_p = support.log_p.double().cpu().numpy()
    with np.errstate(divide="ignore"):
        remains = -np.log(np.maximum(1 - np.exp(log_p).sum(1), 0)).astype(np.float16)
    bits = np.abs(log_p).astype(np.float16).view(np.uint16)  # of numbers that are not negative, in the numbers' own order
    return packed(support.ids.cpu().numpy().astype(id_type(vocabulary)), np.diff(bits, axis=1, prepend=np.uint16(0)), remains)


def support_of(data: bytes, tokens: int, k: int, vocabulary: int) -> Support:
    """What `of_support` was given, in float32."""
    unpacked = Unpacked(data)
    ids, steps = unpacked.take(id_type(vocabulary), tokens, k), unpacked.take(np.uint16, tokens, k)
    log_p = -np.cumsum(steps, axis=1, dtype=np.uint16).view(np.float16).astype(np.float64)
    within = -np.expm1(-unpacked.take(np.float16, tokens, 1).astype(np.float64))
    total = np.exp(log_p).sum(1, keepdims=True)
    log_p += np.log(np.divide(within, total, out=np.ones_like(total), where=total > 0))
    return Support(torch.from_numpy(ids.astype(np.int64)), torch.from_numpy(log_p.astype(np.float32)))


def of_draws(ids: Array, weights: Array, vocabulary: int) -> bytes:
    """Of the tokens that were drawn at each position of a row, (tokens, n), and what each draw weighs.

    Weights in float32, or as whole numbers: how often a token was drawn where each draw weighs 1.
    """
    counted = [np.unique(some, return_inverse=True) for some in ids]
    sums = [np.bincount(place, weight) for (_, place), weight in zip(counted, weights, strict=True)]
    flat = np.concatenate([some for some, _ in counted]) if counted else np.zeros(0)
    of_each = np.array([len(some) for some, _ in counted], np.uint16)
    steps = np.diff(flat.astype(id_type(vocabulary)), prepend=id_type(vocabulary)(0))
    return packed(of_each, steps, (np.concatenate(sums) if sums else np.zeros(0)).astype(weights.dtype))


def draws_of(data: bytes, tokens: int, weight_type: Any, vocabulary: int) -> tuple[Array, Array, Array]:
    """How many tokens were drawn at each position, these tokens, and what each weighs."""
    unpacked, ids = Unpacked(data), id_type(vocabulary)
    of_each = unpacked.take(np.uint16, tokens)
    steps = unpacked.take(ids, int(of_each.sum()))
    return of_each, np.cumsum(steps, dtype=ids), unpacked.take(weight_type, len(steps))


def side_by_side(rows: Sequence[tuple[Array, Array, Array]]) -> Draws:
    """Drawn tokens of several rows, each position filled up with tokens that weigh nothing."""
    of_each, flat, weight = (
        np.concatenate(some).astype(dtype) for some, dtype in zip(zip(*rows, strict=True), TYPES, strict=True)
    )
    ids, weights = (np.zeros((len(of_each), max(of_each, default=0)), dtype) for dtype in TYPES[1:])
    place = np.repeat(np.arange(len(of_each)), of_each), np.arange(len(flat)) - np.repeat(np.cumsum(of_each) - of_each, of_each)
    ids[place], weights[place] = flat, weight
    return Draws(torch.from_numpy(ids), torch.from_numpy(weights))


def of_states(states: Tensor, dtype: torch.dtype) -> bytes:
    """Of one row's hidden states.

    Raises:
        ValueError: they are too large for the type.
    """
    kept = states.to(dtype)
    if not kept.isfinite().all():
        raise ValueError(
            f"hidden states of the teacher reach {states.abs().max().item():,.0f}, and {dtype} holds no more than "
            f"{torch.finfo(dtype).max:,.0f}: give dtype=bfloat16"
        )
    return packed(kept.cpu().view(torch.int16).numpy())


def states_of(data: bytes, tokens: int, width: int, dtype: torch.dtype) -> Tensor:
    """What `of_states` was given, in that type."""
    return torch.from_numpy(Unpacked(data).take(np.int16, tokens, width)).view(dtype)
