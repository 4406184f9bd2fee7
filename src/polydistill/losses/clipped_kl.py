"""Clipped KL: forward KL between learned bounds on the teacher's distribution."""

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from . import NEVER, LogitsLoss, Sizes, log_softmax

if TYPE_CHECKING:
    from ..shapes import Logits, PerToken
    from ..state import State


class ClippedKL(LogitsLoss):
    """KL(p' || q') with p'_v ~ w_v p_v and q'_v ~ w_v q_v, each summing to one; p the teacher, q the student.

    Tokens lie side by side on [0, 1], likeliest first, each as wide as its p_v, and w_v is how much of it lies between the
    bounds. These are the output of a small network, one pair a position, which sees the teacher's likeliest probabilities
    and is trained with the student on the same loss. That draws it to where the two agree; so at least ``at_least`` of the
    teacher's probability stays inside. In nats per token; zero where student and teacher agree inside. At at_least 1 it is
    `forward_kl`, up to rounding, and the network has nothing to decide.

    It sorts the vocabulary, which takes longer than all else in it; inside `top_k` there is little to sort.

    Paper: Liu et al. 2024, arXiv 2407.10068, section 3 (distribution adaptive clipping).
    Departs: reconstructed from the abstract and reviews. The network's form, how it gets a gradient (here where a bound cuts
    a token), the renormalisation and the least width are ours; the target token has no place of its own.
    Checked: by hand on three tokens; against forward_kl at 1.
    """

    at_least: Annotated[float, Field(gt=0, le=1)] = 0.5
    """The least of the teacher's probability that stays between the bounds, above 0."""

    def start(self, student: Sizes, teacher: Sizes) -> "tuple[State, ...]":
        from ._bounds import Bounds

        return (Bounds(),)

    def __call__(self, student: "Logits", teacher: "Logits", *learned: "State") -> "PerToken":
        (bounds,) = learned
        log_p, order = log_softmax(teacher).sort(-1)
        log_w = log_inside(log_p.exp(), *bounds(log_p.exp(), self.at_least))
        log_p, log_q = (log_softmax(each + log_w) for each in (log_p, log_softmax(student).gather(-1, order)))
        return (log_p.exp() * (log_p - log_q)).sum(-1)


def log_inside(p: "Logits", before: "Logits", after: "Logits") -> "Logits":
    """log w: how much of each token, unlikeliest first, is not in the likeliest ``before`` or the unlikeliest ``after``."""
    import torch

    p = p.clamp(min=torch.finfo(p.dtype).tiny)
    up_to = p.cumsum(-1)
    up_to = up_to / up_to[:, -1:]
    cut_below = ((up_to - after) / p).clamp(0, 1)
    cut_above = ((before - (1 - up_to)) / p).clamp(0, 1)
    w = (cut_below - cut_above).clamp(min=0)
    return w.where(w > 0, 1).log().masked_fill(w == 0, NEVER)
