"""The probe of `plan`: a training step with whatever teacher and rows a plan has, which leaves nothing behind."""

from pathlib import Path
from typing import Any

import pytest
import tiny
from click.testing import Result
from tiny_endpoint import model_server
from typer.testing import CliRunner

from polydistill import cli, estimate, exits
from polydistill.plan import Plan
from polydistill.statistics import sizes
from polydistill.storage.signal_cache import state


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    plan = tiny.world(tmp_path_factory.mktemp("world"), taught=False)
    tiny.model_folder(plan.parent / "other", seed=3)
    return plan


def files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


def probed(world: Path, *changes: str) -> Result:
    there = files(world.parent)
    found = CliRunner().invoke(cli.app, ["plan", str(world), *changes])
    assert files(world.parent) == there, "a probe leaves nothing behind"
    assert found.exit_code == 0, found.output
    assert sizes.HEADING in found.stdout
    return found


def line_of(found: Result, name: str) -> str:
    (line,) = [line for line in found.stdout.split("\n\n")[1].splitlines() if line.startswith(name)]
    return line


OTHER = "{transformers: {path: FOLDER/other, dtype: float64, device: cpu}}"
KEEPING = "{word_level: {loss: soft_cross_entropy, teacher: TEACHER}}"


@pytest.mark.parametrize(
    "objective",
    [
        pytest.param(f"{{word_level: {{teacher: {{other_model: {{align: spans, model: {OTHER}}}}}}}}}", id="spans"),
        pytest.param(KEEPING.replace("TEACHER", "cached"), id="cached"),
        pytest.param(KEEPING.replace("TEACHER", "{cached: {folder: FOLDER/signals}}"), id="cached in a folder"),
        pytest.param("{preferred: {reference: {shown_more: {teacher: {cached: {keeps: states}}}}}}", id="pairs"),
        pytest.param(
            "{weighted: {weights: [1, 1], objectives: [{hidden_states: {teacher: {cached: {keeps: states}}}}, "
            f"{{word_level: {{teacher: {{cached: {{keeps: states, teacher: {{other_model: {{model: {OTHER}}}}}}}}}}}}}]}}}}",
            id="two cached",
        ),
    ],
)
def test_a_step_is_tried_with_every_kind_of_teacher(objective: str, world: Path):
    given = objective.replace("FOLDER", str(world.parent))
    found = probed(world, f"train.objective={given}", "mix.builders=[language_pairs, language_gap_rows]")
    assert "tokens" in line_of(found, "train")
    assert line_of(found, "together").endswith("give or take a third")


def test_a_step_is_tried_with_a_server(world: Path):
    with model_server(world.parent / "model") as server:
        engine = f"{{openai: {{base_url: {server.url}, model: tiny}}}}"
        found = probed(world, f"train.objective={KEEPING.replace('TEACHER', f'{{endpoint: {{engine: {engine}}}}}')}")
    assert "tokens" in line_of(found, "train")


def test_a_step_that_cannot_be_tried_is_said_and_the_other_stages_have_their_times(world: Path):
    """A folder without a teacher knows the rows of a mixture, which is not there."""
    folder = world.parent / "of others"
    state(folder, {"teacher": "another", "student": None})
    objective = KEEPING.replace("TEACHER", f"{{cached: {{teacher: null, folder: '{folder}'}}}}")
    found = probed(world, f"train.objective={objective}")
    assert line_of(found, "train ").startswith(f"train       is not known: {folder} holds other signals")
    assert "tokens" in line_of(found, "answer")
    assert line_of(found, "together").endswith(", without what is not known")


def test_where_no_probe_can_be_made_the_rest_is_told(world: Path, monkeypatch: pytest.MonkeyPatch):
    def refused(*of: Any) -> float:
        raise ZeroDivisionError

    monkeypatch.setattr(estimate, "_translating", refused)
    found = probed(world)
    assert line_of(found, "how long") == "how long it takes is not known: ZeroDivisionError"
    assert line_of(found, "disk")


def test_a_fault_before_the_probe_ends_in_words(world: Path, monkeypatch: pytest.MonkeyPatch):
    def broken(plan: Plan) -> list[Any]:
        raise ValueError("the folder is damaged")

    monkeypatch.setattr(estimate, "outlook", broken)
    found = CliRunner().invoke(cli.app, ["plan", str(world)])
    assert (found.exit_code, found.stderr.splitlines()[-1]) == (exits.FAILED, "error: the folder is damaged")
