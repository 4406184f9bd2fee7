"""Several teachers as one."""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import Field, NonNegativeFloat, model_validator

from ..component import Positive
from ..losses import Sizes
from ..records import Lang
from ..signals import Form, TeacherSignal, Wants
from . import OpenTeacher, Teacher

if TYPE_CHECKING:
    from ..batch import Batch
    from ..engines import Engine
    from ..state import State
    from ..student import Student

DENSE: frozenset[Form] = frozenset({"dense"})


class Several(Teacher):
    """p = sum_k w_k p_k: the mixture of what the teachers find likely, w_k >= 0 and sum_k w_k = 1.

    Of probabilities, not of logits. A loss's temperature is the mixture's own. By default w_k = 1 / K. At most one of these:

    - ``weights``: w_k as they are given, divided by their sum.
    - ``by_language``: one teacher for each language that is learned; no other is asked of a row.
    - ``by_answer`` T: for each row w = softmax_k(mean_t log p_k(y_t) / T) over its answer tokens y_t: who finds the answer
      likely counts more. Towards 0 the likeliest alone, with T large all the same.

    KL(p || q) and sum_k w_k KL(p_k || q) differ by sum_k w_k KL(p_k || p), which no student changes.

    Paper: Shen and Savvides 2020, MEAL V2, arXiv 2009.08453 (the mean of softmaxes).
    Departs: weights by language and by answer are our own.
    Checked: by hand on two tokens; the gradient against that of the mean of both divergences.
    """

    teachers: Annotated[tuple[Teacher, ...], Field(min_length=1)]
    """Who is asked, each in the student's vocabulary; its last tokens are left out where one says nothing of them."""
    weights: tuple[NonNegativeFloat, ...] = ()
    """What each counts, in the same order."""
    by_language: tuple[tuple[Lang, ...], ...] = ()
    """The languages each is asked in, in the same order: ``[[eng, fra], [spa]]``."""
    by_answer: Positive | None = None
    """The temperature T, in nats a token."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        count = len(self.teachers)
        if sum(map(bool, (self.weights, self.by_language, self.by_answer))) > 1:
            raise ValueError("teachers count by weights, by_language or by_answer: give one of these, or none")
        if self.weights and (len(self.weights) != count or not sum(self.weights)):
            raise ValueError(f"{count} teachers and the weights {list(self.weights)}: give one each, not all of them 0")
        if self.by_language and len(self.by_language) != count:
            raise ValueError(f"{count} teachers and {len(self.by_language)} lists of languages: give one each")
        if twice := [lang for lang, times in Counter(chain(*self.by_language)).items() if times > 1]:
            raise ValueError(f"two teachers are asked in {', '.join(twice)}; give each language one teacher")
        for teacher in self.teachers:
            if "dense" not in teacher.gives:
                raise ValueError(f"a mixture is made of all logits, and {teacher.name()} gives {sorted(teacher.gives)}")
        return self

    @property
    def routes(self) -> dict[str, int]:
        """The place of the teacher that is asked in each language."""
        return {lang: place for place, langs in enumerate(self.by_language) for lang in langs}

    @property
    def gives(self) -> frozenset[Form]:
        return DENSE

    @property
    def lives(self) -> bool:
        return all(teacher.lives for teacher in self.teachers)

    def open(self, student: "Student", wants: Wants) -> OpenTeacher:
        return OpenSeveral(self, [teacher.open(student, wants) for teacher in self.teachers])

    def check(self, student: "Engine", wants: Wants) -> None:
        for teacher in self.teachers:
            teacher.check(student, wants)


class OpenSeveral(OpenTeacher):
    """The teachers, ready to be asked."""

    def __init__(self, settings: Several, teachers: list[OpenTeacher]):
        self.settings, self.teachers = settings, teachers

    @property
    def sizes(self) -> Sizes:
        return self.teachers[0].sizes._replace(vocabulary=min(teacher.sizes.vocabulary for teacher in self.teachers))

    def state(self) -> "tuple[State, ...]":
        from ..state import State

        found = [part for teacher in self.teachers for part in teacher.state()]
        return (State.of(found),) if found else ()

    def close(self) -> None:
        super().close()
        for teacher in self.teachers:
            teacher.close()

    def prepare(self, batches: "Iterable[Batch]") -> None:
        batches, routes = list(batches), self.settings.routes
        unknown = {row.lang for batch in batches for row in batch.rows} - routes.keys() if routes else ()
        if unknown:
            raise ValueError(
                f"rows learn {', '.join(sorted(unknown))}, and by_language has a teacher for {', '.join(sorted(routes))} alone"
            )
        for place, teacher in enumerate(self.teachers):
            teacher.prepare(self._asked(place, batches))

    def _asked(self, place: int, batches: "Iterable[Batch]") -> "Iterator[Batch]":
        """The rows that a teacher is asked of."""
        from ._mixture import asked_of

        for batch in batches:
            rows = asked_of(self.settings, batch)[:, place] > 0
            if rows.any():
                yield batch.only(rows)

    def say(self, batch: "Batch") -> TeacherSignal:
        from ._mixture import mixture

        return TeacherSignal(mixture(self.settings, self.teachers, batch))
