"""Evaluations of arms from scores by hand, kept in folders as a run keeps them."""

from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path

from tiny_rows import ENG, SPA
from tiny_scores import answered

from polydistill.comparison import ComparisonSettings
from polydistill.engines.transformers import Transformers
from polydistill.evaluate import Evaluation, Scores
from polydistill.evaluators import Score
from polydistill.records import Lang
from polydistill.retain import RetainSettings
from polydistill.served import Reloaded
from polydistill.stage import finish

Measured = Callable[..., Evaluation]


def settings(
    *arms: tuple[str, int], tokens: int = 1000, targets: Sequence[Lang] = (SPA,), retain: RetainSettings | None = None
) -> ComparisonSettings:  # fmt: skip
    """The arms with their seeds; ``plan`` leads."""
    return ComparisonSettings(
        arms=arms, says={name: "an arm" for name, _ in arms}, lead="plan", tokens=tokens, rich=ENG, targets=tuple(targets),
        retain=retain,
    )  # fmt: skip


def of_ten(right: int, name: str = "choice", lang: str = "spa") -> Score:
    """A share over ten items, so many of them right."""
    return answered(name, lang, [1.0] * right + [0.0] * (10 - right))


def measured_in(folder: Path) -> Measured:
    """Makes the evaluation of one training of an arm: the scores before, and those after."""
    made = count()

    def artifact(found: Sequence[Score]) -> Path:
        kept = folder / f"measure-{next(made)}"
        kept.mkdir()
        (kept / "scores.jsonl").write_text("".join(score.model_dump_json() + "\n" for score in found), "utf-8")
        finish(kept, {})
        return kept

    def evaluation(before: Sequence[Score], after: Sequence[Score]) -> Evaluation:
        scores = Scores(artifact(before)), Scores(artifact(after))
        return Evaluation(*scores, Transformers(path="m"), Transformers(path="n"), Reloaded(artifact([])))

    return evaluation
