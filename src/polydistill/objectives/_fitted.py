"""What pairs of layers learn, fitted to what both models say before the first step."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ..batch import Batch, Tokens, padded
from ..losses._projection import Projection
from ..state import State
from ..student import Student

Pairs = list[tuple[Tensor, Tensor]]
"""For each pair of layers the student's and the teacher's hidden states of a batch."""


class Fitted(State):
    """One part for each pair of layers, made of what its loss learns."""

    def __init__(self, learned: Sequence[State], student: Student, pairs: Callable[[Batch], Pairs]):
        super().__init__()
        for number, one in enumerate(learned):
            self.add_module(str(number), one)

        def look(row: Tokens) -> Pairs:
            training = student.training
            student.eval()
            try:
                return pairs(padded([row]).to(next(student.parameters()).device))
            finally:
                student.train(training)

        # A function, because a model that is an attribute would be one of its parts.
        self._look = look

    @torch.no_grad()
    def begin(self, rows: Sequence[Tokens]) -> None:
        """Row by row, so that nothing depends on how many are computed side by side."""
        for number, learned in enumerate(self.parts):
            for projection in learned.parts:
                if isinstance(projection, Projection):
                    projection.fit(self._look(row)[number] for row in rows)
