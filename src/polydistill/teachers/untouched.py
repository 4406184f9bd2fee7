"""The student as it was before training."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..engines import Sampling
from ..losses import Sizes
from ..signals import Dense, TeacherSignal, Wants
from . import OpenTeacher, Teacher

if TYPE_CHECKING:
    from torch import Tensor

    from ..batch import Batch
    from ..student import Student


class Untouched(Teacher):
    """The untouched model: a frozen copy or, where adapters are trained, the same weights with the adapters off.

    In evaluation mode, without gradient. A copy costs the memory of the weights once more, however many teachers are made of
    it; adapters cost none. Where layers are taken from the model before it is trained, this is the whole one.

    Paper: Li and Hoiem 2016, Learning without Forgetting, arXiv 1606.09282 (the untouched model as a teacher).
    Checked: against the untouched model's own logits while the student trains, with adapters bit for bit.
    """

    def open(self, student: "Student", wants: Wants) -> OpenTeacher:
        return OpenUntouched(student, wants)


class OpenUntouched(OpenTeacher):
    """The untouched model in memory."""

    def __init__(self, student: "Student", wants: Wants):
        from contextlib import nullcontext

        import torch

        from ..student import Student
        from ._frozen import frozen

        adapted = student.model is not student.base and not student.whole
        self.wants = wants
        self.student = Student(student.model, student.ends, student.template) if adapted else frozen(student)
        self._without_adapters = student.model.disable_adapter if adapted else nullcontext
        # An adapter stands in the layer's place, with the layer in it. To switch those of all layers takes far longer than a
        # head that has none, and is done for each part of the positions.
        plain = next(self.student.base.get_output_embeddings().children(), None) is None
        self._head_as_it_was = torch.no_grad if plain else self._as_it_was

    @property
    def sizes(self) -> Sizes:
        return self.student.sizes

    def say(self, batch: "Batch") -> TeacherSignal:
        with self._as_it_was():
            said = self.student.says(batch, self.wants)
        return said._replace(dense=Dense(said.dense.states, self.head))

    def write(self, prompts: Sequence[Sequence[int]], sampling: Sampling, seeds: Sequence[int]) -> list[list[int]]:
        with self._as_it_was():
            return self.student.write(prompts, sampling, seeds)

    def head(self, states: "Tensor") -> "Tensor":
        with self._head_as_it_was():
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
