"""Half a cosine, after a warm-up."""

from math import cos, pi

from ..component import Fraction
from . import Schedule


class Cosine(Schedule):
    """t / w while t < w, then end + (1 - end) (1 + cos(pi (t - w) / (1 - w))) / 2.

    ``t`` is progress, ``w`` the warm-up. Rises from 0 to 1, falls to ``end``; with ``warmup`` 0 it starts at 1.

    Paper: Loshchilov and Hutter 2017, SGDR, arXiv 1608.03983, equation 5, with one period; the warm-up is customary.
    Checked: by hand at its ends and its middle.
    """

    warmup: Fraction = 0.06
    """The part of the run in which it rises."""
    end: Fraction = 0.05
    """Where it ends, as a part of its peak."""

    def __call__(self, progress: float) -> float:
        if progress < self.warmup:
            return progress / self.warmup
        if self.warmup == 1:
            return 1.0
        return self.end + (1 - self.end) * (1 + cos(pi * (progress - self.warmup) / (1 - self.warmup))) / 2
