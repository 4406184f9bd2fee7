"""How the tokens of a row relate to each other in a layer of the teacher's attention."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import Field, model_validator

from ..losses import RelationsLoss, Sizes
from ..signals import Wants
from ..teachers import Teacher
from . import Objective, Taught, check_layers, form_of

if TYPE_CHECKING:
    from torch import Tensor

    from ..batch import Batch, Tokens
    from ..state import State
    from ..student import Student


class Relations(Objective):
    """L = sum of ``losses``, each between a layer of the student's self-attention and a layer of the teacher's.

    Over all tokens of a row, prompt and answer, and over those alone that a token may see: a mean in nats a token. Zero where
    the two agree. What comes after the queries, keys and values of the student's layer, its output projection, feed-forward
    and the head among it, learns nothing.

    Paper: Wang et al. 2020, MiniLM, arXiv 2002.10957, equations 6 to 10 (of the last layers).
    Departs: the mean is over all tokens of a step, not over rows of their own means; a causal model's token sees no later
    one, and keys and values that heads share count for each; the paper's text was not at hand.
    Checked: against attention and values row by row.
    """

    teacher: Teacher = Field(default="untouched", validate_default=True)
    """Whose attention is aimed at; it has as many heads as the student, which may be of another width."""
    losses: Annotated[tuple[RelationsLoss, ...], Field(min_length=1)] = Field(
        default=("attention_relations", "value_relations"), validate_default=True
    )
    """What is compared; each is a part of its own."""
    student_layer: int = -1
    """Which layer learns: 1 is the first, -1 the last."""
    teacher_layer: int = -1
    """Which layer is aimed at."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        for loss in self.losses:
            form_of(loss, self.teacher)
        if len(set(self.parts)) < len(self.losses):
            raise ValueError(f"losses names {', '.join(self.parts)}: give each once")
        return self

    @property
    def parts(self) -> tuple[str, ...]:
        return tuple(loss.name() for loss in self.losses)

    def asks(self) -> dict[Teacher, Wants]:
        return {self.teacher: Wants(relations=(self.teacher_layer,))}

    def wants(self) -> Wants:
        return Wants(relations=(self.student_layer,))

    def check(self, student: Sizes, teachers: Mapping[Teacher, Sizes]) -> None:
        if self.teacher in teachers:
            check_layers([(self.student_layer, self.teacher_layer)], student, teachers[self.teacher], first=1)
            for loss in self.losses:
                loss.check(student, teachers[self.teacher])

    def start(self, student: "Student", taught: Taught) -> "State":
        self.check(student.sizes, {self.teacher: taught[self.teacher].sizes})
        return super().start(student, taught)

    def counts(self, row: "Tokens") -> dict[str, float]:
        return dict.fromkeys(self.parts, float(len(row.ids)))

    def __call__(
        self, student: "Student", taught: Taught, batch: "Batch", progress: float, state: "State"
    ) -> "dict[str, Tensor]":
        own = student.says(batch, self.wants()).relations[self.student_layer]
        theirs = taught[self.teacher].signal(batch).relations[self.teacher_layer]
        return {loss.name(): loss(own, theirs, batch.seen) for loss in self.losses}
