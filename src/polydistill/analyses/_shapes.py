"""What the shape of a curve over training says, with the rate at which it says so by chance."""

from collections.abc import Sequence
from math import inf, log
from typing import NamedTuple

from ..evaluators import mean

LEVEL = 0.05
"""The most often that either is found where it is not."""


class Turn(NamedTuple):
    """Where a curve rises again."""

    place: int
    rise: float
    """From there to the end."""
    p: float


def turn(curve: Sequence[Sequence[float]], level: float = LEVEL) -> Turn | None:
    """The lowest point of a curve, where it rises from there to its end beyond chance; None where it does not.

    ``curve`` holds, for each point, one value for each item, the items in the same order. The rise is tested by a one-sided
    t-test of its items' differences, and p is multiplied by the number of points that could have been the lowest. So a curve
    that in truth never rises is found to turn in at most ``level`` of all cases.
    """
    from scipy.special import stdtr

    before = curve[:-1]
    if not before:
        return None
    place = min(range(len(before)), key=lambda at: sum(before[at]))
    rise, error = mean([last - low for low, last in zip(before[place], curve[-1], strict=True)])
    if rise <= 0 or error is None:
        return None
    p = min(1.0, float(stdtr(len(curve[-1]) - 1, -rise / error if error else -inf)) * len(before))
    return Turn(place, rise, p) if p <= level else None


def bend(steps: Sequence[float], values: Sequence[float]) -> float | None:
    """p of a curve's being a power law a t^-b, a straight line in logarithms; None where too little is there to tell.

    The F-test of a parabola against the line, so a power law with independent relative noise is below p in a share p of all
    cases. It takes four points or more, steps and values above 0.
    """
    import numpy
    from scipy.special import fdtrc

    if len(steps) < 4 or min(*steps, *values) <= 0:
        return None
    x, y = numpy.log(numpy.asarray(steps, float)), numpy.log(numpy.asarray(values, float))
    x = x - x.mean()
    line, parabola = (((y - numpy.polyval(numpy.polyfit(x, y, n), x)) ** 2).sum() for n in (1, 2))
    if line <= len(steps) * (1e-9 * max(1.0, abs(log(max(values))))) ** 2:  # a line but for rounding
        return 1.0
    freedom = len(steps) - 3
    return float(fdtrc(1, freedom, (line - parabola) / max(parabola, 1e-30) * freedom))
