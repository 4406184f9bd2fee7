"""What chooses the part of a teacher's distribution that a student is held to."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..state import State

if TYPE_CHECKING:
    from ..shapes import Logits

SEES, HIDDEN = 16, 32
"""How many of the likeliest tokens' probabilities the network sees, and how wide it is."""


class Bounds(State):
    """Two bounds on the teacher's cumulative probability, likeliest tokens first, from its likeliest tokens' probabilities.

    At the start they leave out 2% of what may be left out, nearly all of it the unlikeliest.
    """

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(SEES, HIDDEN), nn.GELU(), nn.Linear(HIDDEN, 2))
        nn.init.zeros_(self.layers[2].weight)
        with torch.no_grad():
            self.layers[2].bias.copy_(torch.tensor([-4.0, -4.0]))

    def forward(self, p: "Logits", at_least: float) -> tuple[Tensor, Tensor]:
        """(positions, 1) each: the cumulative probability before the first bound, and after the second."""
        likeliest = p.topk(min(SEES, p.shape[-1])).values
        seen = functional.pad(likeliest, (0, SEES - likeliest.shape[-1])).to(self.layers[0].weight.dtype)
        with torch.autocast(p.device.type, enabled=False):
            out, first = self.layers(seen).to(p.dtype).sigmoid().split(1, -1)
        out = (1 - at_least) * out
        return out * first, out * (1 - first)
