"""An objective on answers that are written while the student trains."""

from typing import TYPE_CHECKING, Self

from pydantic import Field, model_validator

from ..component import Beside, Count, Fraction
from ..engines import Sampling
from ..signals import Wants
from ..teachers import Teacher
from . import Objective, Taught, both
from ._writing import written

if TYPE_CHECKING:
    from torch import Tensor

    from ..batch import Batch, Tokens
    from ..state import State
    from ..student import Student


class SampledText(Objective):
    """L(q, y), y ~ q with chance ``share``, else the row's own answer: ``objective`` on the student's own text, or a teacher's.

    The gradient is that of L at fixed y: none goes through the drawing. Its means are over the tokens of y. At share 0 it is
    ``objective`` alone. Each answer follows from the row, the seed and the time of the run; plain text keeps its own.

    Paper: Agarwal et al. 2024, arXiv 2306.13649, algorithm 1 (on-policy distillation with a share of the student's own text).
    Departs: the paper draws once for a batch whether it is the student's; here it is drawn for each row.
    Checked: at share 0 against the objective alone; that equal seeds give equal answers whatever stands beside them.
    """

    objective: Objective
    """What is minimised on these answers."""
    writer: Teacher | None = None
    """Who writes them; the student itself without one."""
    share: Fraction = 1.0
    """How many of the rows get one."""
    sampling: Sampling = Field(default=Sampling(temperature=1.0), validate_default=True)
    """How they are drawn."""
    side_by_side: Beside[Count] = 32
    """How many are written at a time."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.objective.rewrites:
            raise ValueError(f"{self.objective.name()} in it gives rows another answer too; only one of them can")
        if self.writer and "text" not in self.writer.gives:
            raise ValueError(f"the teacher {self.writer.name()} writes no text; give one with a model in this process")
        if fixed := [teacher.name() for teacher in self.objective.asks() if not teacher.lives]:
            raise ValueError(f"the teacher {fixed[0]} says only what it has said before, and these answers are new each time")
        return self

    @property
    def looks_at_rich(self) -> bool:
        return self.objective.looks_at_rich

    @property
    def own_target(self) -> bool:
        return self.objective.own_target

    @property
    def rewrites(self) -> bool:
        return True

    @property
    def parts(self) -> tuple[str, ...]:
        return self.objective.parts

    def asks(self) -> dict[Teacher, Wants]:
        return both(self.objective.asks(), {self.writer: Wants()} if self.writer else {})

    def wants(self) -> Wants:
        return self.objective.wants()

    def start(self, student: "Student", taught: Taught) -> "State":
        from ..state import State

        return State.of([self.objective.start(student, taught)])

    def rewritten(
        self, student: "Student", taught: Taught, rows: "list[Tokens]", progress: float, state: "State"
    ) -> "list[Tokens]":
        writer = taught[self.writer] if self.writer else student
        return written(writer, rows, self.share, self.sampling, progress, self.side_by_side)

    def counts(self, row: "Tokens") -> dict[str, float]:
        return self.objective.counts(row.written or row)

    def __call__(
        self, student: "Student", taught: Taught, batch: "Batch", progress: float, state: "State"
    ) -> "dict[str, Tensor]":
        return self.objective(student, taught, batch.as_written(), progress, state.parts[0])
