"""Distributions over a few tokens, and their divergences in plain floats."""

from math import log
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from polydistill.losses import LogitsLoss

P, Q = [0.6, 0.3, 0.1], [0.2, 0.3, 0.5]
"""What a teacher and a student find likely."""
OF_FOUR = [0.5, 0.3, 0.15, 0.05], [0.2, 0.4, 0.1, 0.3]
"""The same of four tokens."""
PAIRS = ((P, Q), (Q, P), ([0.75, 0.25], [0.5, 0.5]), ([0.999, 0.001], [0.01, 0.99]))
FAR, NEAR = torch.tensor([[-500.0, 0.0, 3.0]]), torch.tensor([[1.0, 0.0, -300.0]])
"""Logits whose probabilities are zero in float32 somewhere."""


def kl(p: list[float], q: list[float]) -> float:
    return sum(p_v * log(p_v / q_v) for p_v, q_v in zip(p, q, strict=True) if p_v)


def mixed(p: list[float], q: list[float], share: float) -> list[float]:
    return [share * p_v + (1 - share) * q_v for p_v, q_v in zip(p, q, strict=True)]


def of(*probabilities: list[float]) -> torch.Tensor:
    """Logits of these probabilities."""
    return torch.tensor(probabilities, dtype=torch.float64).log()


def between(loss: "LogitsLoss", q: list[float] = Q, p: list[float] = P) -> float:
    return loss(of(q), of(p)).item()
