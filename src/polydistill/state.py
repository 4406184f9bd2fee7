"""What components learn or remember while a student trains."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Self

from torch import nn

if TYPE_CHECKING:
    from .batch import Tokens
    from .student import Student


class State(nn.Module):
    """Parameters are trained with the student's, buffers are remembered; both are in every checkpoint.

    Most are empty. A state with parts of its own hands on what it is told.
    """

    names: Sequence[Mapping[str, tuple[str, ...]]] = ()
    """For each part of it, what the parts of the loss that it is about are called here, by their own names: one or several,
    of which it is told the sum."""

    @classmethod
    def of(cls, parts: "Sequence[State]", names: Sequence[Mapping[str, tuple[str, ...]]] = ()) -> Self:
        """A state of these parts; each is told of the parts of the loss that ``names`` has for it, of all without them."""
        state = cls()
        state.names = names
        for number, part in enumerate(parts):
            state.add_module(str(number), part)
        return state

    @property
    def parts(self) -> "tuple[State, ...]":
        """What it was made of."""
        return tuple(child for child in self.children() if isinstance(child, State))

    def begin(self, rows: "Sequence[Tokens]") -> None:
        """Told once, while the student still is the untouched model: the rows of the mixture in order, the same on every rank.

        Also when training goes on; what is in the checkpoint is read back after it.
        """
        for part in self.parts:
            part.begin(rows)

    def follow(self, student: "Student", parts: Mapping[str, float], progress: float) -> None:
        """Told after each step, the same on every rank: the mean of each part of the loss in nats an answer token."""
        for number, part in enumerate(self.parts):
            own = parts
            if self.names:
                own = {name: sum(parts[one] for one in here) for name, here in self.names[number].items()}
            part.follow(student, own, progress)
