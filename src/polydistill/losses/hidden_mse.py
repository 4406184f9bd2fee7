"""Mean squared error of hidden states."""

from typing import TYPE_CHECKING

from . import HiddenLoss

if TYPE_CHECKING:
    from ..shapes import Hidden, OtherHidden, PerToken
    from ..state import State


class HiddenMSE(HiddenLoss):
    """(1/d) sum_i (x_i W - y_i)^2; x the student's hidden state, y the teacher's of width d, W ``projection``.

    In the square of the states' own unit, which differs between models and layers; not in nats. Zero exactly where the two
    are equal.

    Paper: Romero et al. 2015, FitNets, arXiv 1412.6550 (hints); Jiao et al. 2020, TinyBERT, arXiv 1909.10351 (L_hidn).
    Departs: W begins as the least squares fit, not at random, and is each pair of layers' own; the papers' texts were not at
    hand.
    Checked: by hand on two positions.
    """

    def __call__(self, student: "Hidden", teacher: "OtherHidden", *learned: "State") -> "PerToken":
        from ._projection import side_by_side

        x, y = side_by_side(student, teacher, *learned)
        return (x - y).pow(2).mean(-1)
