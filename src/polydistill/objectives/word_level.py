"""What a teacher says of every token of the answers."""

from typing import TYPE_CHECKING, Self

from pydantic import Field, model_validator

from ..losses import LogitsLoss
from ..schedules import Schedule
from ..signals import Wants
from ..teachers import Teacher
from . import Objective, Taught, form_of, token_losses

if TYPE_CHECKING:
    from torch import Tensor

    from ..batch import Batch
    from ..state import State
    from ..student import Student


class WordLevel(Objective):
    """L = sum_t D(p_t, q_t) over the answer tokens; p the teacher, q the student, D ``loss``.

    With ``toward`` the target is not the teacher's logits z_T but (1 - f) z_S + f z_T, z_S the student's own and held
    still, f what the schedule says: at 0 nothing is learned, at 1 it is as without it. Zero where the two agree, except with
    a loss whose floor is the teacher's entropy.

    Paper: Kim and Rush 2016, arXiv 1606.07947, section 3.1 (word-level distillation); Shing et al. 2025, arXiv 2501.16937
    (the interpolated target).
    Checked: by hand on two tokens; the target against the normalised geometric mean of the two distributions.
    """

    teacher: Teacher = Field(default="untouched", validate_default=True)
    """Who says what comes next."""
    loss: LogitsLoss = Field(default="forward_kl", validate_default=True)
    """The distance from teacher to student."""
    toward: Schedule | None = None
    """How much of the teacher is in the target over the run; all of it without one."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if form_of(self.loss, self.teacher) != "dense" and self.toward is not None:
            raise ValueError(f"toward needs all logits of the teacher, and {self.teacher.name()} does not give them")
        return self

    @property
    def own_target(self) -> bool:
        return self.toward is not None or self.loss.holds_still

    def asks(self) -> dict[Teacher, Wants]:
        return {self.teacher: Wants(tokens=True)}

    def start(self, student: "Student", taught: Taught) -> "State":
        from ..state import State

        state = State()
        state.loss = State.of(self.loss.start(student.sizes, taught[self.teacher].sizes))
        state.toward = State.of(self.toward.start() if self.toward else ())
        return state

    def __call__(
        self, student: "Student", taught: Taught, batch: "Batch", progress: float, state: "State"
    ) -> "dict[str, Tensor]":
        toward = self.toward(progress, *state.toward.parts) if self.toward else 1.0
        teacher = taught[self.teacher]
        said, vocabulary = teacher.signal(batch), teacher.sizes.vocabulary
        tokens = token_losses(self.loss, student, student.states(batch), said, state.loss.parts, toward, vocabulary)
        return {self.name(): batch.by_row(tokens)}
