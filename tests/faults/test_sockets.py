"""No command listens, and none goes out."""

from pathlib import Path

import pytest
import tiny
from tiny_network import opened

pytestmark = pytest.mark.faults


def test_no_command_listens_or_goes_out(tmp_path: Path):
    path = tiny.world(tmp_path / "world", taught=False)
    code = """
from polydistill import cli
path = sys.argv[1]
for given in (["list"], ["list", "sources"], ["show", "sdrrl"], ["show", "openai"], ["check", path], ["plan", path],
              ["run", path, "train.epochs=1"], ["rows", path.replace("plan.yaml", "runs/tiny")]):
    sys.argv = ["polydistill", *given]
    try:
        cli.main()
    except SystemExit as end:
        assert end.code in (None, 0, 3), (given, end.code)
assert __import__("pathlib").Path(path).parent.joinpath("runs/tiny/report.html").is_file()
"""
    assert opened(code, str(path)) == []
