"""A teacher's signals on disk."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from ..component import Beside, Count, Positive, identity
from ..signals import Form, Wants
from . import OpenTeacher, Teacher

if TYPE_CHECKING:
    from ..engines import Engine
    from ..student import Student

OF = {"top_k": ("k",), "sampled": ("n", "temperature", "seed"), "states": ()}
"""The settings of each thing that can be kept."""


class Cached(Teacher):
    """What ``teacher`` says of each row, asked once before the first step and kept on disk; then the teacher is let go.

    What is there already is not asked again, and where nothing is missing the teacher is not loaded at all, but where layers
    were taken from the student's model: to know whose signals they are, the whole one is looked at. ``keeps``:

    - ``top_k``: the k likeliest tokens with their log-probabilities, and how much remains. What a loss does with the rest is
      its own; taken as if it were the whole, it is a biased estimate.
    - ``sampled``: n draws v_i from r = p^(1/T) / sum_u p_u^(1/T), T ``temperature``; each weighs w_i = p(v_i) / (n r(v_i)), so
      that the mean of sum_i w_i f(v_i) is sum_v p_v f(v) for any f. At T = 1 a token weighs how often it was drawn / n.
    - ``states``: the last hidden states; the head's weights are kept beside them, and logits of all tokens are made again.

    Hidden states of layers are kept in any case where they are asked for. Relations and text are not. A row is known by
    its token ids, by the teacher's weights and by the student's tokenizer and template, never by when it was seen.
    `docs/teacher_cache.md` has the bytes a token.

    Paper: Anshumann et al. 2025, arXiv 2503.16870 (random sampling of logits is unbiased, likeliest tokens alone are not).
    Departs: weights are not divided by their sum, which would be biased where T is not 1; the paper's text was not at hand.
    Checked: against the live teacher; draws against the distribution over many seeds.
    """

    teacher: Teacher | None = Field(default="untouched", validate_default=True)
    """Who is asked of what is missing; without one, everything must be in ``folder``."""
    keeps: Literal["top_k", "sampled", "states"] = "top_k"
    """What is kept of the next token."""
    k: Count = 64
    """For top_k: how many tokens."""
    n: Annotated[int, Field(ge=1, le=65535)] = 50
    """For sampled: how many draws."""
    temperature: Positive = 1.0
    """For sampled: above 1, likely tokens are drawn less often and weigh more."""
    seed: int = 0
    """For sampled: with the row it decides the draws."""
    dtype: Literal["float16", "bfloat16"] = "float16"
    """What states are kept in, the last ones and those of layers; float16 is finer, bfloat16 holds larger ones."""
    folder: Beside[Path | None] = None
    """Where; in the runs' folder without it."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        given = dict(self)
        for keeps, names in OF.items():
            for name in names:
                if keeps != self.keeps and given[name] != type(self).model_fields[name].default:
                    raise ValueError(f"{name} is for keeps={keeps}, and keeps is {self.keeps}")
        if self.teacher is None:
            if self.folder is None:
                raise ValueError("without a teacher give the folder that holds what one said")
            return self
        if not self.teacher.stays:
            raise ValueError(f"{self.teacher.name()} changes while the student trains; what it said before is not what it says")
        if not self.teacher.gives & ({"dense", "top_k"} if self.keeps == "top_k" else {"dense"}):
            raise ValueError(
                f"keeps={self.keeps} is made of all logits, and {self.teacher.name()} gives "
                f"{', '.join(sorted(self.teacher.gives))}"
            )
        return self

    @property
    def gives(self) -> frozenset[Form]:
        form: Form = "dense" if self.keeps == "states" else self.keeps
        return frozenset({form, "hidden"}) & ((self.teacher.gives | {form}) if self.teacher else {form, "hidden"})

    @property
    def lives(self) -> bool:
        return False

    def identity(self) -> Any:
        """Without a teacher, the one of whom the folder holds what it said."""
        found: dict[str, Any] = super().identity()
        return found if self.teacher else {**found, self.name(): {**found[self.name()], "teacher": self._stated()["teacher"]}}

    def whose(self, student: "Student") -> dict[str, Any]:
        """What decides what is said: the teacher, the student where it is made of it, its tokenizer and template."""
        from ._whose import template_of, weights_of

        teacher = identity(self.teacher) if self.teacher else self._stated()["teacher"]
        of_student = self.teacher.of_student if self.teacher else self._stated()["student"] is not None
        own = weights_of(student) if of_student else None
        return {"teacher": teacher, "student": own, **template_of(student), "vocabulary": student.sizes.vocabulary}

    def _stated(self) -> dict[str, Any]:
        from ..storage.signal_cache import about

        assert self.folder is not None
        stated = about(self.folder)
        if stated is None:
            raise FileNotFoundError(f"{self.folder} holds no signals of a teacher; with cached.teacher they are captured there")
        return stated

    def check(self, student: "Engine", wants: Wants) -> None:
        if wants.relations:
            raise ValueError("attention of a teacher is too large to be kept: take it live, or hidden states in its place")
        if self.keeps != "states" and not wants.hidden and self.dtype != type(self).model_fields["dtype"].default:
            raise ValueError(f"dtype is for hidden states; keeps is {self.keeps}, and no objective asks for those of layers")
        if self.teacher:
            self.teacher.check(student, wants)
        else:
            self._stated()

    def open(self, student: "Student", wants: Wants) -> OpenTeacher:
        from ._kept import OpenCached

        teacher = self.teacher
        return OpenCached(self, student, wants, teacher and (lambda: teacher.open(student, wants)))
