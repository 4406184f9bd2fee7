"""Killed at any change of any stage, again while it goes on, and at any time: every byte is an uninterrupted run's."""

import random
import time
from collections import Counter
from pathlib import Path

import pytest
import tiny_faults
from tiny_faults import KILLED, STAGES, Fault, World

from polydistill.stage import Rows

pytestmark = pytest.mark.faults

IN_FLIGHT = {"answer": 3, "score": 3, "translate": 8 * 4, "reload": 8}
"""The most that one kill has paid for twice: a lot of answers or scores, the sentences of 8 rows, one check of 8 questions."""


def went_on(world: World, whole: tiny_faults.World, code: int, kills: int, figures: dict[str, int]) -> None:
    """Lets a killed run go on to its end, and compares everything."""
    ended = world.run()
    assert ended.code == code, ended.errors
    assert "Traceback" not in ended.errors
    wanted, found = tiny_faults.results(whole.runs), tiny_faults.results(world.runs)
    assert sorted(found) == sorted(wanted)
    assert [name for name in wanted if found[name] != wanted[name]] == []
    assert tiny_faults.leftovers(world.runs) == []
    for stage in ("ask", "answer", "translate", "mix"):
        ids = [row.id for row in Rows(world.stage(stage))]
        assert len(set(ids)) == len(ids) == len(Rows(whole.stage(stage)))
    once, calls = whole.counted(), world.counted()
    assert set(calls) == set(once), "other items were paid for"
    for kind, most in IN_FLIGHT.items():
        paid = Counter({item: n for item, n in calls.items() if item.startswith(kind)}).total()
        least = sum(n for item, n in once.items() if item.startswith(kind))
        assert paid <= least + kills * most, (kind, paid, least)
        figures[f"{kind} calls that were needed"] = figures.get(f"{kind} calls that were needed", 0) + least
        figures[f"{kind} calls that were made"] = figures.get(f"{kind} calls that were made", 0) + paid
    figures["rounds"] = figures.get("rounds", 0) + 1
    figures["kills"] = figures.get("kills", 0) + kills


@pytest.mark.parametrize("seed", range(40))
def test_killed_at_a_change_of_a_stage(seed: int, whole, place: Path, figures: dict[str, int]):
    """The stage by turns, the change by the seed; every other round is killed again while it goes on, some a third time."""
    draw, stage = random.Random(seed), STAGES[seed % len(STAGES)]
    world, kills = whole.state(stage, place), 0
    for verb in (stage, "run", "run")[: 1 + (seed // len(STAGES)) % 3]:
        ended = world.run(verb, fault=Fault(world.runs, draw.randint(1, whole.changes[stage])))
        assert ended.code in (KILLED, whole.code, 0), ended.errors
        kills += ended.code == KILLED
    assert kills, "nothing was killed"
    went_on(world, whole.world, whole.code, kills, figures)


@pytest.mark.parametrize("seed", range(8))
def test_killed_at_a_moment_of_a_whole_run(seed: int, whole, place: Path, figures: dict[str, int]):
    """From nothing, after a time drawn by the seed; every other round twice."""
    draw, world, kills = random.Random(1000 + seed), whole.world.at(place), 0
    for _ in range(1 + seed % 2):
        running = world.start("run")
        time.sleep(draw.uniform(0.1, whole.seconds / 2))
        running.kill()
        kills += running.wait().code == KILLED
    went_on(world, whole.world, whole.code, kills, figures)
