"""Some tokens of a vocabulary told apart, all others together."""

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from . import NEVER, at_least_float32

if TYPE_CHECKING:
    from ..shapes import Logits, SupportIds, SupportValues
    from ..signals import Support


def outcomes(logits: "Logits", ids: "SupportIds", others: bool) -> "SupportValues":
    """Logits, in float32 at least, of these tokens and, last, of all ``others`` together, as far as there are any.

    Of the others it is log sum exp, so that their share keeps its precision however small it is.
    """
    logits = at_least_float32(logits)
    if not others or ids.shape[-1] >= logits.shape[-1]:
        return logits.gather(-1, ids)
    return _WithOthers.apply(logits, ids)


def outcomes_of_both(student: "Logits", teacher: "Support", others: bool) -> "tuple[SupportValues, SupportValues]":
    """`outcomes` of the student's logits and of what a teacher says of its likeliest tokens.

    The others' share is what the teacher's are short of 1, and at least the rounding of that sum.
    """
    log_p = at_least_float32(teacher.log_p)
    filled = log_p.isneginf()
    ids = teacher.ids.long()
    q = outcomes(student, torch.where(filled, ids[:, :1], ids), others)
    if q.shape[-1] > log_p.shape[-1]:
        listed = log_p.logsumexp(-1, keepdim=True).clamp(max=-torch.finfo(log_p.dtype).eps)
        log_p = torch.cat((log_p, (-listed.expm1()).log()), -1)
        filled = torch.cat((filled, torch.zeros_like(filled[:, :1])), -1)
    return q.masked_fill(filled, NEVER), log_p.masked_fill(filled, NEVER)


class _WithOthers(torch.autograd.Function):
    """The same as gathering the tokens and torch.logsumexp of the rest, in a third of the time and memory."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, ids: Tensor) -> Tensor:
        others = logits.scatter(-1, ids, NEVER)
        shares = others.softmax(-1)
        ctx.save_for_backward(shares, ids)
        # A share is exp(logit - log sum exp of the others): here that of the largest.
        together = others.amax(-1, keepdim=True) - shares.amax(-1, keepdim=True).log()
        return torch.cat((logits.gather(-1, ids), together), -1)

    @staticmethod
    def backward(ctx: Any, grown: Tensor) -> tuple[Tensor, None]:
        shares, ids = ctx.saved_tensors
        return (shares * grown[:, -1:]).scatter_add_(-1, ids, grown[:, :-1]), None
