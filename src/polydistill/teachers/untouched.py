"""The student as it was before training."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from . import OpenTeacher, Teacher, TeacherSignal

if TYPE_CHECKING:
    from torch import Tensor

    from ..student import Batch, Student


class Untouched(Teacher):
    """The untouched model: a frozen copy or, where adapters are trained, the same weights with the adapters off.

    In evaluation mode, without gradient. A copy costs the memory of the weights once more, adapters cost none.

    Paper: Li and Hoiem 2016, Learning without Forgetting, arXiv 1606.09282 (the untouched model as a teacher).
    Checked: against the untouched model's own logits while the student trains, with adapters bit for bit.
    """

    def open(self, student: "Student") -> OpenTeacher:
        return OpenUntouched(student)


class OpenUntouched(OpenTeacher):
    """The untouched model in memory."""

    def __init__(self, student: "Student"):
        import copy
        from contextlib import nullcontext

        from ..student import Student

        adapted = student.model is not student.base
        self.student = Student(student.model if adapted else copy.deepcopy(student.model).requires_grad_(False))
        self._without_adapters = student.model.disable_adapter if adapted else nullcontext

    def signal(self, batch: "Batch") -> TeacherSignal:
        with self._as_it_was():
            return TeacherSignal(self.student.states(batch), self.head)

    def head(self, states: "Tensor") -> "Tensor":
        with self._as_it_was():
            return self.student.head(states)

    @contextmanager
    def _as_it_was(self) -> Iterator[None]:
        import torch

        model = self.student.model
        was_training = model.training
        model.eval()
        try:
            with torch.no_grad(), self._without_adapters():
                yield
        finally:
            model.train(was_training)
