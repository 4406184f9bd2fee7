"""What the README shows is run."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import tiny

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
COMMANDS = re.findall(r"^polydistill (\w+)(.*)$", README, re.MULTILINE)


def polydistill(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-m", "polydistill", *words], capture_output=True, text=True, cwd=cwd, env=environment
    )


def test_the_python_lines_run_on_the_tiny_world(tmp_path, monkeypatch, capsys):
    plan = tiny.world(tmp_path)
    code = re.search(r"```python\n(.+?)```", README, re.DOTALL)[1]
    given = 'read_plan("sdrrl", model="path/to/model", source="eng", target="spa")'
    assert given in code
    exec(code.replace(given, f"read_plan({str(plan)!r})"), {})
    assert "Spanish" in capsys.readouterr().out


@pytest.mark.parametrize("verb", sorted({verb for verb, _ in COMMANDS}))
def test_every_command_shown_exists(verb, tmp_path):
    shown = polydistill(verb, "--help", cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr


def test_the_make_targets_shown_exist():
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    for target in re.findall(r"make ([\w-]+)", README + (ROOT / "CONTRIBUTING.md").read_text("utf-8")):
        assert target in targets


@pytest.mark.parametrize("change", re.findall(r"`((?:ask|translate|mix|train)\.[\w.]+=.+?)`", README))
def test_every_setting_shown_is_read(change, tmp_path):
    (tmp_path / "model").mkdir()
    change = change.replace('"', "")
    shown = polydistill(
        "check", "sdrrl", change, "--model", str(tmp_path / "model"), "--from", "eng", "--to", "spa", cwd=tmp_path
    )
    assert "no setting named" not in shown.stderr
    assert "Traceback" not in shown.stderr
    assert "config.json" in shown.stderr  # the only thing wrong with the model is that it is none
