"""Schedules: a number that changes over the run.

To add one: a file here with one frozen class that gives `Schedule.__call__`. `tests/contract/test_schedules.py` enrols it.
"""

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from ..component import Component, contract

if TYPE_CHECKING:
    from ..state import State


@contract
class Schedule(Component):
    """A factor over the run."""

    remembers: ClassVar[bool] = False
    """Whether it depends on how the run goes, so that it is called with what it remembers."""

    def start(self) -> "tuple[State, ...]":
        """What it remembers of the run, one module at most; every call gets it. It is told of each step; see `State.follow`."""
        return ()

    @abstractmethod
    def __call__(self, progress: float, *remembered: "State") -> float:
        """The factor at ``progress`` in [0, 1]."""
