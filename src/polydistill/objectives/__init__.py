"""Objectives: what training minimises.

To add one: a file here with one frozen class that gives `Objective.__call__`. `tests/contract/test_objectives.py` enrols it.
"""

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from ..component import Component, contract

if TYPE_CHECKING:
    from torch import Tensor

    from ..student import Batch


@contract
class Objective(Component):
    """Named parts of a loss, each summed over the batch's answer tokens."""

    @abstractmethod
    def __call__(self, student: Any, teacher: Any, batch: "Batch", progress: float) -> "dict[str, Tensor]":
        """Parts by name, each a scalar in nats summed over answer tokens; what is minimised is their sum.

        The loop divides by the answer tokens of the whole step, over all ranks and micro-batches. Prompt and padding get
        no gradient, nor does the teacher (None where there is none). ``progress`` is in [0, 1].
        """
