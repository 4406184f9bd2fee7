"""An objective on the student's own answers, corrected once by a teacher."""

from typing import TYPE_CHECKING, Self

from pydantic import Field, model_validator

from ..losses import LogitsLoss
from ..records import seed_of
from ..signals import TeacherSignal, Wants
from ..teachers import Teacher
from . import OnWritten, Taught, both, token_losses
from ._writing import written

if TYPE_CHECKING:
    from ..batch import Batch, Tokens
    from ..state import State
    from ..student import Student

LEAST = 1e-6
"""Nats: closer than this the two agree, whatever was drawn."""


class CorrectedText(OnWritten):
    """L(q, y'), y' the student's answer y up to its worst token, the teacher's token there, and what the student goes on with.

    The worst token is, of those for which the teacher's likeliest token is another one, the one with the largest D(p_t, q_t).
    Where there is none, and where teacher and student say the same, y stays as it is. A row costs one reading by each model
    and two times writing at most. A ``share`` of the rows is rewritten; the others keep their own answers.

    Paper: Multi-Granularity Semantic Revision 2024, arXiv 2407.10068 (sequence correction and re-generation).
    Departs: what is done where no token differs is not stated there; the paper's text was not at hand.
    Checked: with the student for its own teacher every answer stays; one token is changed and what stands before it is kept.
    """

    teacher: Teacher = Field(default="untouched", validate_default=True)
    """Who corrects."""
    loss: LogitsLoss = Field(default="forward_kl", validate_default=True)
    """D, by which a token is worse than another; what it learns stays as it begins."""

    @model_validator(mode="after")
    def _can_correct(self) -> Self:
        if "dense" not in self.teacher.gives or not self.teacher.lives:
            raise ValueError(
                f"a correction needs all logits of the teacher, and {self.teacher.name()} does not give them of new text"
            )
        return self

    def asks(self) -> dict[Teacher, Wants]:
        return both(self.objective.asks(), {self.teacher: Wants(tokens=True)})

    def start(self, student: "Student", taught: Taught) -> "State":
        from ..state import State

        judge = State.of(self.loss.start(student.sizes, taught[self.teacher].sizes))
        return State.of([self.objective.start(student, taught), judge])

    def rewritten(
        self, student: "Student", taught: Taught, rows: "list[Tokens]", progress: float, state: "State"
    ) -> "list[Tokens]":
        import torch

        from ..batch import padded

        rows = written(student, rows, self.share, self.sampling, progress, self.side_by_side)
        worse: dict[int, list[int]] = {}
        drawn = [place for place, row in enumerate(rows) if row.written and row.written.learned]
        for start in range(0, len(drawn), self.side_by_side):
            some = drawn[start : start + self.side_by_side]
            batch = padded([rows[place].written for place in some]).to(student.device)
            with torch.no_grad():
                found = self.worst(student, taught[self.teacher].say(batch), batch, state.parts[1].parts)
            for place, (at, token) in zip(some, found, strict=True):
                if at is not None:
                    own = rows[place].written.ids
                    worse[place] = [*own[: rows[place].prompt + at], token]
        most = self.sampling.max_tokens
        room = {place: rows[place].prompt + most - len(ids) for place, ids in worse.items() if ids[-1] not in student.ends}
        going_on = [place for place, left in room.items() if left > 0]
        for start in range(0, len(going_on), self.side_by_side):
            some = going_on[start : start + self.side_by_side]
            sampling = self.sampling.model_copy(update={"max_tokens": max(room[place] for place in some)})
            seeds = [seed_of(self.sampling.seed, "corrected", rows[place].id, progress) for place in some]
            answers = student.write([worse[place] for place in some], sampling, seeds)
            for place, answer in zip(some, answers, strict=True):
                worse[place] += answer[: room[place]]
        return [
            row._replace(written=row.answered(worse[place][row.prompt :])) if place in worse else row
            for place, row in enumerate(rows)
        ]

    def worst(
        self, student: "Student", said: "TeacherSignal", batch: "Batch", learned: "tuple[State, ...]"
    ) -> "list[tuple[int | None, int]]":
        """(place in the answer of the token to be corrected or None, the teacher's token there) of each row."""
        import torch

        states, most = student.states(batch), student.positions_at_a_time
        distances = token_losses(self.loss, student, states, said, learned)
        likeliest = torch.cat([said.dense.head(some).argmax(-1) for some in said.dense.states.split(most)])
        distances = torch.where((likeliest != batch.targets) & (distances > LEAST), distances, 0)
        found: list[tuple[int | None, int]] = []
        lengths = batch.answers.sum(1).tolist()
        for own, tokens in zip(distances.split(lengths), likeliest.split(lengths), strict=True):
            at = int(own.argmax())
            found.append((at if own[at] else None, int(tokens[at])))
        return found
