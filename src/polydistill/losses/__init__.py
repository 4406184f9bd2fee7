"""Losses: how far a student is from its teacher.

To add one: a file here with one frozen class that gives `Loss.__call__`. `tests/contract/test_losses.py` enrols it.
"""

from abc import abstractmethod
from typing import TYPE_CHECKING

from ..component import Component, contract

if TYPE_CHECKING:
    from torch import Tensor


@contract
class Loss(Component):
    """Compares what two models say of the next token."""

    @abstractmethod
    def __call__(self, student: "Tensor", teacher: "Tensor") -> "Tensor":
        """(positions,) in nats, from the logits (positions, vocabulary) of both, in float32 at least.

        The teacher's carry no gradient. Positions come in chunks (`student.over_chunks`), so each is judged by itself.
        """
