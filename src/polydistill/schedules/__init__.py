"""Schedules: a number that changes over the run.

To add one: a file here with one frozen class that gives `Schedule.__call__`. `tests/contract/test_schedules.py` enrols it.
"""

from abc import abstractmethod

from ..component import Component, contract


@contract
class Schedule(Component):
    """A factor over the run."""

    @abstractmethod
    def __call__(self, progress: float) -> float:
        """The factor at ``progress`` in [0, 1]."""
