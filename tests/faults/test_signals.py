"""Ctrl-C and SIGTERM in the middle of every stage: the code, the sentence, and at most one batch lost."""

import signal
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from tiny_faults import STAGES, Fault
from tiny_tearing import ends_well

pytestmark = pytest.mark.faults

SIGNALS = {"Ctrl-C": (signal.SIGINT, 1, 130), "SIGTERM": (signal.SIGTERM, 1, 143), "two Ctrl-C": (signal.SIGINT, 2, 130)}
BETWEEN_BATCHES = ("answer", "translate", "train", "evaluate")
"""The stages that have several batches in the tiny world."""
ONE_BATCH = {"answer": 4, "score": 4, "translate": 32}


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("what", SIGNALS)
def test_a_signal(what: str, stage: str, whole: Any, place: Path, figures: dict[str, int]):
    number, times, code = SIGNALS[what]
    world = whole.state(stage, place)
    ended = world.run(stage, fault=Fault(world.runs, whole.changes[stage] // 3, -number, times))
    assert "Traceback" not in ended.errors, ended.errors
    if times == 2 or stage in BETWEEN_BATCHES:
        assert ended.code == code, ended.errors
    else:  # its only batch was its last
        assert ended.code in (code, 0), ended.errors
    assert "stopping after this batch; press Ctrl-C again to stop at once" in ended.errors
    if ended.code == code:
        last = "stopped at once" if times == 2 else "stopped"
        assert ended.errors.rstrip().endswith(f"{last}; the same command goes on from here")
        figures["stops by a signal"] = figures.get("stops by a signal", 0) + 1
    ends_well(world, whole)
    for kind, most in ONE_BATCH.items():
        paid, needed = (Counter(i.split()[0] for i in one.counted().elements())[kind] for one in (world, whole.world))
        assert paid <= needed + (most if times == 2 else 0)


def test_a_signal_before_any_run_is_open(whole: Any, place: Path):
    """While the plan is read: nothing has begun."""
    for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        world = whole.world.at(place)
        home = place / f"home{code}"
        home.mkdir(parents=True)
        ended = world.run(environment={"HOME": str(home)}, fault=Fault(home, 1, -number))  # as the first digest is noted
        assert ended.code == code, ended
        assert "Traceback" not in ended.errors
        assert not list(world.runs.glob("stages/*/manifest.json"))
