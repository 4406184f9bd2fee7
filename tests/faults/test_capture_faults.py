"""A teacher's signals captured by a command that is killed, or refused the disk, at any change it makes."""

from pathlib import Path
from typing import Any

import pytest
import tiny_faults
from tiny_faults import KILLED, Fault, World

pytestmark = pytest.mark.faults

CACHED = (
    "train.objective={word_level: {teacher: {cached: {teacher: shown_more, keeps: states}}}}", "train.epochs=1",
    "train.micro_tokens=400",
)  # fmt: skip


def weights(world: World) -> dict[str, bytes]:
    return {name: data for name, data in tiny_faults.results(world.runs).items() if name.startswith("train-")}


def captured(world: World) -> int:
    """Bytes in the files of rows."""
    return sum(path.stat().st_size for path in world.runs.glob("store/signals-*/rows-*.bin"))


@pytest.fixture(scope="module")
def uninterrupted(whole: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[World, list[int]]:
    """A training that captures, and which of its changes are in the folder of signals."""
    base = tmp_path_factory.mktemp("capture")
    world, journal = whole.state("train", base / "world"), base / "journal"
    ended = world.run("train", *CACHED, fault=Fault(world.runs, 0, journal=str(journal)))
    assert ended.code == 0, ended.errors
    lines = journal.read_text("utf-8").splitlines()
    return world, [number for number, line in enumerate(lines, 1) if "/store/signals-" in line]


def some(points: list[int], count: int) -> list[int]:
    """Some of them, the first, the second and the last among them."""
    return sorted({points[0], points[1], points[-1], *points[:: max(1, len(points) // count)]})


def went_on(world: World, uninterrupted: tuple[World, list[int]]) -> None:
    before = captured(world)
    ended = world.run("train", *CACHED)
    assert ended.code == 0, ended.errors
    assert weights(world) == weights(uninterrupted[0])
    assert captured(world) - before <= captured(uninterrupted[0])


def test_killed_at_any_change_it_goes_on(
    uninterrupted: tuple[World, list[int]], whole: Any, place: Path, figures: dict[str, int]
):
    points = some(uninterrupted[1], 10)
    assert len(points) > 8
    least = captured(uninterrupted[0])
    for at in points:
        world = whole.state("train", place / str(at))
        assert world.run("train", *CACHED, fault=Fault(world.runs, at)).code == KILLED
        went_on(world, uninterrupted)
        assert captured(world) < 1.3 * least, "no more than one batch was lost"
    figures["captures killed"] = len(points)


def test_refused_the_disk_it_says_so_and_goes_on(
    uninterrupted: tuple[World, list[int]], whole: Any, place: Path, figures: dict[str, int]
):
    points = some(uninterrupted[1], 4)
    for at in points:
        world = whole.state("train", place / str(at))
        ended = world.run("train", *CACHED, fault=tiny_faults.full(world.runs, at))
        assert ended.in_words, ended.errors
        went_on(world, uninterrupted)
    figures["captures refused the disk"] = len(points)
