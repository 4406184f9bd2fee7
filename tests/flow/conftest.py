"""One whole run of the tiny world, for every test that only looks at it or changes a setting of it."""

from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest
import tiny

from polydistill.endings import AfterStage
from polydistill.flow import run
from polydistill.plan import Plan, read_plan
from polydistill.report import Report
from polydistill.stage import Workspace, working


class Lifted(NamedTuple):
    """A finished run."""

    path: Path
    plan: Plan
    report: Report
    space: Workspace

    def folder(self, stage: str) -> Path:
        """The folder of a stage's result."""
        return next(result.folder for name, result, _ in self.space.finished if name == stage)

    def again(self, *changes: str, until: str | None = None) -> list[str]:
        """Runs the plan with these changes, whole or up to a stage; the stages that ran and were not there already."""
        plan = read_plan(str(self.path), list(changes))
        space = Workspace(plan.runs, until=until)
        with working(space), suppress(AfterStage):
            run(plan)
        return [name for name, _, there in space.finished if not there]


@pytest.fixture(scope="session")
def lifted(tmp_path_factory: pytest.TempPathFactory) -> Lifted:
    """The tiny world's own plan, run once in this process."""
    path = tiny.world(tmp_path_factory.mktemp("lifted"))
    plan = read_plan(str(path))
    space = Workspace(plan.runs)
    with working(space):
        report = run(plan)
    return Lifted(path, plan, report, space)
