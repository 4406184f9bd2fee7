"""A straight line, after a warm-up."""

from ..component import Fraction
from . import Schedule


class Linear(Schedule):
    """begin t / w while t < w, then begin + (end - begin) (t - w) / (1 - w).

    ``t`` is progress, ``w`` the warm-up. Rises from 0 to ``begin``, then goes straight to ``end``; with ``warmup`` 0 it
    starts at ``begin``, with 1 it ends there. ``begin`` 0 and ``end`` 1 is a straight rise.

    Checked: by hand at its ends and its middle.
    """

    begin: Fraction = 1.0
    """Where the line begins."""
    end: Fraction = 0.0
    """Where it ends."""
    warmup: Fraction = 0.06
    """The part of the run before the line begins."""

    def __call__(self, progress: float) -> float:
        if progress < self.warmup:
            return self.begin * progress / self.warmup
        if self.warmup == 1:
            return self.begin
        return self.begin + (self.end - self.begin) * (progress - self.warmup) / (1 - self.warmup)
