"""A student that has moved away from its teachers, and what an objective makes of some rows."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch

from polydistill.batch import Batch, Tokens, padded
from polydistill.models import load_model
from polydistill.objectives import Objective, Taught
from polydistill.state import State
from polydistill.student import Student

PROGRESS = 0.4
ENDS = (257, 256)


class Lesson(NamedTuple):
    """An objective that has begun."""

    objective: Objective
    student: Student
    taught: Taught
    state: State

    def rows(self, rows: Sequence[Tokens]) -> list[Tokens]:
        return self.objective.rewritten(self.student, self.taught, list(rows), PROGRESS, self.state)

    def parts(self, batch: Batch, progress: float = PROGRESS) -> dict[str, torch.Tensor]:
        return self.objective(self.student, self.taught, batch, progress, self.state)

    def gradients(self, rows: Sequence[Tokens], progress: float = PROGRESS) -> dict[str, torch.Tensor]:
        """Of the sum of all parts, as they are, for every trained weight."""
        self.student.zero_grad()
        sum(part.sum() for part in self.parts(padded(self.rows(rows)), progress).values()).backward()
        return {name: p.grad.clone() for name, p in self.student.named_parameters() if p.grad is not None}


def student_in(folder: Path) -> Student:
    return Student(load_model(folder, "float64", "cpu"), ENDS).train()


def lesson(objective: Objective, folder: Path, moved: float = 0.05) -> Lesson:
    """The student has ``moved`` since its teachers were opened."""
    student = student_in(folder)
    taught = {teacher: teacher.open(student, wants) for teacher, wants in objective.asks().items()}
    state = objective.start(student, taught)
    torch.manual_seed(0)
    with torch.no_grad():
        for weight in student.parameters():
            weight += moved * torch.randn_like(weight)
    return Lesson(objective, student, taught, state)


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    """Whether gradients agree but for low bits; the model's norms compute in float32."""
    return one.keys() == other.keys() and all(
        torch.allclose(gradient, other[name], rtol=1e-6, atol=1e-7) for name, gradient in one.items()
    )


def logits_of(folder: Path, row: Tokens, model: torch.nn.Module | None = None) -> list[list[float]]:
    """What a model says at each token of the answer, row by itself, in plain floats."""
    model = model or load_model(folder, "float64", "cpu")
    with torch.no_grad():
        found = model(input_ids=torch.tensor([row.ids])).logits[0]
    return found[max(row.prompt, 1) - 1 : -1].tolist()
