"""Soft cross-entropy: the teacher's probabilities as labels, all of them, the likeliest, or drawn ones without bias."""

from typing import TYPE_CHECKING, ClassVar

from ..signals import Form
from . import LogitsLoss, at_least_float32, log_softmax, softmax

if TYPE_CHECKING:
    from ..shapes import Logits, PerToken
    from ..signals import Draws, Support


class SoftCrossEntropy(LogitsLoss):
    """H(p, q) = -sum_v p_v log q_v; p the teacher, q the student.

    In nats per token; never below the teacher's entropy H(p), which it is exactly where the two are equal: KL(p || q) =
    H(p, q) - H(p), so its gradient is that of `forward_kl`, and its value is not a distance.

    From likeliest tokens: -sum_i p_i log q_i - r log(1 - sum_i q_i), where r is the teacher's probability of all others
    together. They are one more outcome, not spread and not left out: left out, the student would learn to be surer than the
    teacher. The floor is then the entropy of these outcomes.
    From drawn tokens: -sum_i w_i log q(v_i) with the weights w that come with the draws v. Its mean over the draws is
    H(p, q), and so is its gradient's; one value may lie below H(p).

    Paper: Hinton, Vinyals, Dean 2015, arXiv 1503.02531, section 2; Anshumann et al. 2025, arXiv 2503.16870 (drawn tokens).
    Departs: the outcome of all others is ours. The second paper's text was not at hand.
    Checked: by hand on two tokens; against torch's cross_entropy; the mean over all draws there are, enumerated.
    """

    takes: ClassVar[tuple[Form, ...]] = ("dense", "top_k", "sampled", "spans")
    floor: ClassVar[str] = "entropy"

    def __call__(self, student: "Logits", teacher: "Logits") -> "PerToken":
        return -(softmax(teacher) * log_softmax(student)).sum(-1)

    def of_likeliest(self, student: "Logits", teacher: "Support") -> "PerToken":
        from ._outcomes import outcomes_of_both

        return self(*outcomes_of_both(student, teacher, others=True))

    def of_drawn(self, student: "Logits", teacher: "Draws") -> "PerToken":
        student = at_least_float32(student)
        log_q = student.gather(-1, teacher.ids.long()) - student.logsumexp(-1, keepdim=True)
        return -(teacher.weights.to(log_q.dtype) * log_q).sum(-1)
