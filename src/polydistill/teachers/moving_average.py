"""The mean of the student's latest weights."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..component import Fraction
from ..engines import Sampling
from ..losses import Sizes
from ..signals import Dense, TeacherSignal, Wants
from . import OpenTeacher, Teacher

if TYPE_CHECKING:
    from ..batch import Batch
    from ..state import State
    from ..student import Student


class MovingAverage(Teacher):
    """theta_T <- d theta_T + (1 - d) theta_S after each step; theta_T begins as the student does, d is ``decay``.

    At 1 it stays what the student began as, at 0 it is the student as it was after the last step, between them a mean of the
    student's weights that looks back about 1 / (1 - d) steps. In evaluation mode, without gradient. It costs the memory of
    what is trained once more: all weights, or the adapters, whose factors are averaged one by one.

    On what the student itself reads it says at first what the student says, so that there is nothing to learn from it
    alone: beside another loss it holds the student back, and `shown_more` gives it something to say.

    Paper: Tarvainen and Valpola 2017, Mean teachers, arXiv 1703.01780, section 2.
    Departs: the decay is the same from the first step on; the paper's text was not at hand.
    Checked: by hand over three steps; a run that was stopped and goes on against one that was not, bit for bit.
    """

    decay: Fraction = 0.999
    """How much of the average stays at each step."""

    @property
    def stays(self) -> bool:
        return False

    def sizes_beside(self, whole: Sizes, student: Sizes) -> Sizes:
        return student

    def open(self, student: "Student", wants: Wants) -> OpenTeacher:
        return OpenMovingAverage(student, wants, self.decay)


class OpenMovingAverage(OpenTeacher):
    """The average in memory; it shares with the student what is not trained."""

    def __init__(self, student: "Student", wants: Wants, decay: float):
        import copy

        from ..student import Student
        from ._average import Average

        shared = {id(p): p for p in student.parameters() if not p.requires_grad}
        model = copy.deepcopy(student.model, shared).eval()
        self.average = Average(decay, [p for p in model.parameters() if p.requires_grad])
        self.wants, self.student = wants, Student(model.requires_grad_(False), student.ends, student.template)

    @property
    def sizes(self) -> Sizes:
        return self.student.sizes

    def state(self) -> "tuple[State, ...]":
        return (self.average,)

    def say(self, batch: "Batch") -> TeacherSignal:
        import torch

        with torch.no_grad():
            said = self.student.says(batch, self.wants)
        return said._replace(dense=Dense(said.dense.states, torch.no_grad()(self.student.head)))

    def write(self, prompts: Sequence[Sequence[int]], sampling: Sampling, seeds: Sequence[int]) -> list[list[int]]:
        return self.student.write(prompts, sampling, seeds)
