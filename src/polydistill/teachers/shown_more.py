"""A teacher that reads more than the student does."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Self

from pydantic import Field, model_validator

from ..losses import Sizes
from ..signals import Form, TeacherSignal, Wants
from . import OpenTeacher, Teacher

if TYPE_CHECKING:
    from ..batch import Batch
    from ..engines import Engine
    from ..state import State
    from ..student import Student

PER_TOKEN: frozenset[Form] = frozenset({"dense", "top_k", "sampled", "hidden"})
"""The forms that say something of each answer token and of nothing else."""


class ShownMore(Teacher):
    """``teacher``, for whom other turns stand before the chat: the question and the answer in the rich language, say.

    p_t = p(y_t | s, x, y_<t) where the student has q_t = q(y_t | x, y_<t); s is what is `records.Chat.shown`, x the chat
    and y the answer. The answer's tokens are the same, one for one, and so is what is said of each; relations of all tokens
    of a row are not, and are not given. Rows of which nothing more is shown are read as they are.

    Paper: Liu et al. 2026, arXiv 2605.09548 (the same model, shown translation and solution; on the student's own answers).
    Departs: what is shown stands as earlier turns of the chat; the paper's prompt was not at hand.
    Checked: against the same teacher on rows written with what is shown; without anything shown bit for bit.
    """

    teacher: Teacher = Field(default="untouched", validate_default=True)
    """Who is shown more."""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.gives:
            raise ValueError(
                f"{self.teacher.name()} gives {', '.join(sorted(self.teacher.gives))}; what is shown to it changes what it "
                f"says of answer tokens: {', '.join(sorted(PER_TOKEN))}"
            )
        return self

    @property
    def gives(self) -> frozenset[Form]:
        return self.teacher.gives & PER_TOKEN

    @property
    def lives(self) -> bool:
        return self.teacher.lives

    def open(self, student: "Student", wants: Wants) -> OpenTeacher:
        return OpenShownMore(self.teacher.open(student, wants))

    def check(self, student: "Engine", wants: Wants) -> None:
        self.teacher.check(student, wants)


class OpenShownMore(OpenTeacher):
    """The teacher, ready to be asked of what it is shown."""

    def __init__(self, teacher: OpenTeacher):
        self.teacher = teacher

    @property
    def sizes(self) -> Sizes:
        return self.teacher.sizes

    def state(self) -> "tuple[State, ...]":
        return self.teacher.state()

    def close(self) -> None:
        super().close()
        self.teacher.close()

    def prepare(self, batches: "Iterable[Batch]") -> None:
        self.teacher.prepare(_with_more_shown(batch) for batch in batches)

    def say(self, batch: "Batch") -> TeacherSignal:
        return self.teacher.say(_with_more_shown(batch))


def _with_more_shown(batch: "Batch") -> "Batch":
    """The rows as the teacher reads them; itself where nothing more is shown."""
    from ..batch import padded

    if not any(row.shown for row in batch.rows):
        return batch
    found = padded([row.with_more_shown for row in batch.rows]).to(batch.device)
    assert found.targets.equal(batch.targets), "what is said is said of the same tokens"
    return found
