"""Answers that are written while a student trains."""

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from ..engines import Sampling
from ..records import seed_of

if TYPE_CHECKING:
    from ..batch import Tokens


class Writer(Protocol):
    """A student, or a teacher that gives text."""

    def write(self, prompts: Sequence[Sequence[int]], sampling: Sampling, seeds: Sequence[int]) -> list[list[int]]:
        """An answer of tokens to each prompt."""


def written(
    writer: Writer, rows: "Sequence[Tokens]", share: float, sampling: Sampling, progress: float, side_by_side: int
) -> "list[Tokens]":
    """The rows, a share of them with an answer of the writer's as `Tokens.written`; the others keep their own.

    Which rows, and what is drawn for each, follows from the seed, the row's id and the time of the run alone. Plain text
    has no question to be answered and stays.
    """
    drawn = [
        place for place, row in enumerate(rows)
        if row.prompt > 1 and random.Random(seed_of(sampling.seed, "drawn", row.id, progress)).random() < share
    ]  # fmt: skip
    drawn.sort(key=lambda place: rows[place].prompt)
    answers: dict[int, list[int]] = {}
    for start in range(0, len(drawn), side_by_side):
        some = drawn[start : start + side_by_side]
        seeds = [seed_of(sampling.seed, "written", rows[place].id, progress) for place in some]
        prompts = [rows[place].ids[: rows[place].prompt] for place in some]
        answers |= dict(zip(some, writer.write(prompts, sampling, seeds), strict=True))
    return [row._replace(written=row.answered(answers[place]) if place in answers else None) for place, row in enumerate(rows)]
