"""Teachers: models that the student is held to while it trains.

To add one: a file here with one frozen class that gives `Teacher.open`. `tests/contract/test_teachers.py` enrols it.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from ..component import Component, contract

if TYPE_CHECKING:
    from torch import Tensor

    from ..student import Batch, Student


class TeacherSignal(NamedTuple):
    """What a teacher says of a batch."""

    states: "Tensor"
    """(answer tokens, width) its last hidden states that predict `Batch.targets`; they carry no gradient."""
    head: "Callable[[Tensor], Tensor]"
    """Its logits (positions, vocabulary) of some of these states, without gradient."""


class OpenTeacher(ABC):
    """A teacher with its model in memory."""

    @abstractmethod
    def signal(self, batch: "Batch") -> TeacherSignal:
        """The same for the same batch, however far the student has come."""


@contract
class Teacher(Component):
    """Who the student learns from beside its rows."""

    @abstractmethod
    def open(self, student: "Student") -> OpenTeacher:
        """Called once, before the first step is made or loaded: the student still is the untouched model."""
