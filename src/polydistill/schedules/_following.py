"""What a schedule that follows the loss remembers."""

from collections.abc import Mapping
from math import nan
from typing import TYPE_CHECKING

import torch

from .. import progress as shown
from ..state import State
from .adaptive_interpolation import AdaptiveInterpolation, At

if TYPE_CHECKING:
    from ..student import Student


class Following(State):
    """Where the run is."""

    def __init__(self, schedule: AdaptiveInterpolation):
        super().__init__()
        self.schedule = schedule
        self.register_buffer("values", torch.tensor(At(schedule.begin, 0.0, nan, 0.0)))

    @property
    def at(self) -> At:
        return At(*self.values.tolist())

    def follow(self, student: "Student", parts: Mapping[str, float], progress: float) -> None:
        before = self.at
        if before.loss != before.loss and self.schedule.is_a_line(1 / progress):
            shown.say(
                f"{self.schedule.name()} is a straight line in a run of {1 / progress:.0f} steps; as_if_steps: 8000 "
                "makes it run ahead of the line"
            )
        self.values.copy_(torch.tensor(self.schedule.moved(before, sum(parts.values()), progress)))
