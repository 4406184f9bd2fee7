"""One uninterrupted run of the tiny world, its state before every stage, and the figures of the suite."""

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import tiny_faults
from tiny_faults import STAGES, Fault, Parent, World

SAID: dict[str, int] = {}
"""Sums over the rounds, printed at the end."""


@pytest.fixture(scope="session")
def figures() -> dict[str, int]:
    return SAID


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for name, value in SAID.items():
        terminalreporter.write_line(f"{name}: {value}")


@pytest.fixture(scope="session")
def over(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parent]:
    """The forking process."""
    with tiny_faults.parent(tmp_path_factory.mktemp("parent")) as one:
        yield one


class Whole(NamedTuple):
    """An uninterrupted run, stage by stage."""

    world: World
    code: int
    before: dict[str, Path]
    """The state before each stage, with the calls up to there."""
    changes: dict[str, int]
    """How many changes each stage's command makes below the folder of results."""
    journals: dict[str, Path]
    """All of them, in order."""
    seconds: float

    def changes_of(self, stage: str, only: str) -> int:
        """How many of a stage's changes are of a kind that a `Fault` counts alone."""
        kinds = {"w": ("write", "open", "mkdir"), "s": ("sync",)}.get(only)
        lines = self.journals[stage].read_text("utf-8").splitlines()
        return sum(kinds is None or line.split("\t")[0] in kinds for line in lines)

    def state(self, stage: str, folder: Path) -> World:
        """A world of its own that stands before a stage."""
        return self.world.at(folder, self.before[stage])


@pytest.fixture(scope="session")
def whole(over: Parent, tmp_path_factory: pytest.TempPathFactory) -> Whole:
    base = tmp_path_factory.mktemp("whole")
    made = tiny_faults.world(over, base / "world")
    world = made.at(base / "results")
    before, changes, journals, began = {}, {}, {}, time.monotonic()
    for stage in STAGES:
        before[stage], journals[stage] = base / f"before-{stage}", base / f"{stage}.journal"
        shutil.copytree(base / "results", before[stage], symlinks=True)
        ended = world.run(stage, fault=Fault(world.runs, 0, journal=str(journals[stage])))
        assert ended.in_words, ended
        changes[stage] = len(journals[stage].read_text("utf-8").splitlines())
    ended = world.run()
    assert ended.code in (0, 3), ended.errors
    return Whole(world, ended.code, before, changes, journals, time.monotonic() - began)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A folder that is removed at once: hundreds of rounds would fill the disk."""
    yield tmp_path / "place"
    if not os.environ.get("FAULTS_KEEP"):
        shutil.rmtree(tmp_path, ignore_errors=True)
