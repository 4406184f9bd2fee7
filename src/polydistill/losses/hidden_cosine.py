"""Cosine distance of hidden states."""

from typing import TYPE_CHECKING

from . import HiddenLoss

if TYPE_CHECKING:
    from ..shapes import Hidden, OtherHidden, PerToken
    from ..state import State


class HiddenCosine(HiddenLoss):
    """1 - cos(x W, y) = |x W / |x W| - y / |y||^2 / 2; x the student's hidden state, y the teacher's, W ``projection``.

    Between 0, where the two point the same way, and 2, where they point opposite ways; not in nats. Lengths say nothing.

    Paper: Sanh et al. 2019, DistilBERT, arXiv 1910.01108 (L_cos).
    Departs: W, which the paper does without; the paper's text was not at hand.
    Checked: by hand on two positions; against torch's cosine_similarity.
    """

    def __call__(self, student: "Hidden", teacher: "OtherHidden", *learned: "State") -> "PerToken":
        from torch.nn.functional import normalize

        from ._projection import side_by_side

        x, y = side_by_side(student, teacher, *learned)
        return (normalize(x, dim=-1) - normalize(y, dim=-1)).pow(2).sum(-1) / 2
