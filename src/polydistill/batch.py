"""Rows of tokens side by side, as models see them in training and scoring."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import torch
from torch import Tensor

if TYPE_CHECKING:
    from .records import Chat, Text


class Tokens(NamedTuple):
    """A row as it is trained on."""

    ids: list[int]
    prompt: int
    """How many of them are prompt."""
    rich: bool = False
    """Whether all that is learned of it is in the rich language."""
    kind: str = ""
    """Its group in the mixture and the language that is learned, such as ``target spa``."""
    id: str = ""
    """The row's id."""
    shown: Sequence[int] = ()
    """Another prompt, for a teacher that is shown more than the student; empty where there is none."""
    rejected: Self | None = None
    """The answer that is not preferred, after the same prompt."""
    written: Self | None = None
    """The same prompt with an answer that was written while training, where an objective asks for one."""
    payload: "Chat | Text | None" = None
    """The row's text, for a teacher with a tokenizer of its own; what is written while training is not in it."""

    @property
    def learned(self) -> int:
        """How many tokens are to be predicted: nothing predicts the first one."""
        return len(self.ids) - max(self.prompt, 1)

    @property
    def size(self) -> int:
        """Tokens of the longest of what a model may read of it: the longer prompt and the longest answer."""
        answers = (len(one.ids) - one.prompt for one in (self, self.rejected, self.written) if one)
        return max(self.prompt, len(self.shown)) + max(answers)

    @property
    def lang(self) -> str:
        """The language that is learned."""
        return self.kind.rpartition(" ")[2]

    def answered(self, answer: list[int]) -> Self:
        """The same prompt with another answer."""
        return self._replace(ids=[*self.ids[: self.prompt], *answer])

    @property
    def with_more_shown(self) -> Self:
        """The same answers after the prompt that a teacher is shown; itself where there is none."""
        if not self.shown:
            return self
        payload = self.payload.with_more_shown if self.payload and self.payload.type == "chat" else self.payload
        ids, rejected = [*self.shown, *self.ids[self.prompt :]], self.rejected and self.rejected.with_more_shown
        return self._replace(ids=ids, prompt=len(self.shown), payload=payload, rejected=rejected)


class Batch(NamedTuple):
    """Rows of tokens, padded on the right."""

    ids: Tensor
    """(rows, length) token ids."""
    attend: Tensor
    """(rows, length) 1 where there is a token, or (rows, 1, length, length) True where one token may see another."""
    answers: Tensor
    """(rows, length) True at the tokens that are to be predicted; never at the first one."""
    positions: Tensor | None = None
    """(rows, length) positions where they do not simply count up."""
    rows: tuple[Tokens, ...] = ()
    """What it was made of; known in training only."""

    @property
    def seen(self) -> Tensor:
        """(rows, length, length) True where a token may see another: itself and what is before it; padding sees nothing."""
        if self.attend.dim() == 4:
            return self.attend[:, 0]
        there = self.attend.bool()
        return (there[:, :, None] & there[:, None]).tril()

    @property
    def targets(self) -> Tensor:
        """(answer tokens,) the ids to be predicted, rows in order."""
        return self.ids[self.answers]

    @property
    def rich(self) -> Tensor:
        """(rows,) True where all that is learned of a row is in the rich language; known in training only."""
        return torch.tensor([row.rich for row in self.rows], dtype=torch.bool, device=self.ids.device)

    def only(self, rows: Tensor) -> "Batch":
        """Some of the rows, by a mask (rows,); as wide as before."""
        ids, attend, answers, positions = (t if t is None else t[rows] for t in self[:4])
        return Batch(ids, attend, answers, positions, tuple(row for row, one in zip(self.rows, rows, strict=True) if one))

    def by_row(self, values: Tensor) -> Tensor:
        """(rows,) the sum of each row's values, of which there is one for each of `targets`."""
        return torch.stack([row.sum() for row in values.split(self.answers.sum(1).tolist())])

    def to(self, device: Any) -> "Batch":
        moved = (t if t is None else t.to(device, non_blocking=True) for t in self[:4])
        return Batch(*moved, rows=self.rows)

    def as_written(self) -> "Batch":
        """The same rows with the answers that were written while training."""
        return padded([row.written or row for row in self.rows]).to(self.device)

    def paired(self) -> Tensor:
        """(rows,) True where a row has a second answer, which is not preferred."""
        return torch.tensor([row.rejected is not None for row in self.rows], dtype=torch.bool, device=self.device)

    def as_rejected(self) -> "Batch":
        """The same rows with their second answers; each must have one."""
        return padded([row.rejected for row in self.rows if row.rejected]).to(self.device)

    @property
    def device(self) -> torch.device:
        return self.ids.device


def padded(rows: Sequence[Tokens]) -> Batch:
    """Rows padded on the right to the longest."""
    shape = len(rows), max(len(row.ids) for row in rows)
    ids, attend = torch.zeros(shape, dtype=torch.long), torch.zeros(shape, dtype=torch.long)
    answers = torch.zeros(shape, dtype=torch.bool)
    for place, row in enumerate(rows):
        end = len(row.ids)
        ids[place, :end] = torch.tensor(row.ids)
        attend[place, :end] = 1
        answers[place, end - row.learned : end] = True
    return Batch(ids, attend, answers, rows=tuple(rows))


def micro_batches(rows: list[Tokens], most: int) -> Iterator[list[Tokens]]:
    """Rows of similar length, as many as fit into ``most`` padded tokens; a longer row goes alone."""
    some: list[Tokens] = []
    for row in sorted(rows, key=lambda row: row.size):
        if some and row.size * (len(some) + 1) > most:
            yield some
            some = []
        some.append(row)
    if some:
        yield some
