"""Programs that read lines and write lines."""

from pathlib import Path

import pytest
import tiny_translators as tiny

from polydistill.translators import _programs as programs


def test_a_program_that_takes_too_long_is_ended_with_its_children(tmp_path: Path) -> None:
    slow = tiny.program(tmp_path / "slow", "import subprocess\nsubprocess.run(['sleep', '60'])\n")
    with pytest.raises(programs.Failed, match="no answer within 0 seconds"):
        programs.run([str(slow)], b"", seconds=0.2)


def test_a_program_that_is_not_there_is_a_failure(tmp_path: Path) -> None:
    with pytest.raises(programs.Failed, match="cannot be run: No such file"):
        programs.run([str(tmp_path / "absent")], b"", seconds=1)
