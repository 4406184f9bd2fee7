"""One answer is better than another, and the better one is learned."""

from typing import TYPE_CHECKING, Self

from pydantic import Field, NonNegativeFloat, model_validator

from ..component import Positive
from ..signals import Wants
from ..teachers import Teacher
from . import Objective, Taught

if TYPE_CHECKING:
    from torch import Tensor

    from ..batch import Batch, Tokens
    from ..state import State
    from ..student import Student


class Preferred(Objective):
    """-log sigmoid(beta ((log q(w) - log p(w)) - (log q(l) - log p(l)))) a pair, and lambda times -log q(w) a token of w.

    w is the answer that is preferred and l the other one, after the same prompt; q the student and p ``reference``, each
    log-probability summed over an answer's tokens. Where student and reference agree, the first part is log 2. The first part
    is a mean over pairs, the second one over the tokens of all rows. Rows without a second answer have the second part alone.

    Paper: Rafailov et al. 2023, arXiv 2305.18290, equation 7 (the first part); arXiv 2410.08964 (both, for the gap between
    languages).
    Departs: the weight of the second part in the latter paper was not at hand.
    Checked: by hand from log-likelihoods of full logits; log 2 where the two agree.
    """

    beta: Positive = 0.1
    """How far from the reference the student may go: the smaller, the farther."""
    chosen: NonNegativeFloat = 1.0
    """lambda, what a nat of the preferred answer counts against a nat of the preference."""
    reference: Teacher = Field(default="untouched", validate_default=True)
    """p."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if "dense" not in self.reference.gives:
            raise ValueError(f"a preference needs all logits of the reference, and {self.reference.name()} does not give them")
        return self

    @property
    def parts(self) -> tuple[str, ...]:
        return ("preferred", "chosen")

    def asks(self) -> dict[Teacher, Wants]:
        return {self.reference: Wants(tokens=True)}

    def counts(self, row: "Tokens") -> dict[str, float]:
        return {"preferred": float(row.rejected is not None), "chosen": float(row.learned)}

    def __call__(
        self, student: "Student", taught: Taught, batch: "Batch", progress: float, state: "State"
    ) -> "dict[str, Tensor]":
        from torch.nn.functional import logsigmoid

        reference = taught[self.reference]
        chosen = batch.by_row(log_likelihoods(student, batch))
        preferred = chosen * 0
        paired = batch.paired()
        if paired.any():
            better, worse = batch.only(paired), batch.only(paired).as_rejected()
            gain_w = chosen[paired] - better.by_row(reference.say(better).dense.log_likelihoods(better.targets))
            of_worse = log_likelihoods(student, worse) - reference.say(worse).dense.log_likelihoods(worse.targets)
            gain_l = worse.by_row(of_worse)
            preferred = preferred.index_put((paired,), -logsigmoid(self.beta * (gain_w - gain_l)))
        return {"preferred": preferred, "chosen": -self.chosen * chosen}


def log_likelihoods(student: "Student", batch: "Batch") -> "Tensor":
    """(answer tokens,) in nats, with the student's gradient."""
    from ..chunks import over_chunks
    from ..student import log_likelihood

    return over_chunks(
        lambda states, targets: log_likelihood(student.head(states), targets), student.states(batch), batch.targets,
        most=student.positions_at_a_time, parameters=student.head_parameters,
    )  # fmt: skip
