"""How a command ends: what is said, and the code."""

import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from polydistill.endings import AfterStage, PartDone, Stopped
from polydistill.exits import AGAIN, FAILED, REFUSED, STOPPED, Verbs, ended, fail, told
from polydistill.stage import Artifact, Workspace, pause
from polydistill.yaml_tree import PlanError


def of(verb: Callable[[], object]) -> tuple[int, str]:
    """How a program with this one verb ends."""
    app = typer.Typer(cls=Verbs)
    app.callback()(lambda: None)
    app.command("verb")(verb)
    result = CliRunner().invoke(app, ["verb"])
    return result.exit_code, result.output


def test_ctrl_c_outside_a_run_is_said_in_words():
    assert of(lambda: signal.raise_signal(signal.SIGINT)) == (STOPPED, f"stopped at once; {AGAIN}\n")


def test_what_is_refused_is_said_line_by_line():
    assert of(lambda: fail("one", "two")) == (REFUSED, "error: one\nerror: two\n")


def test_other_ends_are_left_as_they_are():
    def failing() -> None:
        raise typer.Exit(FAILED)

    assert of(lambda: None) == (0, "")
    assert of(failing) == (FAILED, "")


def raising(error: BaseException) -> Callable[[], None]:
    def work() -> None:
        raise error

    return work


NOTED = RuntimeError("broken")
NOTED.add_note("that was the arm a")


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (Stopped(), STOPPED, [f"stopped; {AGAIN}"]),
        (KeyboardInterrupt(), STOPPED, [f"stopped at once; {AGAIN}"]),
        (PlanError(["one", "two"]), REFUSED, ["error: one", "error: two"]),
        (ValueError("one"), FAILED, ["error: one"]),
        (NOTED, FAILED, ["error: broken", "that was the arm a"]),
        (OSError("no room"), FAILED, ["error: no room", f"what was finished is kept; {AGAIN}"]),
        (PartDone(Path("answer-1"), 1, 3), FAILED, [f"1 of 3 shards of answer-1 are done; {AGAIN}"]),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else None,
)
def test_every_end_of_a_run_is_said_in_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], error: BaseException, code: int, said: list[str]
):
    with pytest.raises(typer.Exit) as end:
        ended(Workspace(tmp_path), raising(error))
    assert end.value.exit_code == code
    assert capsys.readouterr().err.splitlines() == said


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("times", [1, 2])
def test_each_signal_has_its_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], number: signal.Signals, code: int, times: int
):
    def work() -> None:
        for _ in range(times):
            signal.raise_signal(number)
        pause()

    with pytest.raises(typer.Exit) as end:
        ended(Workspace(tmp_path), work)
    assert end.value.exit_code == code
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "stopping after this batch; press Ctrl-C again to stop at once"
    assert said[-1] == f"stopped{' at once' if times == 2 else ''}; {AGAIN}"


YOURS = "give a folder that is yours: runs=FOLDER"


@pytest.mark.parametrize(("error", "said"), [
    (OSError(28, "No space left on device", "a.txt"), "a.txt cannot be written: No space left on device; make room"),
    (OSError(28, "No space left on device"), "a file cannot be written: No space left on device; make room"),
    (PermissionError(13, "Permission denied", "a"), f"a cannot be used: Permission denied; {YOURS}"),
    (OSError(30, "Read-only file system", "a"), f"a cannot be used: Read-only file system; {YOURS}"),
    (FileNotFoundError("no file a"), "no file a"),
])  # fmt: skip
def test_what_the_system_refuses_is_said_with_what_to_do(error: OSError, said: str):
    assert told(error) == said


def test_a_full_memory_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(typer.Exit) as end:
        ended(Workspace(tmp_path), raising(MemoryError()))
    assert end.value.exit_code == FAILED
    assert capsys.readouterr().err.startswith("error: the memory is full; try a smaller batch_size")


def test_one_workers_part_is_no_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(typer.Exit) as end:
        ended(Workspace(tmp_path, part=(0, 2)), raising(PartDone(Path("answer-1"), 1, 3)))
    assert end.value.exit_code == 0
    assert capsys.readouterr().err == "1 of 3 shards of answer-1 are done; run the other workers, then the plan\n"


def test_what_was_asked_for_is_given_back(tmp_path: Path):
    result = Artifact(tmp_path)
    assert ended(Workspace(tmp_path), lambda: 5) == 5
    assert ended(Workspace(tmp_path), raising(AfterStage(result))) is result


def test_an_unknown_error_keeps_its_traceback(tmp_path: Path):
    with pytest.raises(ZeroDivisionError):
        ended(Workspace(tmp_path), lambda: 1 / 0)
