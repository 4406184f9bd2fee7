"""Teachers: models that the student is held to while it trains.

To add one: a file here with one frozen class that gives `Teacher.open`. `tests/contract/test_teachers.py` enrols it.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ..component import Component, contract
from ..engines import Sampling
from ..losses import Sizes
from ..signals import Form, TeacherSignal, Wants

if TYPE_CHECKING:
    from ..batch import Batch
    from ..engines import Engine
    from ..state import State
    from ..student import Student

LIVE: frozenset[Form] = frozenset({"dense", "hidden", "relations", "text"})
"""What a model in this process gives."""


class OpenTeacher(ABC):
    """A teacher that is ready to be asked."""

    @property
    @abstractmethod
    def sizes(self) -> Sizes:
        """How large its model is."""

    _last: "tuple[Batch, TeacherSignal] | None" = None

    def signal(self, batch: "Batch") -> TeacherSignal:
        """What it says of the batch, without gradient; several parts of a loss that ask for the same batch get the same."""
        if self._last is None or self._last[0] is not batch:
            self._last = None
            self._last = batch, self.say(batch)
        return self._last[1]

    @abstractmethod
    def say(self, batch: "Batch") -> TeacherSignal:
        """The signal in the forms that it was opened for; equal for equal batches, at the same time of the run."""

    def prepare(self, batches: "Iterable[Batch]") -> None:
        """Called once before the first step, with every row of the mixture."""
        del batches

    def write(self, prompts: Sequence[Sequence[int]], sampling: Sampling, seeds: Sequence[int]) -> list[list[int]]:
        """Its own answers, where it gives text; see `Student.write`."""
        raise NotImplementedError

    def state(self) -> "tuple[State, ...]":
        """What it remembers while the student trains, one module at most."""
        return ()


@contract
class Teacher(Component):
    """Who the student learns from beside its rows."""

    @property
    def gives(self) -> frozenset[Form]:
        """The forms that its signals can have."""
        return LIVE

    @property
    def lives(self) -> bool:
        """Whether it can be asked about any text while the student trains, not only about what was there before."""
        return True

    @abstractmethod
    def open(self, student: "Student", wants: Wants) -> OpenTeacher:
        """Called once, before the first step is made or loaded: the student still is the untouched model."""

    def check(self, student: "Engine", wants: Wants) -> None:
        """Finds what would stop it, without loading weights: a model that is missing or does not fit the student's.

        Raises:
            ValueError, OSError: in words, with both sides' values.
        """
