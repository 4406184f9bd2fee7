"""A disk that is full, or refuses a change or a sync, in any stage: one clear sentence, and the same results once it works."""

import errno
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiny_faults
from tiny_faults import STAGES, Fault, World
from tiny_small_disk import small_disk

pytestmark = pytest.mark.faults

FAULTS: dict[str, tuple[str, Callable[[Path, int], Fault]]] = {
    "full": ("w", tiny_faults.full),
    "refused": ("", lambda below, at: Fault(below, at, errno.EIO)),
    "refused for good": ("", lambda below, at: Fault(below, at, errno.EIO, 1 << 40)),
    "unsynced": ("s", lambda below, at: Fault(below, at, errno.EIO, 1, "s")),
}


def in_order_again(world: World, whole: Any) -> None:
    """The disk works again: the same command goes on to the results of a run that met no fault."""
    ended = world.run()
    assert ended.code == whole.code, ended.errors
    assert tiny_faults.results(world.runs) == tiny_faults.results(whole.world.runs)
    assert tiny_faults.leftovers(world.runs) == []


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("seed", range(2))
def test_a_fault_ends_in_a_sentence(fault: str, stage: str, seed: int, whole: Any, place: Path, figures: dict[str, int]):
    kind, made = FAULTS[fault]
    at = random.Random(f"{fault} {stage} {seed}").randint(1, whole.changes_of(stage, kind))
    world = whole.state(stage, place)
    ended = world.run(stage, fault=made(world.runs, at))
    assert ended.in_words, ended.errors
    assert ended.code in (0, 1), "what is tolerated is no failure"
    in_order_again(world, whole)
    figures["disk faults"] = figures.get("disk faults", 0) + 1
    figures["disk faults that ended the command"] = figures.get("disk faults that ended the command", 0) + ended.code


disks = pytest.mark.parametrize("mounts", [True, False], ids=["mounted", "stub"])


@disks
@pytest.mark.parametrize("kilobytes", [24, 400, 1000, 1600])
def test_a_small_disk_fills_up(kilobytes: int, mounts: bool, whole: Any, place: Path):
    """One that is too small at first."""
    with small_disk(place / "runs", kilobytes, mounts) as disk:
        world = whole.world.at(place)
        ended = world.run(fault=disk.fault)
        assert ended.in_words, ended.errors
        assert ended.code == 1
        assert any(said in ended.errors for said in ("make room", "No space left on device")), ended.errors
        disk.change()
        in_order_again(world, whole)


@disks
def test_a_folder_that_can_only_be_read(mounts: bool, whole: Any, place: Path):
    """Neither a run that has something to do nor one that is finished ends in a traceback, and nothing is made elsewhere."""
    with small_disk(place / "runs", 64_000, mounts) as disk:
        world = whole.world.at(place)
        disk.change(read_only=True)
        ended = world.run(fault=disk.fault)
        assert ended.in_words, ended.errors
        assert (ended.code, "runs=FOLDER" in ended.errors) == (1, True), ended.errors
        disk.change()
        assert world.run().code == whole.code
        disk.change(read_only=True)
        ended = world.run(fault=disk.fault)
        assert ended.in_words, ended.errors
        assert tiny_faults.results(world.runs) == tiny_faults.results(whole.world.runs)
