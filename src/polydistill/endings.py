"""How a run may end before its report, none of them an error."""

from pathlib import Path
from typing import Any


class Stopped(Exception):
    """The run was asked to stop and did so between two batches."""


class PartDone(Exception):
    """One worker's share of a row stage is done; others may still be at theirs."""

    def __init__(self, folder: Path, done: int, shards: int):
        super().__init__(f"{done} of {shards} shards of {folder.name} are done")
        self.folder, self.done, self.shards = folder, done, shards


class WouldRun(Exception):
    """Raised in place of working when only looking at what a plan would do."""

    def __init__(self, stage: str, folder: Path, settings: Any, inputs: tuple[Any, ...]):
        super().__init__(stage)
        self.stage, self.folder, self.settings, self.inputs = stage, folder, settings, inputs


class AfterStage(Exception):
    """The stage that was asked for is done, with its result."""

    def __init__(self, result: Any):
        super().__init__(result.folder)
        self.result = result
