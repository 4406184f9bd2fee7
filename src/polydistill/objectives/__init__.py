"""Objectives: what training minimises.

To add one: a file here with one frozen class that gives `Objective.__call__`. `tests/contract/test_objectives.py` enrols it.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Self

from pydantic import Field, model_validator

from ..component import Beside, Component, Count, Fraction, contract
from ..engines import Sampling
from ..losses import LogitsLoss, Loss, Sizes
from ..signals import TeacherSignal, Wants
from ..teachers import OpenTeacher, Teacher

if TYPE_CHECKING:
    from torch import Tensor

    from ..batch import Batch, Tokens
    from ..state import State
    from ..student import Student

Taught = Mapping[Teacher, OpenTeacher]
"""The teachers of an objective, ready to be asked."""


@contract
class Objective(Component):
    """Named parts of a loss, each summed over the answer tokens of a row."""

    @property
    def looks_at_rich(self) -> bool:
        """Whether rows of the rich language are treated in another way, so that the rich language decides the result."""
        return False

    @property
    def own_target(self) -> bool:
        """Whether a target is made of the student itself, held still: the gradient then is not that of the parts' value."""
        return False

    @property
    def rewrites(self) -> bool:
        """Whether `rewritten` gives rows another answer."""
        return False

    @property
    def parts(self) -> tuple[str, ...]:
        """The names of its parts, in order."""
        return (self.name(),)

    def asks(self) -> dict[Teacher, Wants]:
        """Its teachers, and what it asks of each; the training loop opens them."""
        return {}

    def wants(self) -> Wants:
        """What it asks of the student about a batch."""
        return Wants(tokens=True)

    def check(self, student: Sizes, teachers: Mapping[Teacher, Sizes]) -> None:
        """Finds what does not fit, from the sizes of the models alone; asks the objectives that it contains.

        Raises:
            ValueError: in words, with both sides' values.
        """
        for _, value in self:
            for one in value if isinstance(value, tuple) else (value,):
                if isinstance(one, Objective):
                    one.check(student, teachers)

    def start(self, student: "Student", taught: Taught) -> "State":
        """What it learns or remembers; every call gets it."""
        from ..state import State

        return State()

    def rewritten(
        self, student: "Student", taught: Taught, rows: "list[Tokens]", progress: float, state: "State"
    ) -> "list[Tokens]":
        """The rows of a step as this objective looks at them, such as with an answer of the student's own; see `Tokens`."""
        return rows

    def counts(self, row: "Tokens") -> dict[str, float]:
        """What each of its `parts` is a mean over: how much a row counts; its answer tokens, unless it says otherwise."""
        return dict.fromkeys(self.parts, float(row.learned))

    @abstractmethod
    def __call__(
        self, student: "Student", taught: Taught, batch: "Batch", progress: float, state: "State"
    ) -> "dict[str, Tensor]":
        """`parts` by name, each (rows,) in nats, summed over what `counts` says; what is minimised is the sum of their means.

        The loop divides by the `counts` of the whole step, over all ranks and micro-batches. Prompt and padding get
        no gradient, nor does a teacher. ``progress`` is in [0, 1].
        """


def both(one: Mapping[Teacher, Wants], other: Mapping[Teacher, Wants]) -> dict[Teacher, Wants]:
    """What two objectives ask of their teachers together."""
    return {teacher: one.get(teacher, Wants()) | other.get(teacher, Wants()) for teacher in (*one, *other)}


class Around(Objective):
    """An objective around another one: what it does not say of itself is what that one says."""

    objective: Objective
    """What is minimised inside it."""

    @property
    def looks_at_rich(self) -> bool:
        return self.objective.looks_at_rich

    @property
    def own_target(self) -> bool:
        return self.objective.own_target

    @property
    def rewrites(self) -> bool:
        return self.objective.rewrites

    @property
    def parts(self) -> tuple[str, ...]:
        return self.objective.parts

    def asks(self) -> dict[Teacher, Wants]:
        return self.objective.asks()

    def wants(self) -> Wants:
        return self.objective.wants()

    def start(self, student: "Student", taught: Taught) -> "State":
        from ..state import State

        return State.of([self.objective.start(student, taught)])

    def rewritten(
        self, student: "Student", taught: Taught, rows: "list[Tokens]", progress: float, state: "State"
    ) -> "list[Tokens]":
        return self.objective.rewritten(student, taught, rows, progress, state.parts[0])

    def counts(self, row: "Tokens") -> dict[str, float]:
        return self.objective.counts(row)


class OnWritten(Around):
    """An objective around another one, on answers that are written while the student trains: `Tokens.written`."""

    share: Fraction = 1.0
    """How many of the rows get such an answer; the others keep their own."""
    sampling: Sampling = Field(default=Sampling(temperature=1.0), validate_default=True)
    """How answers are drawn."""
    side_by_side: Beside[Count] = 32
    """How many are written at a time."""

    @model_validator(mode="after")
    def _can_be_asked(self) -> Self:
        if self.objective.rewrites:
            raise ValueError(f"{self.objective.name()} in it gives rows another answer too; only one of them can")
        if fixed := [teacher.name() for teacher in self.objective.asks() if not teacher.lives]:
            raise ValueError(f"the teacher {fixed[0]} says only what it has said before, and these answers are new each time")
        return self

    @property
    def rewrites(self) -> bool:
        return True

    def counts(self, row: "Tokens") -> dict[str, float]:
        return self.objective.counts(row.written or row)

    def __call__(
        self, student: "Student", taught: Taught, batch: "Batch", progress: float, state: "State"
    ) -> "dict[str, Tensor]":
        return self.objective(student, taught, batch.as_written(), progress, state.parts[0])

    @abstractmethod
    def rewritten(
        self, student: "Student", taught: Taught, rows: "list[Tokens]", progress: float, state: "State"
    ) -> "list[Tokens]":
        """A share of the rows with answers of their own."""


def check_layers(pairs: Iterable[tuple[int, int]], student: Sizes, teacher: Sizes, first: int) -> None:
    """Raises:
    ValueError: one of the two models has not the layer that is asked for; layers count from ``first``, or backwards from -1.
    """
    for pair in pairs:
        for side, sizes, layer in zip(("student", "teacher"), (student, teacher), pair, strict=True):
            if not (first <= layer <= sizes.layers or -sizes.layers <= layer <= -1):
                raise ValueError(
                    f"there is no layer {layer} of the {side}: the student has {student.layers} layers, the teacher "
                    f"{teacher.layers}; give {first} to {sizes.layers}, or -1 for the last, -2 for the one before it"
                )


def form_of(loss: Loss, teacher: Teacher) -> str:
    """The form of the teacher's signal that a loss is computed from.

    Raises:
        ValueError: the teacher gives none that the loss takes.
    """
    fits = [form for form in loss.takes if form in teacher.gives]
    if not fits:
        gives = ", ".join(sorted(teacher.gives))
        raise ValueError(
            f"{loss.name()} is computed from {' or '.join(loss.takes)}, and the teacher {teacher.name()} gives {gives}"
        )
    return fits[0]


def token_losses(
    loss: LogitsLoss, student: "Student", states: "Tensor", said: TeacherSignal, learned: "tuple[State, ...]" = (),
    toward: float = 1.0, vocabulary: int | None = None,
) -> "Tensor":  # fmt: skip
    """(answer tokens,) the loss between the student's states and what a teacher says of the same tokens.

    Where the teacher says nothing of the last tokens of the vocabulary, the student's are left out too: ``vocabulary`` is how
    many logits the teacher has, where its signal does not show it. With spans a span's loss stands at its last token; see
    `spans.span_losses`. ``toward`` t < 1 puts (1 - t) student + t teacher, of logits, in the place of a dense teacher's; the
    student's part of it is held still.
    """
    from ..chunks import over_chunks, over_logits

    learns = [p for module in learned for p in module.parameters()]

    def chunked(compare: object, logits: "Callable[..., tuple[Tensor, ...]]", *others: "Tensor") -> "Tensor":
        return over_chunks(
            lambda own, *some: over_logits(compare, *logits(own, *some), parameters=learns), states, *others,  # type: ignore[arg-type]
            most=student.positions_at_a_time, parameters=[*student.head_parameters, *learns],
        )  # fmt: skip

    if said.spans:
        from ..spans import span_losses

        return span_losses(loss, student, states, said.spans, learned)
    if said.dense:

        def both_sides(own: "Tensor", theirs: "Tensor") -> "tuple[Tensor, Tensor]":
            p = said.dense.head(theirs)
            return student.head(own)[:, : p.shape[1]], p

        def dense(q: "Tensor", p: "Tensor") -> "Tensor":
            return loss(q, p if toward == 1 else (1 - toward) * q.detach() + toward * p, *learned)

        return chunked(dense, both_sides, said.dense.states)

    def own_side(own: "Tensor", *some: "Tensor") -> "tuple[Tensor, ...]":
        return student.head(own)[:, :vocabulary], *some

    if said.top_k:
        support = type(said.top_k)
        return chunked(lambda q, *some: loss.of_likeliest(q, support(*some), *learned), own_side, *said.top_k)
    draws = type(said.sampled)
    return chunked(lambda q, *some: loss.of_drawn(q, draws(*some), *learned), own_side, *said.sampled)
