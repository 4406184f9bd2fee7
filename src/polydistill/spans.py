"""What two models with different tokenizers say of the same text, span by span."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from . import chunks, progress
from .alignment import Aligned, NotAligned, TokenBytes, aligned, outcomes
from .batch import Tokens
from .chunks import over_chunks
from .losses import LogitsLoss, log_softmax
from .signals import Spans
from .student import log_likelihood
from .template import Template

if TYPE_CHECKING:
    from .shapes import Logits, PerToken
    from .state import State
    from .student import Student

LEAST = -80.0
"""The smallest log-probability of "anything else", in nats: nothing is infinite where there is nothing else to say."""


class Numbered(NamedTuple):
    """The spans of a batch, numbered through all its rows; see `signals.Spans`."""

    rows: list[Tokens]
    """As the teacher reads them."""
    own: list[int]
    of: list[int]
    alike: list[bool]


class Sides(NamedTuple):
    """The student's tokenizer and the teacher's."""

    student: TokenBytes
    teacher: TokenBytes
    outcomes: tuple[list[int], list[int]]
    """See `Spans.outcomes`."""
    widths: tuple[int, int]

    @classmethod
    def of(cls, student: Template, teacher: Template, widths: tuple[int, int]) -> "Sides":
        """With two templates, and how many logits the student has and the teacher.

        Raises:
            ValueError: the bytes of a tokenizer's tokens are not known.
        """
        ours, theirs = TokenBytes(student), TokenBytes(teacher)
        return cls(ours, theirs, outcomes(ours, theirs, widths), widths)

    def try_all(self, rows: Iterable[Tokens]) -> None:
        """Says how many of the rows are left out because they cannot be aligned, and why the first of them.

        Raises:
            ValueError: all of them.
        """
        count, faults = 0, []
        for row in rows:
            count += 1
            if isinstance(one := self._aligned(row), NotAligned):
                faults.append(str(one))
        if faults and len(faults) == count:
            raise ValueError(f"none of {count} rows can be compared with the teacher: {faults[0]}")
        if faults:
            progress.say(f"teacher: {len(faults)} of {count} rows are left out of what it says: {faults[0]}")

    def _aligned(self, row: Tokens) -> Aligned | NotAligned:
        try:
            return aligned(row, self.student, self.teacher)
        except NotAligned as fault:
            return fault

    def numbered(self, rows: Iterable[Tokens]) -> Numbered:
        """The spans of a batch; a row that cannot be aligned has none."""
        found = Numbered([], [], [], [])
        for row in rows:
            one = self._aligned(row)
            if isinstance(one, NotAligned):
                found.own.extend([-1] * row.learned)
                continue
            first = len(found.alike)
            found.own.extend(first + span for span in one.own)
            found.of.extend(first + span for span in one.of)
            found.alike.extend(one.alike)
            found.rows.append(one.tokens)
        return found


def span_losses(
    loss: LogitsLoss, student: "Student", states: Tensor, said: Spans, learned: "tuple[State, ...]" = ()
) -> "PerToken":
    """(answer tokens,) ``loss`` between what the student and a teacher with another tokenizer say, at each span's last token.

    A span of one token on either side, of equal bytes: between their distributions over the tokens that both can name, and
    "anything else". Any other span: between their probabilities of just its tokens, the product of each one's, and "anything
    else".

    Each is an exact coarse-graining of the model's own distribution over its next tokens. So where the two have one
    vocabulary, and ``loss`` is a divergence that telling less apart never raises (Kullback-Leibler either way, Jensen-Shannon,
    total variation; without temperature), it is a lower bound of the one between the whole distributions, and equal to it
    where both can name every token. Which of the tokens that one side alone can name comes next, it does not ask.
    """
    parameters = [*student.head_parameters, *(p for module in learned for p in module.parameters())]
    most = chunks.at_a_time(max(said.widths))

    def one(own: Tensor, theirs: Tensor) -> "PerToken":
        return loss(coarse(student.head(own), said.outcomes[0]), coarse(said.head(theirs), said.outcomes[1]), *learned)

    def likelihoods(head: Callable[[Tensor], Tensor], some: Tensor, targets: Tensor, spans: Tensor) -> Tensor:
        each = over_chunks(
            lambda some, targets: log_likelihood(head(some), targets), some, targets, most=most, parameters=parameters
        )
        return each.new_zeros(len(said.alike)).index_add(0, spans, each)

    # Tokens of rows that are not aligned have the span -1: there is nothing.
    alike, several = (torch.cat([some, some.new_zeros(1)])[said.own] for some in (said.alike, ~said.alike))
    theirs = said.alike[said.of]
    values = over_chunks(one, states[alike], said.states[theirs], most=most, parameters=parameters)
    found = values.new_zeros(len(states)).index_put((alike.nonzero()[:, 0],), values)
    if bool(said.alike.all()):
        return found
    log_q = likelihoods(student.head, states[several], said.own_targets[several], said.own[several])
    with torch.no_grad():
        log_p = likelihoods(said.head, said.states[~theirs], said.targets[~theirs], said.of[~theirs])
    q, p = (with_the_rest(log[~said.alike]) for log in (log_q, log_p))
    values = loss(q, p, *learned)
    last = several & (said.own != torch.cat([said.own[1:], said.own.new_full((1,), -2)]))
    return found.index_put((last.nonzero()[:, 0],), values.to(found.dtype))


def coarse(logits: "Logits", ids: Tensor) -> "Logits":
    """Log-probabilities of these tokens, in their order, and of all others together."""
    log_p = log_softmax(logits)
    if len(ids) == log_p.shape[1]:
        rest = log_p.new_full((len(log_p),), LEAST)
    else:
        rest = log_p.index_fill(1, ids, -torch.inf).logsumexp(1).clamp(min=LEAST)
    return torch.cat([log_p[:, ids], rest[:, None]], 1)


def with_the_rest(log_p: Tensor) -> "Logits":
    """(spans, 2) log-probabilities of what has probability p, and of anything else."""
    rest = (-torch.expm1(log_p)).clamp(min=torch.tensor(LEAST).exp().item()).log()
    return torch.stack([log_p, rest], 1)
