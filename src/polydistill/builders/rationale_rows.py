"""The answer, and what leads to it, as two tasks."""

from collections.abc import Iterable, Iterator

from pydantic import NonNegativeFloat

from ..rationales import parted
from ..records import Row
from . import TrainingBuilder, by_question, crossed


class RationaleRows(TrainingBuilder):
    """x^t answered with y'^t, and x^t with an instruction to explain answered with r: the label and the rationale.

    x^t is the translated question, y'^t the translated answer, and r the model's answer in the rich language, where it
    reasons best; without its last words where these are "So the answer is ..." (`rationales.parted`). The instruction stands
    in the question's language and is one of several paraphrases, drawn from the row's id; a question without it is the
    label's, as it will be asked once the model is trained.

    Paper: Hsieh et al. 2023, Distilling Step-by-Step, arXiv 2305.02301, section 3.2.
    Departs: the label's question has no prefix; rationale and label are one answer in two languages, not two parts of one.
    """

    label: NonNegativeFloat = 0.5
    """Share of the training tokens that are questions and answers."""
    rationale: NonNegativeFloat = 0.5
    """Share of the training tokens that are questions and rationales."""

    def shares(self) -> dict[str, float]:
        return {"label": self.label, "rationale": self.rationale}

    def __call__(self, rows: Iterable[Row]) -> Iterator[Row]:
        for first, *others in by_question(rows):
            reply = first.payload.answer
            why, _ = parted(reply.text)
            reasons = first.but(payload=first.payload.answered(why, reply.lang, first.payload.ended))
            for other in others:
                if self.label:
                    yield other.but(lineage={"builder": "label"})
                if self.rationale and why:
                    yield crossed(other, reasons, "rationale", "explain_in")
