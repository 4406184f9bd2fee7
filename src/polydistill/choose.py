"""Stage six: the student among the candidates."""

import functools
import os
import shutil
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import field_validator, model_validator

from . import progress
from .component import Fraction, Settings
from .engines import Engine
from .evaluators import Evaluator, Score, finite
from .paid import paying
from .provenance import sources_in
from .records import Lang
from .retain import Front, Point, RetainSettings, Rule, front, named
from .stage import Artifact, pause, stage
from .statistics.sizes import check_promise, sizes
from .storage.files import enough_disk, replacing
from .train import Candidates


class ChooseSettings(Settings):
    """Which model is the student: which checkpoint, and how far from the untouched model."""

    retain: RetainSettings | None = None
    """What the rich language may lose; `null` promises nothing. The verdict on it is given on test items."""
    scales: tuple[Fraction, ...] = (1.0,)
    """Each s in base + s (trained - base), for every weight: 1 is the trained model, 0 the untouched one.

    Paper: Wortsman et al. 2022, WiSE-FT, arXiv 2109.01903 (weights between the two keep more of the first).
    """
    checkpoints: Literal["all", "last"] = "all"
    """Which of them are candidates, where training leaves several: all of them, or the last alone."""
    by: str | None = None
    """The score to be best at in the targets, or its beginning; by default the one that `retain` names."""
    evaluators: tuple[Evaluator, ...] = ()
    """What to choose by, where there are several checkpoints or scales: components of evaluators with `split: development`."""
    model: Engine
    """The untouched model."""
    rich: Lang
    """The rich language."""
    targets: tuple[Lang, ...]
    """The target languages."""

    @field_validator("scales")
    @classmethod
    def _each_once(cls, scales: tuple[float, ...]) -> tuple[float, ...]:
        if not scales or len(set(scales)) < len(scales):
            raise ValueError("give at least one scale, and each once")
        return scales

    @field_validator("evaluators")
    @classmethod
    def _not_on_test_items(cls, evaluators: tuple[Evaluator, ...]) -> tuple[Evaluator, ...]:
        for evaluator in evaluators:
            split = dict(evaluator).get("split")
            if split is None:
                raise ValueError(
                    f"{evaluator.name()} has no development items, and the verdict is given on those that it has; "
                    "choose by one with parts: text_bits: {texts: SOURCE, label: NAME, split: development}"
                )
            if split != "development":
                texts = "" if sources_in(evaluator) else "texts: SOURCE, label: NAME, "
                raise ValueError(
                    f"{evaluator.name()} measures {split} items, on which the verdict is given; choose on others: "
                    f"{evaluator.name()}: {{{texts}split: development}}"
                )
        return evaluators

    @model_validator(mode="after")
    def _chooses_by_something(self) -> Self:
        if self.retain and self.rule.language not in (self.rich, *self.targets):
            raise ValueError(f"retain.language: {self.rule.language} is none of {', '.join((self.rich, *self.targets))}")
        self.check(1)
        return self

    @property
    def rule(self) -> Rule:
        """What a candidate is to be best at, and what it must keep."""
        by = self.by or (self.retain.score if self.retain else "")
        return Rule(by, self.targets, (self.retain and self.retain.language) or self.rich, self.retain)

    def identity(self) -> Any:
        """By default all checkpoints are candidates, as they were before one could say so."""
        return {name: value for name, value in super().identity().items() if name != "checkpoints" or value != "all"}

    def check(self, checkpoints: int) -> None:
        """Finds what is missing to choose among so many checkpoints; nothing is, where there is one candidate alone.

        Raises:
            ValueError: there is nothing to measure, no score to compare, or a promise that cannot be shown.
        """
        many = len(self.scales) * (checkpoints if self.checkpoints == "all" else 1)
        if many == 1:
            return
        if not self.evaluators:
            raise ValueError(
                f"there are {many} candidates and nothing to choose by; give evaluators with split: development, such as "
                "evaluators: [{text_bits: {texts: SOURCE, label: NAME, split: development}}]"
            )
        if not self.rule.by:
            raise ValueError(f"there are {many} candidates and no score to be best at; give by: text_bits, or retain")
        languages = (self.rich, *self.targets)
        named(self.rule.by, sizes(self.evaluators, languages), "by")
        if self.retain:
            check_promise(self.retain, self.rule.language, self.evaluators, languages)


class Model(Artifact):
    """A student: ``model/`` is a plain folder with weights, tokenizer and chat template; ``front.json`` tells the choice."""

    @property
    def model(self) -> Path:
        return self.folder / "model"

    @functools.cached_property
    def front(self) -> Front:
        """What it was chosen from, and by what."""
        return Front.model_validate_json((self.folder / "front.json").read_text("utf-8"))

    @property
    def met(self) -> bool:
        """False where every candidate was measured and none is shown to keep the rich language within its margin."""
        return self.front.met is not False

    def engine(self, base: Engine) -> Engine:
        """The student, run as the untouched model is run; its own folder holds the template."""
        return run_from(self.model, base)


@stage(version=2)
def choose(settings: ChooseSettings, candidates: Candidates, *, out: Path) -> Model:
    """The candidate that is best in the targets among those that keep the rich language."""
    settings.check(len(candidates.models))
    base, _ = settings.model.trainable()
    steps = list(candidates.models)[0 if settings.checkpoints == "all" else -1 :]
    points = [Point(step, scale) for step in steps for scale in settings.scales]
    if len(points) == 1:
        told = Front.alone(points[0])
    else:
        untouched, measured = measure(settings, candidates, points, base, out)
        told = front(settings.rule, untouched, measured)
        progress.say(f"choose: {told.sentence}")
    write(candidates.models[told.step], base, told.scale, out / "model")
    with replacing(out / "front.json") as file:
        file.write(told.model_dump_json(indent=1))
    return Model(out)


def measure(
    settings: ChooseSettings, candidates: Candidates, points: list[Point], base: Path, out: Path
) -> tuple[list[Score], dict[Point, list[Score]]]:
    """The scores of the untouched model and of each candidate, kept one by one in ``candidates/``."""
    kept = out / "candidates"
    with progress.line("choose", len(points) + 1, "models") as shown:
        untouched = scores(settings, settings.model, kept / "untouched.jsonl", shown)
        settings.rule.aims(untouched)  # what is missing is found before the long work
        settings.rule.keeps(untouched)
        measured = {}
        for point in points:
            file, folder = kept / f"{point.name}.jsonl", out / f"{point.name}.tmp"
            if not file.is_file():
                write(candidates.models[point.step], base, point.scale, folder)
            measured[point] = scores(settings, run_from(folder, settings.model), file, shown)
            shutil.rmtree(folder, ignore_errors=True)
    return untouched, measured


def scores(settings: ChooseSettings, model: Engine, file: Path, shown: progress.Line) -> list[Score]:
    """All scores of one model; those in the file, where an earlier run has measured it."""
    if file.is_file():
        shown.skip(1)
        with file.open(encoding="utf-8") as lines:
            return [Score.model_validate_json(line) for line in lines]
    found: list[Score] = []
    with paying(model) as engine:
        for evaluator in settings.evaluators:
            pause()
            found += finite(evaluator(engine, (settings.rich, *settings.targets), ()))
    with replacing(file) as lines:
        lines.writelines(score.model_dump_json() + "\n" for score in found)
    shown.advance(note=file.stem)
    return found


def run_from(folder: Path, base: Engine) -> Engine:
    """A model made from the untouched one, run as that is run; its own folder holds the template."""
    return base.model_copy(update={"path": str(folder), "template": None})


def write(trained: Path, base: Path, scale: float, folder: Path) -> None:
    """The trained model at a scale as a folder: hard links where nothing changes, so that they take no room.

    Raises:
        OSError: the disk has no room for the weights.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    weights = [file for file in trained.iterdir() if file.suffix == ".safetensors" and scale < 1]
    enough_disk(folder, sum(file.stat().st_size for file in weights), "a candidate")
    untouched = read_weights(base) if weights else {}
    for file in sorted(trained.iterdir()):
        if file in weights:
            between(file, untouched, scale, folder / file.name)
        else:
            os.link(file, folder / file.name)


def read_weights(folder: Path) -> dict[str, Any]:
    """Every tensor of a folder's safetensors files, by name."""
    from safetensors.torch import load_file

    return {name: tensor for file in sorted(folder.glob("*.safetensors")) for name, tensor in load_file(file).items()}


def between(trained: Path, base: dict[str, Any], scale: float, target: Path) -> None:
    """Writes base + scale (trained - base), computed in float32, for every tensor of a file."""
    import torch
    from safetensors.torch import load_file, save_file

    from .checkpoints import writing

    weights = {
        name: torch.lerp(base[name].float(), tensor.float(), scale).to(tensor.dtype)
        for name, tensor in load_file(trained).items()
    }
    with writing(target):
        save_file(weights, target, metadata={"format": "pt"})
