"""Drawing the next token of each row from its own random numbers, so that the rows beside it change nothing."""

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING

from . import Sampling

if TYPE_CHECKING:
    from torch import Tensor

HEAD = 1024
"""The likeliest tokens that almost always hold `top_p`; only for a row where they do not is the whole vocabulary sorted."""


class Draws:
    """The next token of each row. At temperature 0, and at top_p 0, it is the likeliest one."""

    def __init__(self, sampling: Sampling, seeds: Sequence[int]):
        self.sampling = sampling
        self.random = [random.Random(seed) for seed in seeds]

    def __call__(self, logits: "Tensor", rows: Sequence[int]) -> "Tensor":
        """(rows,) tokens from logits (rows, vocabulary); ``rows`` are the places of their seeds."""
        import torch

        if self.sampling.temperature == 0:
            return logits.argmax(-1)
        p = torch.softmax(logits.to(torch.promote_types(logits.dtype, torch.float32)) / self.sampling.temperature, -1)
        p = p.cpu() if p.device.type == "mps" else p  # which has no doubles
        u = torch.tensor([self.random[row].random() for row in rows], dtype=torch.double, device=p.device)
        if self.sampling.top_p == 1:
            return self._inside(p, u)
        likeliest, tokens = p.topk(min(HEAD, p.shape[-1]), -1)
        drawn = tokens.gather(-1, self._inside(likeliest, u)[:, None])[:, 0]
        for row in (likeliest.sum(-1) < self.sampling.top_p).nonzero()[:, 0].tolist():
            likeliest, tokens = p[row : row + 1].sort(-1, descending=True)
            drawn[row] = tokens[0, self._inside(likeliest, u[row : row + 1])[0]]
        return drawn

    def _inside(self, p: "Tensor", u: "Tensor") -> "Tensor":
        """(rows,) places drawn by u in [0, 1) from p (rows, n), among the first that together hold ``top_p``."""
        import torch

        p = p.double()
        below = p.cumsum(-1)
        held = torch.where(below - p < self.sampling.top_p, below, 0).amax(-1)
        place = torch.searchsorted(below, (u * held)[:, None], right=True)[:, 0]
        return place.clamp(max=p.shape[-1] - 1)
