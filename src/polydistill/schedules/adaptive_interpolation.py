"""A rise that runs ahead of a straight line while the loss falls."""

from math import tanh
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Self

from pydantic import model_validator

from ..component import Count, Fraction, Positive
from . import Schedule

if TYPE_CHECKING:
    from ..state import State


class At(NamedTuple):
    """Where a run is."""

    t: float
    momentum: float
    """m below."""
    loss: float
    """Of the step before; nan before the first one."""
    progress: float
    """After that step."""


class AdaptiveInterpolation(Schedule):
    """t <- min(t1, max(t0 + (t1 - t0) x, t + k alpha s(m) (1 - t))); it never falls and never goes beyond t1.

    t0 is ``begin``, t1 ``end``, x progress, s(m) = 1 / (1 + exp(-m)), m <- beta^k m + (1 - beta^k) d / k, and
    d = (L' - L) / L' the part by which the loss L, the sum of the objective's parts, fell since the step before. The first
    loss is only remembered. k is 1, or what `as_if_steps` makes it. A loss of 0 leaves the straight line t0 + (t1 - t0) x.

    As published it is that line in every run of fewer than about 4,000 steps. A loss falls by well under a hundredth a step,
    so m stays near 0 and s(m) near 1/2: its first step is alpha / 2 of the way, and the line's is 1 / steps of it, which is
    more below 2 / alpha = 4,000 steps (with s(m) at its most, 1, below 2,000). How many steps it is ahead of the line, and by
    how much at most, at a constant loss:

        steps                100          1,000        3,900   4,100          8,000
        as published         0            0            0       195 (0.0002)   6,372 (0.092)
        as_if_steps: 8000    77 (0.088)   794 (0.092)  3,105   3,264          6,372 (0.092)

    Paper: Shing et al. 2025, TAID, arXiv 2501.16937, section 3 (the adaptive interpolation parameter).
    Departs: `as_if_steps` is ours. The line is taken at the step itself and not at the one before it, so that the last step is
    at t1; all ranks follow the loss of the whole step, and not each its own. The formula is that of the authors' code, as the
    paper's text was not at hand.
    Checked: by hand on three steps; the steps that it is ahead against where the two curves cross.
    """

    remembers: ClassVar[bool] = True

    begin: Fraction = 0.4
    """t0: how much of the teacher is in the first target."""
    end: Fraction = 1.0
    """t1: how much of the teacher is in the last target."""
    alpha: Positive = 5e-4
    """What part of the way that is left, to 1, a step goes at most."""
    beta: Fraction = 0.99
    """How long the falls of the loss are remembered; at 1 they say nothing, at 0 the last one says all."""
    as_if_steps: Count | None = None
    """Go as in a run of so many steps, however many there are: each of n steps counts as k = as_if_steps / n."""

    @model_validator(mode="after")
    def _rises(self) -> Self:
        if self.begin > self.end:
            raise ValueError(f"begin {self.begin} lies above end {self.end}, and it never falls; `linear` does")
        return self

    def start(self) -> "tuple[State, ...]":
        from ._following import Following

        return (Following(self),)

    def __call__(self, progress: float, *remembered: "State") -> float:
        (state,) = remembered
        return max(self.line(progress), state.at.t)  # type: ignore[attr-defined]

    def line(self, progress: float) -> float:
        """t0 + (t1 - t0) x."""
        return self.begin + (self.end - self.begin) * progress

    def moved(self, at: At, loss: float, progress: float) -> At:
        """After a step with this loss."""
        fell = (at.loss - loss) / (at.loss + 1e-15)
        if fell != fell:  # there was no step before
            return at._replace(loss=loss, progress=progress)
        k = self.as_if_steps * (progress - at.progress) if self.as_if_steps else 1.0
        m = self.beta**k * at.momentum + (1 - self.beta**k) * fell / k
        t = at.t + k * self.alpha * (1 + tanh(m / 2)) / 2 * (1 - at.t)
        return At(min(self.end, max(self.line(progress), t)), m, loss, progress)

    def is_a_line(self, steps: float) -> bool:
        """Whether a constant loss never takes it ahead of the line in so many steps."""
        return (self.as_if_steps or steps) * self.alpha / 2 * (1 - self.begin) <= self.end - self.begin
