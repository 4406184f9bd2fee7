"""Training killed while it writes a checkpoint, at any change or in a rank: loss curve and weights of one that is not."""

import json
import random
import time
from pathlib import Path
from typing import Any

import pytest
import tiny_faults
from tiny_faults import KILLED, Fault, World

from polydistill.train import read_events

pytestmark = pytest.mark.faults

EVERY_STEP = "train.checkpoint_minutes=0"


def curve(world: World) -> list[dict[str, Any]]:
    """What happened in each step, times aside."""
    events = read_events(world.stage("train") / "beside" / "events.jsonl")
    return [{name: value for name, value in event.items() if name != "seconds"} for event in events]


def weights(world: World) -> dict[str, bytes]:
    return {name: data for name, data in tiny_faults.results(world.runs).items() if name.startswith("train-")}


@pytest.fixture(scope="module")
def changes(whole: Any, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Every change that training with a checkpoint after each step makes, in order."""
    base = tmp_path_factory.mktemp("train")
    world, journal = whole.state("train", base / "world"), base / "journal"
    assert world.run("train", EVERY_STEP, fault=Fault(world.runs, 0, journal=str(journal))).code == 0
    assert weights(world) == weights(whole.world)
    assert curve(world) == curve(whole.world)
    return journal.read_text("utf-8").splitlines()


def went_on(world: World, whole: Any) -> None:
    ended = world.run("train", EVERY_STEP)
    assert ended.code == 0, ended.errors
    assert weights(world) == weights(whole.world)
    assert curve(world) == curve(whole.world)
    assert tiny_faults.leftovers(world.runs) == []


def test_at_every_change_of_a_checkpoints_writing(whole: Any, changes: list[str], place: Path, figures: dict[str, int]):
    """From the first file of the checkpoint after step 4 to the removal of the one after step 2, one after the other."""
    third = [number for number, line in enumerate(changes, 1) if "/step-0000004" in line.split("\t")[1]]
    removed = [number for number, line in enumerate(changes, 1) if line.startswith("remove") and "/step-0000002/" in line]
    points = range(third[0], removed[-1] + 2)
    assert len(points) > 20
    for at in points:
        world = whole.state("train", place / str(at))
        assert world.run("train", EVERY_STEP, fault=Fault(world.runs, at)).code == KILLED
        newest = max(world.stage("train").glob("checkpoints/step-???????"))
        assert json.loads((newest / "whole.json").read_text())["steps"] in (3, 4)
        went_on(world, whole)
    figures["training kills while a checkpoint was written"] = len(points)


@pytest.mark.parametrize("seed", range(6))
def test_at_any_change_again_and_again(seed: int, whole: Any, changes: list[str], place: Path, figures: dict[str, int]):
    draw, world, kills = random.Random(seed), whole.state("train", place), 0
    for _ in range(3):
        kills += world.run("train", EVERY_STEP, fault=Fault(world.runs, draw.randint(1, len(changes) // 2))).code == KILLED
    assert kills
    went_on(world, whole)
    figures["training kills at a drawn change"] = figures.get("training kills at a drawn change", 0) + kills


def test_a_rank_and_then_the_command_itself(whole: Any, place: Path, figures: dict[str, int]):
    """Two ranks: the one that writes is killed in the middle of a checkpoint, then the command while the ranks work."""
    two = ("train.processes=2", EVERY_STEP)
    alone = whole.state("train", place / "alone")
    assert alone.run("train", *two).code == 0
    world = whole.state("train", place / "killed")
    ended = world.run("train", *two, environment={"FAULTS_RANK": "0", "FAULTS_BELOW": str(world.runs), "FAULTS_AT": "40"})
    assert (ended.code, ended.in_words) == (1, True), ended.errors
    assert "training stopped with exit code" in ended.errors
    running, checkpoints = world.start("train", *two), world.stage("train") / "checkpoints"
    before = {folder.name for folder in checkpoints.glob("step-???????")}
    while {folder.name for folder in checkpoints.glob("step-???????")} == before:
        time.sleep(0.005)
    running.kill()
    assert running.wait().code == KILLED
    for _ in range(200):  # the ranks notice that nobody waits for them
        ended = world.run("train", *two)
        if "another run is working" not in ended.errors:
            break
        time.sleep(0.2)
    assert ended.code == 0, ended.errors
    assert weights(world) == weights(alone)
    assert curve(world) == curve(alone)
    figures["kills of ranks and of their command"] = 2
