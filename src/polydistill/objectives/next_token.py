"""Cross-entropy of the next token, on answers only."""

from typing import TYPE_CHECKING

from . import Objective, Taught

if TYPE_CHECKING:
    from torch import Tensor

    from ..batch import Batch
    from ..state import State
    from ..student import Student


class NextToken(Objective):
    """L = -sum_t log q(a_t | prompt, a_<t), over the tokens of the answer and the end of its turn.

    Zero where every answer is certain. In float32 at least, whatever the student computes in.

    Paper: Zhang et al. 2024, SDRRL, arXiv 2402.12204 (trained on the union of all rows).
    Checked: against torch's cross_entropy over full logits.
    """

    def __call__(
        self, student: "Student", taught: Taught, batch: "Batch", progress: float, state: "State"
    ) -> "dict[str, Tensor]":
        from ..student import log_likelihood

        return {"next_token": batch.by_row(-log_likelihood(student(batch), batch.targets))}
