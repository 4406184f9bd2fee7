"""An objective, and a pull towards the untouched model where the rich language is learned."""

from typing import TYPE_CHECKING

from pydantic import Field, NonNegativeFloat

from ..component import find
from ..losses import LogitsLoss
from ..signals import Wants
from ..teachers import Teacher
from . import Around, Objective, Taught, both, token_losses

if TYPE_CHECKING:
    from torch import Tensor

    from ..batch import Batch, Tokens
    from ..state import State
    from ..student import Student


class NearUntouched(Around):
    """L + w sum_t D(p_t, q_t): ``objective``, plus ``weight`` times the distance from the untouched model.

    p_t and q_t are what the untouched model and the student say of the next token. t runs over the answer tokens of the
    rows of which all that is learned is in the rich language; other rows are as without it. Like every part it is divided
    by all answer tokens of the step. Zero where student and untouched model agree; at weight 0 only ``objective`` is left,
    and the untouched model is not kept in memory.

    Paper: Li and Hoiem 2016, Learning without Forgetting, arXiv 1606.09282 (there on the new task's inputs).
    Departs: the rows are those of the language that is to be kept, and without temperature; the paper's text was not at hand.
    Checked: by hand on two tokens.
    """

    objective: Objective
    """What is minimised beside it; with another distance of this kind in it the two are added."""
    weight: NonNegativeFloat = 1.0
    """What one nat of distance counts against one nat of ``objective``."""
    loss: LogitsLoss = Field(default="forward_kl", validate_default=True)
    """The distance."""

    @property
    def looks_at_rich(self) -> bool:
        return True

    @property
    def own_target(self) -> bool:
        return self.objective.own_target or (self.weight > 0 and self.loss.holds_still)

    @property
    def parts(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.objective.parts, self.name())))

    def asks(self) -> dict[Teacher, Wants]:
        own = {find("teachers", "untouched")(): Wants(tokens=True)} if self.weight else {}
        return both(self.objective.asks(), own)  # type: ignore[arg-type]

    def wants(self) -> Wants:
        return self.objective.wants() | Wants(tokens=True)

    def start(self, student: "Student", taught: Taught) -> "State":
        from ..state import State

        learned = self.loss.start(student.sizes, student.sizes) if self.weight else ()
        inside = [self.objective.start(student, taught), State.of(learned)]
        return State.of(inside, [{name: (name,) for name in of} for of in (self.objective.parts, self.parts)])

    def counts(self, row: "Tokens") -> dict[str, float]:
        return {self.name(): float(row.learned), **self.objective.counts(row)}

    def __call__(
        self, student: "Student", taught: Taught, batch: "Batch", progress: float, state: "State"
    ) -> "dict[str, Tensor]":
        with student.once(self.wants()):
            parts = self.objective(student, taught, batch, progress, state.parts[0])
            distance = next(iter(parts.values())).new_zeros(len(batch.ids))
            if self.weight and batch.rich.any():
                rich = batch.only(batch.rich)
                own = student.states(batch)[batch.rich[:, None].expand_as(batch.answers)[batch.answers]]
                untouched = taught[find("teachers", "untouched")()].signal(rich)  # type: ignore[index]
                tokens = token_losses(self.loss, student, own, untouched, state.parts[1].parts)
                distance[batch.rich] = self.weight * rich.by_row(tokens)
        return {**parts, self.name(): distance + parts.get(self.name(), 0)}
