"""Another loss, of the teacher's likeliest tokens alone."""

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from ..component import Count
from ..signals import Form
from . import LogitsLoss, Sizes

if TYPE_CHECKING:
    from ..shapes import Logits, PerToken
    from ..signals import Support
    from ..state import State


class TopK(LogitsLoss):
    """D(p', q'): the ``loss`` D between the two distributions over the teacher's ``k`` likeliest tokens.

    With ``remaining`` all other tokens are one more outcome, k + 1 in all, so that both sides still sum to one. A divergence
    then is at most what it is over the whole vocabulary, and zero where student and teacher agree on each of these outcomes.
    Without it both are renormalised over the k tokens: what the student says beside them is free, and a student that meets
    the teacher there may put any part of its probability elsewhere. Where k reaches the vocabulary it is ``loss`` itself.

    Its unit, floor and what it learns are those of ``loss``; a temperature of that softens the outcomes. From a teacher's
    top_k signal it takes the k likeliest of what is there, all where these are fewer.

    Paper: Anshumann et al. 2025, arXiv 2503.16870, section 3 (why the tokens alone, renormalised, are a biased target).
    Departs: the remaining outcome is ours; the paper draws tokens instead (see `soft_cross_entropy`). Its text was not at hand.
    Checked: by hand on three tokens; against ``loss`` where k is the vocabulary.
    """

    takes: ClassVar[tuple[Form, ...]] = ("dense", "top_k", "spans")

    loss: LogitsLoss = Field(default="forward_kl", validate_default=True)
    """The loss between what is left of the two."""
    k: Count = 64
    """How many tokens are told apart."""
    remaining: bool = True
    """Whether all other tokens are one more outcome."""

    @property
    def floor(self) -> str:  # type: ignore[override]
        return self.loss.floor

    @property
    def holds_still(self) -> bool:  # type: ignore[override]
        return self.loss.holds_still

    def start(self, student: Sizes, teacher: Sizes) -> "tuple[State, ...]":
        return self.loss.start(student, teacher)

    def __call__(self, student: "Logits", teacher: "Logits", *learned: "State") -> "PerToken":
        from ._outcomes import outcomes

        if self.k >= teacher.shape[-1]:
            return self.loss(student, teacher, *learned)
        ids = teacher.topk(self.k).indices
        q, p = (outcomes(logits, ids, self.remaining) for logits in (student, teacher))
        return self.loss(q, p, *learned)

    def of_likeliest(self, student: "Logits", teacher: "Support", *learned: "State") -> "PerToken":
        from ._outcomes import outcomes_of_both

        best = teacher.log_p.topk(min(self.k, teacher.log_p.shape[-1])).indices
        teacher = teacher._replace(ids=teacher.ids.gather(-1, best), log_p=teacher.log_p.gather(-1, best))
        return self.loss(*outcomes_of_both(student, teacher, self.remaining), *learned)
