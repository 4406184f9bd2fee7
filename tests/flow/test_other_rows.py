"""Rows that are made of more than a question and its answer, from the pool to the student."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_rows import ENG, SPA, chat

from polydistill.loop import fit
from polydistill.objectives.word_level import WordLevel
from polydistill.records import Row
from polydistill.schedules.cosine import Cosine
from polydistill.stage import Rows, Stopped, finish, write_shard
from polydistill.teachers.moving_average import MovingAverage
from polydistill.teachers.several import Several
from polydistill.teachers.shown_more import ShownMore
from polydistill.train import read_events
from polydistill.training import TrainSettings


@pytest.mark.parametrize(
    ("builder", "objective", "ran"),
    [
        ("language_gap_rows", "preferred", ["rivals", "mix", "train"]),
        ("rationale_rows", "two_tasks", ["mix", "train"]),
        ("shown_answers", "{word_level: {teacher: shown_more}}", ["mix", "train"]),
    ],
)
def test_such_rows_are_made_and_learned_from(lifted: Any, builder: str, objective: str, ran: list[str]):
    changes = [f"mix.builders=[{builder}]", "mix.tokens=2000", f"train.objective={objective}"]
    assert lifted.again(*changes, until="train") == ran


@pytest.fixture(scope="module")
def mixture(tmp_path_factory: pytest.TempPathFactory) -> Rows:
    """Rows of which a teacher is shown more."""

    def row(n: int) -> Row:
        made = chat(f"q{n}", SPA, f"¿{n * 7}?", "sí " * (1 + n % 3))
        shown = chat(f"q{n}", ENG, f"{n}?", "yes " * (1 + n % 3)).payload.turns
        return made.but(payload=made.payload.model_copy(update={"shown": shown}), lineage={"builder": "shown"})

    folder = tmp_path_factory.mktemp("mix") / "mix-1"
    folder.mkdir()
    write_shard(folder, 0, map(row, range(12)))
    finish(folder, {})
    return Rows(folder)


def settings(**changes: Any) -> TrainSettings:
    given = {
        "schedule": Cosine(), "learning_rate": 3e-3, "batch_rows": 3, "epochs": 2, "compute": "float64", "device": "cpu",
        "model": {"transformers": {"path": "m"}}, "checkpoint_minutes": 60, "rich": ENG,
    }  # fmt: skip
    return TrainSettings(**{**given, **changes})


def following(decay: float) -> WordLevel:
    """Beside the untouched model, shown more, its student's average."""
    return WordLevel(teacher=Several(teachers=[ShownMore(), ShownMore(teacher=MovingAverage(decay=decay))]))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, random_model: Path, mixture: Rows) -> Callable[..., Path]:
    done: dict[str, Path] = {}

    def run(**changes: Any) -> Path:
        given = settings(**changes)
        if given.model_dump_json() not in done:
            out = done[given.model_dump_json()] = tmp_path_factory.mktemp("train") / "train-1"
            fit(given, random_model, None, mixture, out)
        return done[given.model_dump_json()]

    return run


def losses(folder: Path) -> list[float]:
    return [event["loss"] for event in read_events(folder / "beside" / "events.jsonl")]


@pytest.mark.parametrize("method", ["full", "lora"])
def test_a_run_with_a_teacher_that_follows_goes_on_bit_for_bit(
    method: str, trained: Callable[..., Path], random_model: Path, mixture: Rows, tmp_path: Path
):
    given, out = {"method": method, "objective": following(0.5)}, tmp_path / "train-1"
    whole = trained(**given)
    for stop in (1, 5):
        with pytest.raises(Stopped):
            fit(settings(**given), random_model, None, mixture, out, stopping=lambda stop=stop: len(losses(out)) >= stop)
        torch.rand(7)
    fit(settings(**given), random_model, None, mixture, out)
    assert losses(out) == losses(whole)
    assert len(losses(out)) == 8
    one, other = (folder / "model" / "model.safetensors" for folder in (out, whole))
    assert one.read_bytes() == other.read_bytes()


def test_what_the_teacher_remembers_decides_the_run(trained: Callable[..., Path]):
    found = [losses(trained(objective=following(decay))) for decay in (0.5, 0.9, 1.0)]
    assert found[0][0] == found[1][0] == found[2][0] > 0
    assert len({run[-1] for run in found}) == 3
