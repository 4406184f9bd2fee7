"""Jensen-Shannon divergence: both sides against their mixture."""

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from . import LogitsLoss, log_mixture, log_softmax

if TYPE_CHECKING:
    from ..shapes import Logits, PerToken


class JensenShannon(LogitsLoss):
    """b KL(p || m) + (1 - b) KL(q || m), m = b p + (1 - b) q; p the teacher, q the student, b ``beta``.

    In nats per token; zero where the two are equal, and at most -b log b - (1 - b) log(1 - b), which is log 2 at 1/2. It
    tends to zero at both ends of ``beta``, whatever the two models say: to b KL(p || q) as b tends to 0 and to
    (1 - b) KL(q || p) as b tends to 1. So the ends themselves are refused: what is meant there is `forward_kl` (0) or
    `reverse_kl` (1), and `symmetric_kl` leads from one to the other without vanishing.

    Paper: Agarwal et al. 2024, arXiv 2306.13649, section 2 (the generalised divergence); Lin 1991 (the divergence).
    Checked: by hand on two tokens; both limits against forward_kl and reverse_kl.
    """

    beta: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """How much of the teacher is in the mixture, above 0 and below 1."""

    def __call__(self, student: "Logits", teacher: "Logits") -> "PerToken":
        log_q, log_p = (log_softmax(logits) for logits in (student, teacher))
        log_m = log_mixture(log_p, log_q, self.beta)
        of_teacher, of_student = ((log.exp() * (log - log_m)).sum(-1) for log in (log_p, log_q))
        return self.beta * of_teacher + (1 - self.beta) * of_student
