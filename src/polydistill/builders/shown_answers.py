"""Target-language rows of which a teacher is shown the rich language's question and answer as well."""

from collections.abc import Iterable, Iterator

from pydantic import NonNegativeFloat

from ..records import Row
from . import TrainingBuilder, by_question


class ShownAnswers(TrainingBuilder):
    """(x^t, y'^t) for the student; for a teacher that is shown more, x and y' stand before it as turns of the same chat.

    x is the rich question, y' the model's answer to it, x^t and y'^t their translations. The student reads x^t alone. What is
    learned is y'^t, or what an objective puts in its place, such as the student's own answer. What is shown costs no tokens
    of the mixture.

    Paper: Liu et al. 2026, arXiv 2605.09548 (the problem's translation and its solution are the teacher's alone).
    Departs: the solution is the model's own answer, not a reference; the paper's prompt was not at hand.
    """

    share: NonNegativeFloat = 1.0
    """Share of the training tokens."""

    def shares(self) -> dict[str, float]:
        return {"shown": self.share}

    def __call__(self, rows: Iterable[Row]) -> Iterator[Row]:
        for first, *others in by_question(rows):
            shown = tuple(turn for turn in first.payload.turns if turn.role != "system")
            for other in others:
                payload = other.payload.model_copy(update={"shown": shown})
                yield other.but(id=f"{other.id}-shown", payload=payload, lineage={"builder": "shown"})
