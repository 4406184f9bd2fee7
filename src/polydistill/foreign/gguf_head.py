"""The head of a GGUF file, read within limits: libraries trust the counts and lengths that a file states of itself."""

import mmap
import struct
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from ..engines import BadModel

MAX_FIELDS = 10_000
MAX_TENSORS = 200_000
MAX_NAME = 1_000
MAX_LIST = 10_000_000
MAX_DIMENSIONS = 4
MAX_SIDE = 1 << 40
VERSIONS = (2, 3)
NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
STRING, LIST = 8, 9


class GgufHead(NamedTuple):
    """What a file states: its fields, and how much its tensors are."""

    fields: dict[str, Any]
    tensors: int
    elements: int


class _Reader:
    """Goes through bytes from the front; what would lie behind their end is a `ValueError`."""

    def __init__(self, data: Any):
        self.data, self.at = data, 0

    def skip(self, count: int) -> int:
        """Where it stood before."""
        if count > len(self.data) - self.at:
            raise ValueError(f"it ends within what begins at byte {self.at}")
        self.at += count
        return self.at - count

    def number(self, code: str) -> Any:
        return struct.unpack_from(f"<{code}", self.data, self.skip(struct.calcsize(f"<{code}")))[0]

    def text(self, most: int | None = None, errors: str = "strict") -> str:
        length = self.number("Q")
        if most is not None and length > most:
            raise ValueError(f"a name of {length} bytes")
        begin = self.skip(length)
        return self.data[begin : self.at].decode("utf-8", errors)

    def value(self, kind: int) -> Any:
        if kind == STRING:
            return self.text()
        if kind in NUMBERS:
            return self.number(NUMBERS[kind])
        if kind != LIST:
            raise ValueError(f"a field of the unknown kind {kind}")
        return self.list()

    def list(self) -> list[Any]:
        """A list of numbers or texts; a list of lists has no use in a model."""
        kind, length = self.number("I"), self.number("Q")
        if length > MAX_LIST:
            raise ValueError(f"a list of {length}")
        if kind in NUMBERS:
            begin = self.skip(length * struct.calcsize(f"<{NUMBERS[kind]}"))
            return list(struct.unpack_from(f"<{length}{NUMBERS[kind]}", self.data, begin))
        if kind != STRING:
            raise ValueError(f"a list of the kind {kind}")
        return [self.text(errors="replace") for _ in range(length)]


def read_gguf_head(path: Path) -> GgufHead:
    """The head of a file.

    Raises:
        BadModel: it is none, is cut off, or states what the file does not hold.
    """
    with path.open("rb") as file:
        if file.read(4) != b"GGUF":
            raise BadModel(f"{path} does not begin as a GGUF file does; download it again")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            try:
                head = _head(data)
            except (ValueError, struct.error, OverflowError) as error:
                raise BadModel(
                    f"{path} is cut off, damaged or newer than the gguf package here ({error}); download it again"
                ) from None
    _refuse(path, head)
    return head


def _head(data: Any) -> GgufHead:
    reader = _Reader(data)
    reader.skip(4)
    version, tensors, count = reader.number("I"), reader.number("Q"), reader.number("Q")
    if version not in VERSIONS:
        raise ValueError(f"version {version}")
    if tensors > MAX_TENSORS or count > MAX_FIELDS:
        raise ValueError(f"{tensors} tensors and {count} fields")
    fields: dict[str, Any] = {}
    for _ in range(count):
        name = reader.text(MAX_NAME)
        if name in fields:
            raise ValueError("a field twice")
        fields[name] = reader.value(reader.number("I"))
    spans = dict(_tensors(reader, tensors))
    if len(spans) < tensors:
        raise ValueError("a tensor twice")
    alignment = fields.get("general.alignment", 32)
    if type(alignment) is not int or not 0 < alignment <= 1 << 20 or alignment & (alignment - 1):
        raise ValueError("an alignment that is no power of two")
    begin = -(-reader.at // alignment) * alignment
    where = sorted((offset, offset + size) for offset, size, _ in spans.values())
    if any(offset % alignment for offset, _ in where) or any(later[0] < earlier[1] for earlier, later in pairwise(where)):
        raise ValueError("tensors that overlap")
    if where and begin + where[-1][1] > len(data):
        raise ValueError(f"its tensors end at byte {begin + where[-1][1]}, the file at {len(data)}")
    return GgufHead(fields, tensors, sum(elements for _, _, elements in spans.values()))


def _tensors(reader: _Reader, count: int) -> Iterator[tuple[str, tuple[int, int, int]]]:
    """(name, (offset, bytes, elements)) of each tensor."""
    from gguf import GGML_QUANT_SIZES, GGMLQuantizationType

    sizes = {int(kind): GGML_QUANT_SIZES[kind] for kind in GGMLQuantizationType}
    for _ in range(count):
        name, dimensions = reader.text(MAX_NAME), reader.number("I")
        if dimensions > MAX_DIMENSIONS:
            raise ValueError(f"a tensor of {dimensions} dimensions")
        shape = [reader.number("Q") for _ in range(dimensions)]
        kind, offset = reader.number("I"), reader.number("Q")
        elements = 1
        for side in shape:
            elements *= side
        if kind not in sizes:
            raise ValueError(f"a tensor of the unknown kind {kind}")
        block, size = sizes[kind]
        if max(elements, *shape, 0) > MAX_SIDE or (shape[:1] or [1])[0] % block:
            raise ValueError("a tensor whose shape is none")
        yield name, (offset, elements // block * size, elements)


def _refuse(path: Path, head: GgufHead) -> None:
    """Refuses a file in parts, and sizes that the tensors do not bear out."""
    again = "download it again from a source that you trust"
    if head.fields.get("split.count", 1) not in (0, 1):
        raise BadModel(f"{path} is one part of several; merge them into one file first (llama-gguf-split --merge)")
    architecture = head.fields.get("general.architecture")
    if not isinstance(architecture, str):
        raise BadModel(f"{path} does not state what model it is (general.architecture); download it again")
    most = {"block_count": head.tensors, "embedding_length": head.elements, "expert_count": 4096, "vocab_size": head.elements}
    stated = {name: head.fields.get(f"{architecture}.{name}") for name in most}
    for name, value in stated.items():
        if value is not None and (type(value) is not int or not 0 <= value <= most[name]):
            raise BadModel(
                f"{path} states {name} {str(value)[:40]!r}, where its tensors bear out {most[name]} at most; {again}"
            )
    tokens = head.fields.get("tokenizer.ggml.tokens")
    vocabulary = max(stated["vocab_size"] or 0, len(tokens) if isinstance(tokens, list) else 0)
    if vocabulary * (stated["embedding_length"] or 0) > head.elements:
        raise BadModel(f"{path} states a vocabulary of {vocabulary}, more than its tensors hold; {again}")
