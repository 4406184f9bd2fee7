"""Several objectives at once."""

from typing import TYPE_CHECKING, Self

from pydantic import Field, NonNegativeFloat, model_validator

from ..signals import Wants
from ..teachers import Teacher
from . import Objective, Taught, both

if TYPE_CHECKING:
    from torch import Tensor

    from ..batch import Batch, Tokens
    from ..state import State
    from ..student import Student


class Weighted(Objective):
    """L = sum_i w_i L_i: each of ``objectives`` with its weight, all from one look at the rows.

    A part whose name another one has gets a number, such as ``word_level_2``. At weight 0 an objective is computed and
    shown, and changes nothing.

    Checked: parts and gradients against those of each objective alone.
    """

    objectives: tuple[Objective, ...] = Field(min_length=1)
    """What is added up."""
    weights: tuple[NonNegativeFloat, ...]
    """How much each of them counts."""

    @model_validator(mode="after")
    def _as_many(self) -> Self:
        if len(self.weights) != len(self.objectives):
            raise ValueError(f"{len(self.objectives)} objectives and {len(self.weights)} weights; give each its own")
        if len(writing := [one.name() for one in self.objectives if one.rewrites]) > 1:
            raise ValueError(f"{' and '.join(writing)} both give rows another answer; put what they share inside one of them")
        return self

    @property
    def rewrites(self) -> bool:
        return any(one.rewrites for one in self.objectives)

    @property
    def looks_at_rich(self) -> bool:
        return any(one.looks_at_rich for one in self.objectives)

    @property
    def own_target(self) -> bool:
        return any(one.own_target for one in self.objectives)

    @property
    def named(self) -> list[dict[str, str]]:
        """For each objective the names of its parts here, by their own."""
        taken: set[str] = set()
        found = []
        for one in self.objectives:
            names = {}
            for part in one.parts:
                number = next(n for n in range(1, len(taken) + 2) if (part if n == 1 else f"{part}_{n}") not in taken)
                names[part] = part if number == 1 else f"{part}_{number}"
                taken.add(names[part])
            found.append(names)
        return found

    @property
    def parts(self) -> tuple[str, ...]:
        return tuple(name for names in self.named for name in names.values())

    def asks(self) -> dict[Teacher, Wants]:
        found: dict[Teacher, Wants] = {}
        for one in self.objectives:
            found = both(found, one.asks())
        return found

    def wants(self) -> Wants:
        found = Wants()
        for one in self.objectives:
            found |= one.wants()
        return found

    def start(self, student: "Student", taught: Taught) -> "State":
        from ..state import State

        named = [{part: (here,) for part, here in names.items()} for names in self.named]
        return State.of([one.start(student, taught) for one in self.objectives], named)

    def rewritten(
        self, student: "Student", taught: Taught, rows: "list[Tokens]", progress: float, state: "State"
    ) -> "list[Tokens]":
        for one, own in zip(self.objectives, state.parts, strict=True):
            rows = one.rewritten(student, taught, rows, progress, own)
        return rows

    def counts(self, row: "Tokens") -> dict[str, float]:
        pairs = zip(self.objectives, self.named, strict=True)
        return {names[part]: count for one, names in pairs for part, count in one.counts(row).items()}

    def __call__(
        self, student: "Student", taught: Taught, batch: "Batch", progress: float, state: "State"
    ) -> "dict[str, Tensor]":
        found = {}
        with student.once(self.wants()):
            for one, own, names, weight in zip(self.objectives, state.parts, self.named, self.weights, strict=True):
                for part, value in one(student, taught, batch, progress, own).items():
                    found[names[part]] = weight * value
        return found
