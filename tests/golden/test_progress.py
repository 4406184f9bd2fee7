"""A line of progress: how far, how fast, how long."""

import time

import pytest

from polydistill import progress
from polydistill.progress import Line, clock, line, note, say
from polydistill.stage import Workspace, working


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0:00"), (9.4, "0:09"), (59.6, "1:00"), (61, "1:01"), (3599, "59:59"), (3600, "1:00:00"), (36_605, "10:10:05")],
)
def test_seconds_as_people_read_them(seconds: float, shown: str):
    assert clock(seconds) == shown


def test_time_left_by_hand(monkeypatch: pytest.MonkeyPatch):
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    shown = Line("answer", 40, "questions")
    assert shown.text() == "answer      0/40 questions  0:00"
    shown.skip(20)
    shown.advance(5, "93 tokens/s")
    now[0] += 10
    # 5 in 10 seconds: what was there already does not flatter the speed, so the other 15 take 30.
    assert shown.text() == "answer      25/40 questions  93 tokens/s  0:10  0:30 left"
    shown.advance(15)
    assert shown.text() == "answer      40/40 questions  93 tokens/s  0:10"


def test_a_line_without_a_total_has_no_end():
    shown = Line("mix", None, "rows")
    shown.advance(3)
    assert shown.text() == "mix         rows  0:00"


def test_it_begins_at_once_and_ends_with_where_it_came(capsys: pytest.CaptureFixture[str]):
    with line("mix", 3, "rows") as shown:
        assert capsys.readouterr().err == "mix         0/3 rows  0:00\n"
        shown.advance(3)
    assert capsys.readouterr().err == "mix         3/3 rows  0:00\n"


def test_a_long_step_is_no_silence(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setattr(progress, "QUIET_SECONDS", 0.5)
    with line("train", 10, "steps"):
        time.sleep(2.3)
    assert capsys.readouterr().err.count("train") >= 3


def test_an_inner_line_gives_way_to_the_outer_one(capsys: pytest.CaptureFixture[str]):
    with line("outer", 2, "a") as outer:
        with line("inner", 2, "b"):
            note("fast")
        note("slow")
        assert outer.note == "slow"
    said = capsys.readouterr().err.splitlines()
    assert [text.split()[0] for text in said] == ["outer", "inner", "inner", "outer"]
    assert "fast" in said[2]
    note("nobody")  # without a line nothing happens


def test_a_sentence_stands_on_a_line_of_its_own(capsys: pytest.CaptureFixture[str]):
    with line("mix", 1, "rows"):
        say("3 rows are out")
    assert "\n3 rows are out\n" in capsys.readouterr().err


def test_an_error_ends_the_line(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(ZeroDivisionError), line("mix", 1, "rows"):
        1 / 0  # noqa: B018
    assert capsys.readouterr().err.count("mix") == 2
    assert progress._current is None


def test_what_is_said_once_is_said_once_a_run(capsys, tmp_path):
    for _ in range(2):
        with working(Workspace(tmp_path)):
            progress.say_once("left out 3")
            progress.say_once("left out 3")
    assert capsys.readouterr().err == "left out 3\n" * 2
    progress.say_once("left out 3")
    progress.say_once("left out 3")  # outside of a run nothing is remembered
    assert capsys.readouterr().err == "left out 3\n" * 2


def test_a_list_is_as_wide_as_the_terminal_and_a_line_each_elsewhere(monkeypatch: pytest.MonkeyPatch):
    text = "towards a target between itself and the whole model"
    assert progress.beside("taid", text, 8) == f"taid    {text}"
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "36")
    assert progress.beside("taid", text, 8) == "taid    towards a target between\n        itself and the whole model"
