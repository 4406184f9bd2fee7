"""Adaptive KL: forward where the likely tokens are apart, reverse where the unlikely ones are."""

from typing import TYPE_CHECKING, ClassVar

from ..component import Fraction
from . import LogitsLoss, log_softmax

if TYPE_CHECKING:
    from ..shapes import Logits, PerToken

LIKELIEST = 1024
"""How many tokens are looked at first, and eight times as many each time that they do not hold the head."""


class AdaptiveKL(LogitsLoss):
    """h / (h + t) KL(p || q) + t / (h + t) KL(q || p); p the teacher, q the student.

    h = sum_v |p_v - q_v| over the head, t over the tail, both held still. The head is the fewest of the teacher's likeliest
    tokens that have ``head`` of its probability together, and what ties with the last of them. In nats per token, from
    finite logits, without an upper bound; zero exactly where the two are equal. At head 1 it is `forward_kl`, up to
    rounding; at 0 `reverse_kl`.

    Paper: Wu et al. 2024, arXiv 2404.02657 (head 0.5).
    Departs: the authors' code leaves the token that crosses ``head`` in the tail, unless it is the likeliest; the formulas
    of the paper itself were not at hand.
    Checked: by hand on three tokens.
    """

    holds_still: ClassVar[bool] = True

    head: Fraction = 0.5
    """How much of the teacher's probability is the head's."""

    def __call__(self, student: "Logits", teacher: "Logits") -> "PerToken":
        log_q, log_p = (log_softmax(logits) for logits in (student, teacher))
        p, q = log_p.exp(), log_q.exp()
        share = self.forward_share(p, q.detach())
        return ((share * p - (1 - share) * q) * (log_p - log_q)).sum(-1)

    def forward_share(self, p: "Logits", q: "Logits") -> "Logits":
        """(positions, 1) h / (h + t), and 0 where p is q."""
        import torch

        gaps = (p - q).abs()
        both = gaps.sum(-1, keepdim=True)
        h = gaps.masked_fill_(p < least_of_head(p, self.head), 0).sum(-1, keepdim=True)
        return h / both.clamp(min=torch.finfo(p.dtype).tiny)


def least_of_head(p: "Logits", mass: float) -> "Logits":
    """(positions, 1) the least probability among the fewest tokens that have this mass together; above 1 where none need be."""
    import torch

    k = min(LIKELIEST, p.shape[-1])
    while True:
        likeliest = p.topk(k).values
        before = likeliest.cumsum(-1) - likeliest
        count = (before < mass).sum(-1, keepdim=True)
        if k == p.shape[-1] or bool((count < k).all()):
            break
        k = min(8 * k, p.shape[-1])
    return torch.where(count > 0, likeliest.gather(-1, (count - 1).clamp(min=0)), 2)
