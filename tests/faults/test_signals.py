"""Ctrl-C and SIGTERM in the middle of every stage: the code, the sentence, and at most one batch lost."""

import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from tiny_faults import STAGES, Fault, World
from tiny_tearing import ends_well

pytestmark = pytest.mark.faults

SIGNALS = {"Ctrl-C": (signal.SIGINT, 130), "SIGTERM": (signal.SIGTERM, 143)}
MIDDLE = {"answer": "/rows-000004", "translate": "/rows-000002", "train": "/events.jsonl", "evaluate": "/engine"}
"""Where a stage that has several batches in the tiny world is at its second or later one."""
ONE_BATCH = {"answer": 3, "score": 3, "translate": 32}
STOPPING = "stopping after this batch; press Ctrl-C again to stop at once"


def middle(whole: Any, stage: str) -> int:
    """A change in the middle of a stage."""
    changed = [line.split("\t")[1] for line in whole.journals[stage].read_text("utf-8").splitlines()]
    places = [number for number, path in enumerate(changed, 1) if MIDDLE.get(stage, "/stages/") in path]
    return places[len(places) // 2]


def paid(world: World, kind: str) -> int:
    return Counter(item.split()[0] for item in world.counted().elements())[kind]


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("what", SIGNALS)
def test_a_signal(what: str, stage: str, whole: Any, place: Path, figures: dict[str, int]):
    """Nothing is lost at all: the batch is finished and kept."""
    number, code = SIGNALS[what]
    world = whole.state(stage, place)
    ended = world.run(stage, fault=Fault(world.runs, middle(whole, stage), -number))
    assert ended.in_words, ended.errors
    assert ended.code in ((code,) if stage in MIDDLE else (code, 0)), ended.errors  # 0: its only batch was its last
    assert STOPPING in ended.errors
    if ended.code == code:
        assert ended.errors.rstrip().endswith("\nstopped; the same command goes on from here")
        figures["stops by a signal"] = figures.get("stops by a signal", 0) + 1
    ends_well(world, whole)
    assert all(paid(world, kind) == paid(whole.world, kind) for kind in ONE_BATCH)


@pytest.mark.parametrize(("stage", "kind"), [("answer", "answer"), ("translate", "translate"), ("evaluate", "score")])
def test_a_second_signal_stops_at_once(stage: str, kind: str, whole: Any, place: Path, figures: dict[str, int]):
    """While a slow batch is at work; that batch alone is paid for again."""
    world = whole.state(stage, place)
    before = paid(world, kind)
    running = world.start(stage, environment={"TINY_SLOW": "2"})
    until = time.monotonic() + 120
    for wanted in (lambda: paid(world, kind) > before, lambda: STOPPING in running.errors):
        while not wanted():
            assert time.monotonic() < until, running.errors
            time.sleep(0.01)
        running.kill(signal.SIGINT)
    ended = running.wait()
    assert (ended.code, ended.in_words) == (130, True), ended.errors
    assert ended.errors.rstrip().endswith("\nstopped at once; the same command goes on from here")
    ends_well(world, whole)
    assert paid(world, kind) <= paid(whole.world, kind) + ONE_BATCH[kind]
    figures["stops by a signal"] = figures.get("stops by a signal", 0) + 1


def test_a_second_signal_while_a_checkpoint_is_written(whole: Any, place: Path):
    world = whole.state("train", place)
    ended = world.run("train", fault=Fault(world.runs, middle(whole, "train"), -signal.SIGINT, 12))
    assert ended.errors.rstrip().endswith("\nstopped at once; the same command goes on from here"), ended.errors
    assert ended.code == 130
    ends_well(world, whole)


@pytest.mark.parametrize("what", SIGNALS)
def test_a_signal_before_any_run_is_open(what: str, whole: Any, place: Path):
    """While the plan is read: nothing has begun."""
    number, code = SIGNALS[what]
    world, home = whole.world.at(place), place / "home"
    home.mkdir()
    ended = world.run(environment={"HOME": str(home)}, fault=Fault(home, 1, -number))  # as the first digest is noted
    assert ended.code in (code, -number), "a shell counts the second as the first"
    assert "Traceback" not in ended.errors
    assert not list(world.runs.glob("stages/*/manifest.json"))
