"""Skewed forward KL: forward KL against a student with some of the teacher mixed in, which bounds it."""

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from . import LogitsLoss, log_mixture, log_softmax

if TYPE_CHECKING:
    from ..shapes import Logits, PerToken


class SkewKL(LogitsLoss):
    """KL(p || a p + (1 - a) q) = sum_v p_v (log p_v - log(a p_v + (1 - a) q_v)); p the teacher, q the student, a ``alpha``.

    In nats per token; zero where the two are equal, and at most -log a, however unlikely the student finds what the teacher
    says. At alpha 0 it is `forward_kl`; towards 1 it vanishes as (1 - a)^2, so 1 itself is refused.

    Paper: Ko et al. 2024, arXiv 2402.03898, section 3.1 (alpha 0.1).
    Checked: by hand on two tokens; against forward_kl at 0.
    """

    alpha: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """How much of the teacher is mixed into the student, below 1."""

    def __call__(self, student: "Logits", teacher: "Logits") -> "PerToken":
        log_q, log_p = (log_softmax(logits) for logits in (student, teacher))
        return (log_p.exp() * (log_p - log_mixture(log_p, log_q, self.alpha))).sum(-1)
