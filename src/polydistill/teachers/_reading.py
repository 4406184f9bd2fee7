"""Another model in memory, as a teacher that is asked of tokens or of text."""

from collections.abc import Iterable, Sequence
from functools import partial
from itertools import takewhile
from typing import Any

import torch
from torch import Tensor

from ..batch import Batch, Tokens, padded
from ..engines import Sampling
from ..losses import Sizes
from ..signals import Dense, Relations, Spans, TeacherSignal, Wants
from ..spans import Sides
from ..student import Student
from . import OpenTeacher

NOTHING = Tokens([0], 1)
"""A row of which nothing is learned, for a batch of which no row can be aligned."""


class Reader:
    """The model in memory. It computes on its own device, in its own dtype whatever the student's training does.

    What it says is brought to the batch's device, where it is cut and compared.
    """

    def __init__(self, student: Student, wants: Wants):
        self.student, self.wants = student, wants

    def says(self, batch: Batch) -> TeacherSignal:
        with torch.no_grad(), torch.autocast(self.student.device.type, enabled=False):
            said = self.student.says(batch.to(self.student.device), self.wants)
        hidden = {layer: states.to(batch.device) for layer, states in said.hidden.items()}
        relations = {layer: Relations(*(part.to(batch.device) for part in one)) for layer, one in said.relations.items()}
        dense = said.dense and said.dense._replace(states=said.dense.states.to(batch.device))
        return said._replace(dense=dense, hidden=hidden, relations=relations)

    def head(self, states: Tensor, device: torch.device, width: int | None = None) -> Tensor:
        with torch.no_grad(), torch.autocast(self.student.device.type, enabled=False):
            return self.student.head(states.to(self.student.device))[:, :width].to(device)


class OpenByTokens(OpenTeacher):
    """The model, asked of the student's own tokens."""

    def __init__(self, reader: Reader, width: int):
        self.reader, self.width = reader, width

    @property
    def sizes(self) -> Sizes:
        return self.reader.student.sizes._replace(vocabulary=self.width)

    def say(self, batch: Batch) -> TeacherSignal:
        said = self.reader.says(batch)
        assert said.dense is not None
        return said._replace(dense=Dense(said.dense.states, partial(self.reader.head, device=batch.device, width=self.width)))

    def write(self, prompts: Sequence[Sequence[int]], sampling: Sampling, seeds: Sequence[int]) -> list[list[int]]:
        found = self.reader.student.write(prompts, sampling, seeds)
        return [list(takewhile(lambda id: id < self.width, answer)) for answer in found]


class OpenBySpans(OpenTeacher):
    """The model, asked of the text of rows."""

    def __init__(self, reader: Reader, sides: Sides):
        self.reader, self.sides = reader, sides

    @property
    def sizes(self) -> Sizes:
        return self.reader.student.sizes

    def prepare(self, batches: Iterable[Batch]) -> None:
        self.sides.try_all(row for batch in batches for row in batch.rows)

    def say(self, batch: Batch) -> TeacherSignal:
        found, device = self.sides.numbered(batch.rows), batch.device
        theirs = padded(found.rows or [NOTHING])
        dense = self.reader.says(theirs.to(device)).dense
        assert dense is not None

        def here(numbers: Any) -> Tensor:
            return torch.tensor(numbers, dtype=torch.long, device=device)

        spans = Spans(
            dense.states, partial(self.reader.head, device=device), theirs.targets.to(device), here(found.of), here(found.own),
            batch.targets, here(found.alike).bool(), here(self.sides.outcomes), self.sides.widths,
        )  # fmt: skip
        return TeacherSignal(spans=spans)
