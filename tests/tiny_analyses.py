"""A finished run of a random model, for analyses to look at."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import tiny
from typer.testing import CliRunner

from polydistill.analyses import Table
from polydistill.cli import app
from polydistill.component import find

DEVELOPMENT = "{{text_bits: {{label: toy, split: development, texts: {{parallel: {{path: {folder}/parallel.tsv}}}}}}}}"


class World(NamedTuple):
    """A finished run with several candidates, and another model."""

    run: Path
    untouched: Path
    other: Path


def engine(path: Path) -> dict[str, Any]:
    return {"transformers": {"path": str(path), "dtype": "float64", "device": "cpu"}}


def finished(folder: Path) -> World:
    """The answers come with the questions: nothing is to be written, and no model to be taught to."""
    plan = tiny.world(folder, taught=False)
    questions = [json.loads(line) for line in (folder / "questions.jsonl").read_text().splitlines()]
    answered = [row | {"answer": tiny.ANSWERS[number % len(tiny.ANSWERS)]} for number, row in enumerate(questions)]
    (folder / "questions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in answered))
    changes = (
        "ask.questions=24", "answer.by=references", "mix.tokens=1500", "train.candidates=4", "choose.scales=[1.0]",
        "choose.by=text_bits_toy", f"choose.evaluators=[{DEVELOPMENT.format(folder=folder)}]",
    )  # fmt: skip
    done = CliRunner().invoke(app, ["choose", str(plan), *changes])
    assert done.exit_code == 0, done.output
    return World(folder / "runs/tiny", folder / "model", tiny.model_folder(folder / "other", seed=5))


def table(name: str, world: World, **settings: Any) -> Table:
    return find("analyses", name)(**settings)(world.run)  # type: ignore[operator]
