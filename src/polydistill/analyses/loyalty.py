"""How far a student says what its teacher says."""

from pathlib import Path
from typing import Any

from ..component import Count
from ..engines import Engine
from . import Analysis, Table


class Loyalty(Analysis):
    """The share of tokens that both find the likeliest (label loyalty), and the mean of 1 - sqrt(JS) (probability loyalty).

    JS is the Jensen-Shannon divergence of what the two say of the next token, in bits, so both lie in [0, 1]: 1 where they say
    the same, 0 where nothing is possible to both. Over every token of the answers to held-out questions, as they stand in the
    run; the errors are over answers. The student is the one that the run has chosen.

    Paper: Xu et al. 2021, arXiv 2109.03228 (both loyalties).
    Departs: of tokens in place of labels, and in bits, where in nats two that share nothing would be at 0.1674. The paper's
    text was not at hand.
    Checked: by hand on two tokens; against scipy's distance, which is a root already: taking it twice makes 0.661 of 0.885.
    """

    teacher: Engine | None = None
    """Whom it should agree with; without one, the untouched model or, in further rounds, the student of the one before."""
    answers: Count = 60
    """How many a language."""

    def __call__(self, run: Path) -> Table:
        from ..evaluators import ratio
        from ._distances import probability_loyalty, same_label
        from ._models import answers, began_as, compared, of_engine, reading

        held = answers(run, self.answers)
        folder = run / "choose" / "model"
        if not folder.is_dir():
            raise ValueError(f"{run} has no chosen student yet; finish it with: polydistill run {run}")
        rows: list[dict[str, Any]] = []
        measures, untouched = (same_label, probability_loyalty), held.plan.model
        with (
            reading(held, folder, None, untouched.computes_in) as student,
            of_engine(held, self.teacher or began_as(run, held.plan)) as teacher,
        ):
            for lang, some in held.rows.items():
                tokens = [row.learned for row in some]
                label, probability = (ratio(sums, tokens) for sums in compared(student, teacher, some, *measures))
                rows.append({
                    "language": str(lang), "answers": len(some), "tokens": sum(tokens), "label": label[0],
                    "label_error": label[1], "probability": probability[0], "probability_error": probability[1],
                })  # fmt: skip
        return Table(COLUMNS, rows, "\n".join(
            f"in {row['language']} the student finds the teacher's own token the likeliest in {row['label']:.1%} of cases"
            for row in rows
        ))  # fmt: skip


COLUMNS = {
    "language": "ISO 639-3",
    "answers": "how many",
    "tokens": "of these answers",
    "label": "label loyalty, a share of the tokens",
    "label_error": "its standard error",
    "probability": "probability loyalty, from 0 to 1",
    "probability_error": "its standard error",
}
