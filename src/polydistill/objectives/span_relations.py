"""How neighbouring tokens of a span go together, in the teacher and in the student."""

from typing import TYPE_CHECKING, Self

from pydantic import Field, model_validator

from ..signals import Wants
from ..teachers import Teacher
from . import Objective, Taught

if TYPE_CHECKING:
    from torch import Tensor

    from ..batch import Batch
    from ..state import State
    from ..student import Student


class SpanRelations(Objective):
    """L = sum_t sum_v |p_t(v) p_t+1(v) - q_t(v) q_t+1(v)|, over neighbours t, t + 1 within a span of the answer.

    p the teacher, q the student, over the logits that both have. Spans are cut from the beginning of the answer, ``span``
    tokens each. Between 0, where the two agree, and 2 for each pair of neighbours; an answer of one token, and spans of one
    token, have none.

    Paper: Multi-Granularity Semantic Revision 2024, arXiv 2407.10068 (span-level relations).
    Departs: the distance is our own, the paper's text was not at hand; spans are of fixed length, since a chunker exists for
    few languages.
    Checked: by hand on three tokens.
    """

    teacher: Teacher = Field(default="untouched", validate_default=True)
    """p."""
    span: int = Field(default=4, ge=2)
    """Tokens of a span."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if "dense" not in self.teacher.gives:
            raise ValueError(f"relations within spans need all logits of the teacher, and {self.teacher.name()} has them not")
        return self

    def asks(self) -> dict[Teacher, Wants]:
        return {self.teacher: Wants(tokens=True)}

    def __call__(
        self, student: "Student", taught: Taught, batch: "Batch", progress: float, state: "State"
    ) -> "dict[str, Tensor]":
        import torch

        from ..chunks import over_chunks
        from ..losses import log_softmax

        teacher = taught[self.teacher]
        said, own = teacher.signal(batch).dense, student.states(batch)
        width = min(student.sizes.vocabulary, teacher.sizes.vocabulary)
        lengths = batch.answers.sum(1).tolist()
        inside = [place % self.span < self.span - 1 and place < length - 1 for length in lengths for place in range(length)]
        first = torch.tensor(inside, dtype=torch.bool, device=batch.device).nonzero()[:, 0]

        def apart(q: "Tensor", q_next: "Tensor", p: "Tensor", p_next: "Tensor") -> "Tensor":
            together = log_softmax(student.head(q)[:, :width]) + log_softmax(student.head(q_next)[:, :width])
            theirs = log_softmax(said.head(p)[:, :width]) + log_softmax(said.head(p_next)[:, :width])
            return (together.exp() - theirs.exp()).abs().sum(-1)

        pairs = torch.stack([own[first], own[first + 1]], 1)
        found = over_chunks(
            lambda some, p, p_next: apart(some[:, 0], some[:, 1], p, p_next), pairs, said.states[first], said.states[first + 1],
            most=max(1, student.positions_at_a_time // 2), parameters=student.head_parameters,
        )  # fmt: skip
        tokens = found.new_zeros(len(own)).index_put((first,), found)
        return {self.name(): batch.by_row(tokens)}
