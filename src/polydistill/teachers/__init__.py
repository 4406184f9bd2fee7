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
        """Its own answers; see `Student.write`.

        Raises:
            ValueError: it gives no text; a plan that asks for it is refused before.
        """
        raise ValueError(f"{type(self).__name__} says what it finds likely, and writes no text of its own")

    def close(self) -> None:
        """Called by who asked it for a while and does so no more."""
        self._last = None

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

    @property
    def made_of(self) -> "tuple[Teacher, ...]":
        """The teachers among its settings."""
        values = (getattr(self, name) for name in type(self).model_fields)
        flat = (one for value in values for one in (value if isinstance(value, tuple) else (value,)))
        return tuple(one for one in flat if isinstance(one, Teacher))

    @property
    def stays(self) -> bool:
        """Whether it says the same of a row from the first step to the last."""
        return all(teacher.stays for teacher in self.made_of)

    @property
    def of_student(self) -> bool:
        """Whether it is made of the student's own weights, so that beside another student it is another teacher."""
        return not self.made_of or any(teacher.of_student for teacher in self.made_of)

    @abstractmethod
    def open(self, student: "Student", wants: Wants) -> OpenTeacher:
        """Called once, before the first step is made or loaded: the student still is the untouched model."""

    def sizes_beside(self, whole: Sizes, student: Sizes) -> Sizes:
        """How large its model is, without weights: as the student's before it is cut, ``whole``, unless it is another one."""
        return self.made_of[0].sizes_beside(whole, student) if self.made_of else whole

    def check(self, student: "Engine", wants: Wants) -> None:
        """Finds what would stop it, without loading weights: a model that is missing or does not fit the student's.

        Raises:
            ValueError, OSError: in words, with both sides' values.
        """


def every(teachers: Iterable[Teacher]) -> list[Teacher]:
    """These teachers, each followed by those that it is made of."""
    return [one for teacher in teachers for one in (teacher, *every(teacher.made_of))]
