"""How the tokens of a row relate to each other, as one token's distribution over those that it may see."""

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from ..shapes import Heads, PerRow, Seen, Shares


def log_shares(left: "Heads", right: "Heads", seen: "Seen") -> "Shares":
    """log softmax(left · right / sqrt(head width)) over the tokens that each token may see, in float32 at least.

    What may not be seen has a share of zero; a token that may see none, such as padding, has the same shares whatever is
    given.
    """
    wide = torch.promote_types(left.dtype, torch.float32)
    with torch.autocast(left.device.type, enabled=False):
        scores = left.to(wide) @ right.to(wide).mT / left.shape[-1] ** 0.5
        # Finite, because the difference of two infinities would be no number.
        return scores.masked_fill(~seen[:, None], torch.finfo(wide).min).log_softmax(-1)


def divergence(log_p: "Shares", log_q: "Shares") -> "PerRow":
    """KL(p || q) summed over the tokens of a row, the mean over heads; zero where a token may see none."""
    return (log_p.exp() * (log_p - log_q)).sum((2, 3)).mean(1)
