"""How far two distributions over the next token are apart, from their logits, position by position."""

from math import log
from typing import TYPE_CHECKING

import torch

from ..losses import log_softmax

if TYPE_CHECKING:
    from ..shapes import Logits, PerToken


def kl(of: "Logits", to: "Logits") -> "PerToken":
    """KL(p || q) = sum_v p_v (log p_v - log q_v) in nats; p of the first logits, q of the second."""
    log_p, log_q = log_softmax(of), log_softmax(to)
    return (log_p.exp() * (log_p - log_q)).sum(-1)


def same_label(one: "Logits", other: "Logits") -> "PerToken":
    """1 where both find the same token the likeliest, else 0."""
    return (one.argmax(-1) == other.argmax(-1)).to(log_softmax(one).dtype)


def probability_loyalty(one: "Logits", other: "Logits") -> "PerToken":
    """1 - sqrt(JS(p, q)), JS = (KL(p || m) + KL(q || m)) / 2 in bits, m = (p + q) / 2: 1 where they are equal, 0 at most apart.

    With x = log q - log p, log m is log p + h(x), h(x) = log((1 + e^x) / 2); in this form JS is exactly 0 at equality, and
    precise near it, where the root would make 0.0003 of a rounding error.
    """
    log_p, log_q = log_softmax(one), log_softmax(other)
    x = log_q - log_p
    h = torch.where(x.abs() < 1, (x.expm1() / 2).log1p(), torch.nn.functional.softplus(x) - log(2))
    nats = (log_q.exp() * (x - h) - log_p.exp() * h).sum(-1) / 2
    return 1 - (nats / log(2)).clamp(0, 1).sqrt()
