"""One line a step, none twice."""

import json
from pathlib import Path

import pytest

from polydistill.events import Events
from polydistill.stage import BESIDE


def lines(out: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (out / BESIDE / "events.jsonl").read_text("utf-8").splitlines()]


def test_a_line_a_step(tmp_path: Path):
    with Events(tmp_path, 0, True) as events:
        for step in range(3):
            events.write(step, {"loss": step / 2, "tokens": 10})
            assert len(lines(tmp_path)) == step + 1, "each is there as soon as it is written"
    assert [(event["step"], event["loss"], event["tokens"]) for event in lines(tmp_path)] == [
        (0, 0, 10),
        (1, 0.5, 10),
        (2, 1, 10),
    ]
    assert all(event["seconds"] >= 0 for event in lines(tmp_path))


def test_after_a_resume_what_came_after_the_checkpoint_is_written_anew(tmp_path: Path):
    with Events(tmp_path, 0, True) as events:
        for step in range(4):
            events.write(step, {"loss": 1.0, "tokens": 1})
    with (tmp_path / BESIDE / "events.jsonl").open("a") as file:
        file.write('{"step": 4, "lo')  # half a line, as a kill leaves it
    with Events(tmp_path, 2, True) as events:
        assert [event["step"] for event in lines(tmp_path)] == [0, 1]
        events.write(2, {"loss": 9.0, "tokens": 1})
    assert [(event["step"], event["loss"]) for event in lines(tmp_path)] == [(0, 1), (1, 1), (2, 9)]


def test_another_rank_counts_and_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    seconds = iter([100.0, 104.0])
    monkeypatch.setattr("polydistill.events.time.monotonic", lambda: next(seconds))
    with Events(tmp_path, 0, False) as events:
        events.write(0, {"loss": 1.0, "tokens": 30})
        events.write(1, {"loss": 1.0, "tokens": 10})
        assert events.speed == 10, "40 tokens in 4 seconds"
    assert list(tmp_path.iterdir()) == []
