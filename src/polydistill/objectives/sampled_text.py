"""An objective on answers that are written while the student trains."""

from typing import TYPE_CHECKING, Self

from pydantic import model_validator

from ..signals import Wants
from ..teachers import Teacher
from . import OnWritten, Taught, both
from ._writing import written

if TYPE_CHECKING:
    from ..batch import Tokens
    from ..state import State
    from ..student import Student


class SampledText(OnWritten):
    """L(q, y), y ~ q with chance ``share``, else the row's own answer: ``objective`` on the student's own text, or a teacher's.

    The gradient is that of L at fixed y: none goes through the drawing. Its means are over the tokens of y. At share 0 it is
    ``objective`` alone. Each answer follows from the row, the seed and the time of the run; plain text keeps its own.

    Paper: Agarwal et al. 2024, arXiv 2306.13649, algorithm 1 (on-policy distillation with a share of the student's own text).
    Departs: the paper draws once for a batch whether it is the student's; here it is drawn for each row.
    Checked: at share 0 against the objective alone; that equal seeds give equal answers whatever stands beside them.
    """

    writer: Teacher | None = None
    """Who writes them; the student itself without one."""

    @model_validator(mode="after")
    def _can_write(self) -> Self:
        if self.writer and "text" not in self.writer.gives:
            raise ValueError(f"the teacher {self.writer.name()} writes no text; give one with a model in this process")
        return self

    def asks(self) -> dict[Teacher, Wants]:
        return both(self.objective.asks(), {self.writer: Wants()} if self.writer else {})

    def rewritten(
        self, student: "Student", taught: Taught, rows: "list[Tokens]", progress: float, state: "State"
    ) -> "list[Tokens]":
        writer = taught[self.writer] if self.writer else student
        return written(writer, rows, self.share, self.sampling, progress, self.side_by_side)
