"""Total variation: the probability that two models differ in, at most."""

from typing import TYPE_CHECKING

from . import LogitsLoss, softmax

if TYPE_CHECKING:
    from ..shapes import Logits, PerToken


class TotalVariation(LogitsLoss):
    """sum_v |p_v - q_v| / 2; p the teacher, q the student.

    A probability and not nats: in [0, 1] per token, zero exactly where the two are equal, 1 where nothing is likely to both.
    The same the other way round. At most sqrt(KL / 2), by either divergence (Pinsker). Where p_v = q_v its slope in q_v
    jumps; the gradient there is taken as zero.

    Paper: Wen et al. 2023, arXiv 2307.15190, section 3 (as a loss of distillation).
    Departs: the paper's text was not at hand; the formula is the usual one.
    Checked: by hand on two tokens; against Pinsker's inequality.
    """

    def __call__(self, student: "Logits", teacher: "Logits") -> "PerToken":
        return (softmax(teacher) - softmax(student)).abs().sum(-1) / 2
