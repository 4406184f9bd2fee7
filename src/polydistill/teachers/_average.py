"""What a teacher that follows its student remembers."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from ..state import State

if TYPE_CHECKING:
    from ..student import Student


class Average(State):
    """Weights that move a little towards the student's after each step."""

    def __init__(self, decay: float, weights: Sequence[Tensor]):
        super().__init__()
        self.decay = decay
        self.weights = nn.ParameterList(weights)

    @torch.no_grad()
    def follow(self, student: "Student", parts: Mapping[str, float], progress: float) -> None:
        own = (p for p in student.parameters() if p.requires_grad)
        for average, weight in zip(self.weights, own, strict=True):
            average.lerp_(weight, 1 - self.decay)
