"""What a teacher's layers hand on where it predicts the answers."""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import Field, model_validator

from ..losses import HiddenLoss, Sizes
from ..signals import Wants
from ..teachers import Teacher
from . import Objective, Taught, check_layers, form_of

if TYPE_CHECKING:
    from torch import Tensor

    from ..batch import Batch
    from ..state import State
    from ..student import Student


class HiddenStates(Objective):
    """L = sum_(l, m) sum_t D(x_t^l, y_t^m): hidden states x of the student's layers l, and y of the teacher's m.

    D is ``loss``, t runs over the positions that predict answer tokens. A layer's hidden state is what it hands on: 0 is the
    embedding, n comes out of the n-th layer, -1 out of the last one and the norm after it. In the unit of ``loss``; zero
    where the two agree. The head learns nothing.

    Paper: Romero et al. 2015, FitNets, arXiv 1412.6550; Jiao et al. 2020, TinyBERT, arXiv 1909.10351 (pairs of layers).
    Departs: at answer positions alone, since prompts are not learned here; the papers' texts were not at hand.
    Checked: against the models' hidden states row by row.
    """

    teacher: Teacher = Field(default="untouched", validate_default=True)
    """Whose hidden states are aimed at."""
    loss: HiddenLoss = Field(default="hidden_mse", validate_default=True)
    """How far two hidden states are apart; if it has a projection, each pair of layers has one of its own."""
    layers: Annotated[tuple[tuple[int, int], ...], Field(min_length=1)] = ((-1, -1),)
    """Pairs of a student's layer and a teacher's layer."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        form_of(self.loss, self.teacher)
        return self

    def asks(self) -> dict[Teacher, Wants]:
        return {self.teacher: Wants(hidden=tuple(sorted({theirs for _, theirs in self.layers})))}

    def wants(self) -> Wants:
        return Wants(hidden=tuple(sorted({own for own, _ in self.layers})))

    def check(self, student: Sizes, teachers: Mapping[Teacher, Sizes]) -> None:
        if self.teacher in teachers:
            check_layers(self.layers, student, teachers[self.teacher], first=0)
            self.loss.check(student, teachers[self.teacher])

    def start(self, student: "Student", taught: Taught) -> "State":
        from ..state import State
        from ._fitted import Fitted

        sizes = student.sizes, taught[self.teacher].sizes
        self.check(sizes[0], {self.teacher: sizes[1]})
        learned = [State.of(self.loss.start(*sizes)) for _ in self.layers]
        return Fitted(learned, student, partial(self._pairs, student, taught))

    def __call__(
        self, student: "Student", taught: Taught, batch: "Batch", progress: float, state: "State"
    ) -> "dict[str, Tensor]":
        pairs = zip(self._pairs(student, taught, batch), state.parts, strict=True)
        return {self.name(): batch.by_row(sum(self.loss(x, y, *learned.parts) for (x, y), learned in pairs))}

    def _pairs(self, student: "Student", taught: Taught, batch: "Batch") -> "list[tuple[Tensor, Tensor]]":
        x, y = student.says(batch, self.wants()).hidden, taught[self.teacher].signal(batch).hidden
        return [(x[own], y[theirs]) for own, theirs in self.layers]
