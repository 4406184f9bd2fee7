"""Objectives: what training minimises.

To add one: a file here with one frozen class that gives `Objective.__call__`. `tests/contract/test_objectives.py` enrols it.
"""

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from ..component import Component, contract

if TYPE_CHECKING:
    from torch import Tensor

    from ..student import Batch
    from ..teachers import Teacher


@contract
class Objective(Component):
    """Named parts of a loss, each summed over the answer tokens of a row."""

    looks_at_rich: ClassVar[bool] = False
    """Whether rows of the rich language are treated in another way, so that the rich language decides the result."""

    @property
    def parts(self) -> tuple[str, ...]:
        """The names of its parts, in order."""
        return (self.name(),)

    def taught_by(self) -> "Teacher | None":
        """The teacher that it needs; the training loop opens it."""
        return None

    @abstractmethod
    def __call__(self, student: Any, teacher: Any, batch: "Batch", progress: float) -> "dict[str, Tensor]":
        """`parts` by name, each (rows,) in nats, summed over a row's answer tokens; what is minimised is the sum of all.

        The loop divides by the answer tokens of the whole step, over all ranks and micro-batches. Prompt and padding get
        no gradient, nor does the teacher (an `OpenTeacher`, None where none is needed). ``progress`` is in [0, 1].
        """
