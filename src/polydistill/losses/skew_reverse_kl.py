"""Skewed reverse KL: reverse KL against a teacher with some of the student mixed in, which bounds it."""

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from . import LogitsLoss, log_mixture, log_softmax

if TYPE_CHECKING:
    from ..shapes import Logits, PerToken


class SkewReverseKL(LogitsLoss):
    """KL(q || a q + (1 - a) p) = sum_v q_v (log q_v - log(a q_v + (1 - a) p_v)); p the teacher, q the student, a ``alpha``.

    In nats per token; zero where the two are equal, and at most -log a, however unlikely the teacher finds what the student
    says. At alpha 0 it is `reverse_kl`; towards 1 it vanishes as (1 - a)^2, so 1 itself is refused. The gradient goes
    through the student's part of the mixture too.

    Paper: Ko et al. 2024, arXiv 2402.03898, section 3.1 (alpha 0.1).
    Checked: by hand on two tokens; against reverse_kl at 0.
    """

    alpha: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """How much of the student is mixed into the teacher, below 1."""

    def __call__(self, student: "Logits", teacher: "Logits") -> "PerToken":
        log_q, log_p = (log_softmax(logits) for logits in (student, teacher))
        return (log_q.exp() * (log_q - log_mixture(log_q, log_p, self.alpha))).sum(-1)
