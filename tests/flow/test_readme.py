"""What the README shows is run."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from polydistill.cli import app

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
COMMANDS = re.findall(r"^polydistill (\w+)(.*)$", README, re.MULTILINE)


def test_the_python_lines_run_on_the_tiny_world(lifted: Any, capsys: pytest.CaptureFixture[str]):
    code = re.search(r"```python\n(.+?)```", README, re.DOTALL)[1]
    given = 'read_plan("sdrrl", model="path/to/model", source="eng", target="spa")'
    assert given in code
    exec(code.replace(given, f"read_plan({str(lifted.path)!r})"), {})
    assert "Spanish" in capsys.readouterr().out


@pytest.mark.parametrize("verb", sorted({verb for verb, _ in COMMANDS}))
def test_every_command_shown_exists(verb: str):
    shown = CliRunner().invoke(app, [verb, "--help"])
    assert shown.exit_code == 0, shown.output


def test_the_module_is_the_command():
    shown = subprocess.run([sys.executable, "-m", "polydistill", "list"], capture_output=True, text=True, check=True)
    assert shown.stdout == CliRunner().invoke(app, ["list"]).stdout != ""


def test_the_make_targets_shown_exist():
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    for target in re.findall(r"make ([\w-]+)", README + (ROOT / "CONTRIBUTING.md").read_text("utf-8")):
        assert target in targets


@pytest.mark.parametrize("change", re.findall(r"`((?:ask|translate|mix|train)\.[\w.]+=.+?)`", README))
def test_every_setting_shown_is_read(change: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model").mkdir()
    shown = CliRunner().invoke(
        app, ["check", "sdrrl", change.replace('"', ""), "--model", "model", "--from", "eng", "--to", "spa"]
    )
    assert isinstance(shown.exception, SystemExit)
    assert "no setting named" not in shown.stderr
    assert "config.json" in shown.stderr  # the only thing wrong with the model is that it is none
