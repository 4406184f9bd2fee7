"""Two tasks learned side by side: answers, and what leads to them."""

from typing import TYPE_CHECKING

from pydantic import Field

from ..component import Fraction
from . import Around, Objective, Taught

if TYPE_CHECKING:
    from torch import Tensor

    from ..batch import Batch, Tokens
    from ..state import State
    from ..student import Student


TASKS = ("label", "rationale")


class TwoTasks(Around):
    """L = alpha L_label + (1 - alpha) L_rationale: ``objective`` on rows of two groups, each a mean over its own tokens.

    Rows of the group ``rationales`` are the second task, all others the first. At share 1 rationales teach nothing, and it is
    ``objective`` on the labels; at 0 labels teach nothing.

    Paper: Hsieh et al. 2023, arXiv 2305.02301, equation 4 (there L_label + lambda L_rationale; alpha as in the released code).
    Checked: against each group alone; at its ends.
    """

    objective: Objective = Field(default="next_token", validate_default=True)
    """What is minimised in both tasks."""
    share: Fraction = 0.5
    """alpha."""
    rationales: str = "rationale"
    """The group of rows that are rationales, as the mixture calls it."""

    @property
    def parts(self) -> tuple[str, ...]:
        return tuple(f"{task}_{part}" for task in TASKS for part in self.objective.parts)

    def task(self, row: "Tokens") -> str:
        """Which of the two a row belongs to."""
        return "rationale" if row.kind.partition(" ")[0] == self.rationales else "label"

    def start(self, student: "Student", taught: Taught) -> "State":
        from ..state import State

        names = {part: tuple(f"{task}_{part}" for task in TASKS) for part in self.objective.parts}
        return State.of([self.objective.start(student, taught)], [names])

    def counts(self, row: "Tokens") -> dict[str, float]:
        own = {f"{self.task(row)}_{part}": count for part, count in self.objective.counts(row).items()}
        return dict.fromkeys(self.parts, 0.0) | own

    def __call__(
        self, student: "Student", taught: Taught, batch: "Batch", progress: float, state: "State"
    ) -> "dict[str, Tensor]":
        import torch

        second = torch.tensor([self.task(row) == "rationale" for row in batch.rows], device=batch.device)
        parts = self.objective(student, taught, batch, progress, state.parts[0])
        first = {f"label_{part}": self.share * value.masked_fill(second, 0) for part, value in parts.items()}
        return first | {f"rationale_{part}": (1 - self.share) * value.masked_fill(~second, 0) for part, value in parts.items()}
