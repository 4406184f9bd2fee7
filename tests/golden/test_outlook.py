"""Which stages of a plan run, and why, on folders made by hand and on the tiny world."""

from pathlib import Path
from typing import Any

import pytest
import tiny

from polydistill.ask import ask
from polydistill.component import Settings
from polydistill.endings import WouldRun
from polydistill.outlook import outlook, reason
from polydistill.plan import Plan, read_plan
from polydistill.stage import Workspace, finish, working, write_json


class Given(Settings):
    rate: float
    path: str = "a"


def would_run(folder: Path, **changes: Any) -> WouldRun:
    return WouldRun("train", folder / "train-now", Given(**{"rate": 0.2, **changes}), ())


def kept(folder: Path, name: str, **changes: Any) -> None:
    """A finished run of the stage with other settings."""
    one = folder / f"train-{name}"
    noted = {"rate": 0.1, "path": "a", **changes}
    write_json(one / "beside" / "settings.json", {"stage": "train", "version": 1, "settings": noted, "inputs": []})
    finish(one, {})


def test_a_stage_runs_because_it_never_did(tmp_path: Path):
    assert reason(would_run(tmp_path)) == "has not run yet"


def test_a_stage_that_was_begun_goes_on(tmp_path: Path):
    kept(tmp_path, "1")
    (tmp_path / "train-now").mkdir()
    assert reason(would_run(tmp_path)) == "was begun and goes on"


def test_a_stage_runs_because_of_what_differs_from_the_nearest_one(tmp_path: Path):
    kept(tmp_path, "far", path="a path of another length")
    assert reason(would_run(tmp_path)) == "changed: path a path of an... -> a, rate 0.1 -> 0.2"
    kept(tmp_path, "near")
    assert reason(would_run(tmp_path)) == "changed: rate 0.1 -> 0.2"
    kept(tmp_path, "version", rate=0.2)
    assert reason(would_run(tmp_path)) == "changed: its version"


def test_one_that_was_not_finished_is_not_compared_with(tmp_path: Path):
    write_json(tmp_path / "train-half" / "beside" / "settings.json", {"settings": {"rate": 0.1}, "inputs": []})
    assert reason(would_run(tmp_path)) == "has not run yet"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.world(tmp_path_factory.mktemp("world"), taught=False)


def plan_of(world: Path, *changes: str) -> Plan:
    return read_plan(str(world), list(changes))


def test_a_plan_that_never_ran_runs_whole(world: Path, tmp_path: Path):
    steps = outlook(plan_of(world, f"runs={tmp_path}/none"))
    assert [step.stage for step in steps] == ["ask", "answer", "translate", "mix", "train", "choose", "evaluate", "report"]
    assert all(step.runs for step in steps)
    assert [step.why for step in steps] == ["has not run yet", *["follows ask"] * 7]


def test_a_plan_of_which_a_stage_is_done_runs_from_the_next_on(world: Path, tmp_path: Path):
    plan = plan_of(world, f"runs={tmp_path}/some")
    with working(Workspace(plan.runs)):
        done = ask(plan.ask)
    first, second, third, *_ = outlook(plan)
    assert first == ("ask", False, f"kept in {done.folder.name}")
    assert second == ("answer", True, "has not run yet")
    assert third == ("translate", True, "follows answer")


def test_the_stages_of_further_rounds_come_after(world: Path, tmp_path: Path):
    plan = plan_of(world, f"runs={tmp_path}/rounds", "rounds=[{mix: {tokens: 500}}, {train: {epochs: 1}}]")
    with working(Workspace(plan.runs)):
        ask(plan.ask)
    steps = outlook(plan)
    assert [step.stage for step in steps] == [
        "ask", "answer", "translate", "mix", "train", "choose", "mix 2", "train 2", "choose 2", "train 3", "choose 3",
        "evaluate", "report",
    ]  # fmt: skip
    assert [step.runs for step in steps] == [False] + [True] * 12
    assert {step.why for step in steps[2:]} == {"follows answer"}
