"""Mean absolute difference of hidden states."""

from typing import TYPE_CHECKING

from . import HiddenLoss

if TYPE_CHECKING:
    from ..shapes import Hidden, OtherHidden, PerToken
    from ..state import State


class HiddenL1(HiddenLoss):
    """(1/d) sum_i |x_i W - y_i|; x the student's hidden state, y the teacher's of width d, W ``projection``.

    In the states' own unit, which differs between models and layers; not in nats. Zero exactly where the two are equal.

    Paper: Bai et al. 2023, Masked Autoencoders Enable Efficient Knowledge Distillers, arXiv 2208.12256 (on patches of images).
    Departs: W begins as the least squares fit, not at random, and has no offset; the paper's text was not at hand.
    Checked: by hand on two positions.
    """

    normalized: bool = True
    """Whether x W and y are divided by their lengths first, as in the paper's code; then only directions count."""

    def __call__(self, student: "Hidden", teacher: "OtherHidden", *learned: "State") -> "PerToken":
        from torch.nn.functional import normalize

        from ._projection import side_by_side

        x, y = side_by_side(student, teacher, *learned)
        if self.normalized:
            x, y = normalize(x, dim=-1), normalize(y, dim=-1)
        return (x - y).abs().mean(-1)
