"""An objective, and a pull towards the untouched model where the rich language is learned."""

from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import Field, NonNegativeFloat, model_validator

from ..component import find
from ..losses import Loss
from ..teachers import Teacher
from . import Objective

if TYPE_CHECKING:
    from torch import Tensor

    from ..student import Batch


class NearUntouched(Objective):
    """L + w sum_t D(p_t, q_t): ``objective``, plus ``weight`` times the distance from the untouched model.

    p_t and q_t are what the untouched model and the student say of the next token. t runs over the answer tokens of the
    rows of which all that is learned is in the rich language; other rows are as without it. Like every part it is divided
    by all answer tokens of the step. Zero where student and untouched model agree; at weight 0 only ``objective`` is left,
    and the untouched model is not kept in memory.

    Paper: Li and Hoiem 2016, Learning without Forgetting, arXiv 1606.09282 (there on the new task's inputs).
    Departs: the rows are those of the language that is to be kept, and without temperature; the paper's text was not at hand.
    Checked: by hand on two tokens.
    """

    looks_at_rich: ClassVar[bool] = True

    objective: Objective
    """What is minimised beside it; with another distance of this kind in it the two are added."""
    weight: NonNegativeFloat = 1.0
    """What one nat of distance counts against one nat of ``objective``."""
    loss: Loss = Field(default="forward_kl", validate_default=True)
    """The distance."""

    @model_validator(mode="after")
    def _one_teacher(self) -> Self:
        inner = self.objective.taught_by()
        if inner not in (None, find("teachers", "untouched")()):
            raise ValueError(f"{self.objective.name()} has {inner.name()} for its teacher, and near_untouched needs untouched")
        return self

    @property
    def parts(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.objective.parts, self.name())))

    def taught_by(self) -> Teacher | None:
        return find("teachers", "untouched")() if self.weight else self.objective.taught_by()  # type: ignore[return-value]

    def __call__(self, student: Any, teacher: Any, batch: "Batch", progress: float) -> "dict[str, Tensor]":
        from ..student import over_chunks

        with student.once():
            parts = self.objective(student, teacher, batch, progress)
            distance = next(iter(parts.values())).new_zeros(len(batch.ids))
            if self.weight and batch.rich.any():
                rich = batch.only(batch.rich)
                own = student.states(batch)[batch.rich[:, None].expand_as(batch.answers)[batch.answers]]
                untouched = teacher.signal(rich)
                tokens = over_chunks(
                    lambda q, p: self.loss(student.head(q), untouched.head(p)), own, untouched.states,
                    most=student.positions_at_a_time,
                )  # fmt: skip
                distance[batch.rich] = self.weight * rich.by_row(tokens)
        return {**parts, self.name(): distance + parts.get(self.name(), 0)}
