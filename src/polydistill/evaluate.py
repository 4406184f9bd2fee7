"""Stage seven: what changed, before and after on the same items, in the targets and in the rich language."""

from collections.abc import Iterator
from pathlib import Path

from . import progress
from .choose import Model
from .component import Settings
from .endings import AfterStage
from .engines import Engine
from .evaluators import ABOUT_THE_MEASURE, Evaluator, Score, finite
from .paid import paying
from .records import Lang, kept, split_of
from .served import Reloaded, ServedSettings, served
from .stage import Artifact, Rows, pause, replacing, stage, workspace
from .statistics.joining import same_items


class EvaluateSettings(Settings):
    """What is measured."""

    evaluators: tuple[Evaluator, ...]
    """Components of evaluators, in the order they are reported."""
    model: Engine
    """The untouched model."""
    rich: Lang
    """The rich language."""
    targets: tuple[Lang, ...]
    """The target languages."""


class Scores(Artifact):
    """Scores of one model."""

    def __iter__(self) -> Iterator[Score]:
        with (self.folder / "scores.jsonl").open(encoding="utf-8") as file:
            for line in file:
                yield Score.model_validate_json(line)


class Evaluation:
    """Scores of the untouched model and of the student, pairwise over the same items."""

    def __init__(self, before: Scores, after: Scores, base: Engine, student: Engine, reloaded: Reloaded):
        self.before, self.after, self.base, self.student, self.reloaded = before, after, base, student, reloaded

    def identity(self) -> list[str]:
        return [self.before.identity(), self.after.identity(), self.reloaded.identity()]

    def pairs(self) -> Iterator[tuple[Score, Score]]:
        """(before, after) of each score; the items are the same, in the same order, joined by id.

        Raises:
            ValueError: the two did not measure the same items, or an item stands there twice; with the ids.
        """
        after = {(score.name, score.lang): score for score in self.after}
        for score in self.before:
            other = after.get((score.name, score.lang))
            if other is None:  # not measurable of the student, such as a fidelity where no line is long enough
                continue
            if score.items or score.name not in ABOUT_THE_MEASURE:  # without text by people there is a warning alone
                same_items([score], [other])
            items = {item.id: item for item in other.items}
            yield score, other.model_copy(update={"items": tuple(items[item.id] for item in score.items)})


def evaluate(settings: EvaluateSettings, base: Engine, student: Model, answers: Rows, translated: Rows) -> Evaluation:
    """Measures both models, and proves that the student's folder answers so; the untouched one's scores are kept."""
    lifted = student.engine(base)
    before = measure(settings.model_copy(update={"model": base}), answers, translated)
    after = measure(settings.model_copy(update={"model": lifted}), answers, translated)
    asked = ServedSettings(model=lifted, languages=(settings.rich, *settings.targets))
    reloaded = served(asked, student, answers, translated)
    if workspace().until == "evaluate":
        raise AfterStage(after)
    return Evaluation(before, after, base, lifted, reloaded)


@stage()
def measure(settings: EvaluateSettings, answers: Rows, translated: Rows, *, out: Path) -> Scores:
    """All scores of one model. Held-out questions are those of the test split."""
    held = [row for rows in (answers, translated) for row in kept(rows) if split_of(row.lineage.question) == "test"]
    languages = (settings.rich, *settings.targets)
    with paying(settings.model) as engine, progress.line("measure", len(settings.evaluators), "evaluators") as shown:
        with replacing(out / "scores.jsonl") as file:
            for evaluator in settings.evaluators:
                pause()
                progress.note(evaluator.name())
                file.writelines(score.model_dump_json() + "\n" for score in finite(evaluator(engine, languages, iter(held))))
                shown.advance()
    return Scores(out)
