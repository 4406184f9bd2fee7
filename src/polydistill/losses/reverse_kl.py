"""Reverse KL: the student must say nothing that the teacher finds unlikely."""

from typing import TYPE_CHECKING

from . import LogitsLoss, log_softmax

if TYPE_CHECKING:
    from ..shapes import Logits, PerToken


class ReverseKL(LogitsLoss):
    """KL(q || p) = sum_v q_v (log q_v - log p_v); p the teacher, q the student.

    In nats per token, from finite logits, without an upper bound; zero exactly where the two are equal.

    Paper: Gu et al. 2024, arXiv 2306.08543, section 2.
    Departs: there between whole answers, estimated on the student's own; here of each token, summed over the vocabulary.
    Checked: by hand on two tokens; against torch's kl_div.
    """

    def __call__(self, student: "Logits", teacher: "Logits") -> "PerToken":
        log_q, log_p = (log_softmax(logits) for logits in (student, teacher))
        return (log_q.exp() * (log_q - log_p)).sum(-1)
