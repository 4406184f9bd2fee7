"""Symmetric KL: some of the forward divergence, the rest of the reverse one."""

from typing import TYPE_CHECKING

from ..component import Fraction
from . import LogitsLoss, log_softmax

if TYPE_CHECKING:
    from ..shapes import Logits, PerToken


class SymmetricKL(LogitsLoss):
    """s KL(p || q) + (1 - s) KL(q || p); p the teacher, q the student, s ``share``.

    In nats per token, from finite logits, without an upper bound; zero exactly where the two are equal. At share 1 it is
    `forward_kl`, at 0 `reverse_kl`; at 1/2 it is half of Jeffreys' divergence, and the same the other way round.

    Paper: Jeffreys 1946, An invariant form for the prior probability in estimation problems.
    Departs: half of Jeffreys' sum, so that it is comparable to either divergence; the paper's text was not at hand.
    Checked: by hand on two tokens; against forward_kl and reverse_kl.
    """

    share: Fraction = 0.5
    """How much of it is the forward divergence."""

    def __call__(self, student: "Logits", teacher: "Logits") -> "PerToken":
        log_q, log_p = (log_softmax(logits) for logits in (student, teacher))
        return ((self.share * log_p.exp() - (1 - self.share) * log_q.exp()) * (log_p - log_q)).sum(-1)
