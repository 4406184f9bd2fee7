"""Two runners, dead ones, changed settings, changed inputs and a clock that is wrong."""

import re
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiny_faults
from tiny_faults import KILLED, Fault, Running, World
from tiny_tearing import ends_well

from polydistill.stage import Rows

pytestmark = pytest.mark.faults


def held_at(world: World, verb: str, ready: Callable[[], bool]) -> Running:
    """A command that stands still in the middle of its work."""
    running = world.start(verb)
    until = time.monotonic() + 60
    while not ready():
        assert time.monotonic() < until, running.errors
        time.sleep(0.001)
    running.kill(signal.SIGSTOP)
    return running


@pytest.mark.parametrize(("change", "what"), [((), "tiny"), (("name=other",), r"answer-\w+")], ids=["run", "stage"])
def test_the_second_of_two_runners_is_told_who_is_at_work(change: tuple[str, ...], what: str, whole: Any, place: Path):
    """Under the same name, and under another one that comes to the same stage."""
    world = whole.state("answer", place)
    first = held_at(world, "run", lambda: any(world.runs.glob("stages/answer-*/rows-000001.jsonl")))
    second = world.run("run", *change)
    owner = rf"another run is working on {what} \(host \S+, process {first.number}, since [\d-]+ [\d:]+\)"
    assert second.code == 1
    assert re.search(owner, second.errors), second.errors
    assert second.in_words
    first.kill(signal.SIGCONT)
    assert first.wait().code == whole.code
    assert tiny_faults.results(world.runs) == tiny_faults.results(whole.world.runs)


def test_a_dead_owner_is_taken_over(whole: Any, place: Path):
    world = whole.state("answer", place)
    first = held_at(world, "run", lambda: any(world.runs.glob("stages/answer-*/rows-000001.jsonl")))
    first.kill()
    assert first.wait().code == KILLED
    assert f"process {first.number}, since" in ends_well(world, whole)


def test_a_lock_from_another_machine_that_nobody_holds(whole: Any, place: Path):
    """The system's lock decides, not what is written in its file."""
    world = whole.world.at(place, whole.world.runs.parent)
    (world.stage("mix") / "manifest.json").unlink()
    (world.stage("mix") / ".lock").write_text("host elsewhere, process 1, since 2020-01-01 00:00:00")
    assert "host elsewhere, process 1" in ends_well(world, whole)


@pytest.mark.parametrize("stage", ["answer", "translate"])
def test_two_workers_both_killed(stage: str, whole: Any, place: Path, figures: dict[str, int]):
    world = whole.state(stage, place)
    for at in (whole.changes[stage] // 3, whole.changes[stage] // 5):
        both = [
            world.start(f"work {stage} --shard {number}/2", fault=Fault(world.runs, at + 7 * number)) for number in range(2)
        ]
        assert [one.wait().code for one in both] == [KILLED, KILLED]
    both = [world.start(f"work {stage} --shard {number}/2") for number in range(2)]
    ends = [one.wait() for one in both]
    assert [end.code for end in ends] == [0, 0], [end.errors for end in ends]
    ends_well(world, whole)
    most = 4 * {"answer": 3, "translate": 32}[stage]
    paid, needed = (sum(n for item, n in one.counted().items() if item.startswith(stage)) for one in (world, whole.world))
    # Two workers may each pay for a sentence that is in rows of both.
    assert paid <= needed + most + (needed if stage == "translate" else 0)
    figures["kills of workers side by side"] = figures.get("kills of workers side by side", 0) + 4


def test_settings_that_were_changed_make_results_of_their_own(whole: Any, place: Path):
    """Changed after a kill, and changed back: nothing stale, nothing paid for twice."""
    world = whole.state("answer", place)
    assert world.run("answer", fault=Fault(world.runs, whole.changes["answer"] // 2)).code == KILLED
    short = "answer.max_tokens=5"
    assert world.run("answer", short).code == 0
    folders = {folder.name: folder for folder in world.runs.glob("stages/answer-*")}
    (other,) = set(folders) - {whole.world.stage("answer").name}
    for row in Rows(folders[other]):
        assert row.rejected or len(row.payload.answer.text) <= 5
    shutil.rmtree(folders[other])
    ends_well(world, whole)


def test_inputs_that_were_changed_are_read_again(whole: Any, place: Path):
    """Of the same size, under the same name, between a kill and the next run."""
    home = place / "world"
    shutil.copytree(whole.world.plan.parent, home, ignore=shutil.ignore_patterns("*.out", "*.err"))
    plan = home / "plan.yaml"
    plan.write_text(plan.read_text("utf-8").replace(str(whole.world.plan.parent), str(home)), "utf-8")
    world = World(whole.world.parent, plan, home / "runs", home / "calls")
    assert world.run("mix", fault=Fault(world.runs, 600)).code == KILLED
    questions = home / "questions.jsonl"
    changed = questions.read_text("utf-8").replace("cat", "dog").replace("sun", "owl")
    questions.write_text(changed, "utf-8")
    assert world.run("mix").code == 0
    asked = {row.payload.question.text for folder in [world.runs / "tiny" / "ask"] for row in Rows(folder)}
    assert asked == {line.split('"')[3] for line in changed.splitlines()}
    answered = {row.payload.question.text for row in Rows(world.runs / "tiny" / "answer")}
    assert answered == asked


@pytest.mark.parametrize("hours", [-24, 24 * 365])
def test_a_clock_that_was_set(hours: int, whole: Any, place: Path):
    """Killed, then gone on with at another time of day; then again at the right one."""
    world = whole.state("translate", place)
    assert world.run("train", fault=Fault(world.runs, whole.changes["translate"] + 20)).code == KILLED
    ended = world.run("evaluate", shift=3600 * hours)
    assert (ended.code, ended.in_words) == (0, True), ended.errors
    said = ends_well(world, whole)
    assert said.count("kept from") >= 8, "what was made then is used now"
