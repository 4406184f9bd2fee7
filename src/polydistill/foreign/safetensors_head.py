"""The head of a .safetensors file: what tensors it states, and that they are what the file holds."""

import math
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from ..engines import BadModel
from .foreign_json import parsed_json

MAX_HEAD = 100_000_000
"""Bytes; the library's own limit."""
MAX_SIDE = 1 << 40
BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "F4": 4,
    "F6_E2M3": 6, "F6_E3M2": 6, "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32, "C64": 64,
    "F64": 64, "I64": 64, "U64": 64,
}  # fmt: skip


class Weights(NamedTuple):
    """How much some weights are."""

    tensors: int
    bytes: int

    def __add__(self, other: Any) -> "Weights":
        return Weights(self.tensors + other.tensors, self.bytes + other.bytes)


def read_head(path: Path) -> Weights:
    """What a file holds.

    Raises:
        BadModel: the head is none, or does not agree with the file.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = int.from_bytes(file.read(8), "little")
        try:
            if head > MAX_HEAD:
                raise ValueError(f"a head of {head} bytes")
            stated = parsed_json(file.read(min(head, size)))
            tensors = {name: about for name, about in stated.items() if name != "__metadata__"}
            spans = sorted(_span(about) for about in tensors.values())
            if any(begin != end for (_, end), (begin, _) in pairwise([(0, 0), *spans])):
                raise ValueError("tensors overlap or leave gaps")
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            reason = str(error)[:200]
            raise BadModel(f"{path} does not begin as a .safetensors file does ({reason}); download it again") from None
    wanted = 8 + head + (spans[-1][1] if spans else 0)
    if wanted != size:
        raise BadModel(f"{path} has {size} bytes where its head states {wanted}; download it again")
    return Weights(len(spans), wanted - 8 - head)


def _span(about: dict[str, Any]) -> tuple[int, int]:
    """From which byte to which a tensor lies."""
    (begin, end), shape = about["data_offsets"], about["shape"]
    if not all(type(number) is int and 0 <= number <= MAX_SIDE for number in (begin, end, *shape)):
        raise ValueError("a size that is none")
    if (end - begin) * 8 != math.prod(shape) * BITS[about["dtype"]]:
        raise ValueError("a tensor whose shape is not its length")
    return begin, end
