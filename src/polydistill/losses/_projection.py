"""What takes a student's hidden states to its teacher's width."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from ..state import State

if TYPE_CHECKING:
    from ..shapes import Hidden, OtherHidden

ENOUGH = 8
"""How many positions a fit looks at for each number of a student's hidden state."""


class Projection(State):
    """x W, a linear map from the student's width to the teacher's; at first it leaves x as it is, cut or filled up with 0."""

    def __init__(self, student: int, teacher: int, trained: bool):
        super().__init__()
        self.weight = nn.Parameter(torch.eye(student, teacher), requires_grad=trained)

    def forward(self, states: "Hidden") -> "OtherHidden":
        with torch.autocast(states.device.type, enabled=False):
            return states @ self.weight.to(states.dtype)

    @torch.no_grad()
    def fit(self, pairs: Iterable[tuple[Tensor, Tensor]]) -> None:
        """W becomes argmin |X W - Y|^2 over the student's states X and the teacher's Y; in directions that X lacks it stays.

        No more pairs are asked for than are `ENOUGH`.
        """
        weight = self.weight.double().cpu()
        of_student = torch.zeros(len(weight), len(weight), dtype=torch.double)
        missing, positions = torch.zeros_like(weight), 0
        for student, teacher in pairs:
            x, y = student.double().cpu(), teacher.double().cpu()
            of_student += x.T @ x
            missing += x.T @ (y - x @ weight)
            positions += len(x)
            if positions >= ENOUGH * len(weight):
                break
        self.weight.copy_(weight + torch.linalg.pinv(of_student, hermitian=True) @ missing)


def side_by_side(student: "Hidden", teacher: "OtherHidden", *learned: State) -> "tuple[OtherHidden, OtherHidden]":
    """Both sides in float32 at least, the student's through its projection where there is one."""
    wide = torch.promote_types(torch.promote_types(student.dtype, teacher.dtype), torch.float32)
    student, teacher = student.to(wide), teacher.to(wide)
    for projection in learned:
        student = projection(student)
    return student, teacher
