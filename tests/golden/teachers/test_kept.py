"""Each row is captured once, and what is kept outlives whatever ends a capture."""

import gc
import shutil
from pathlib import Path

import pytest
from tiny_disk import full
from tiny_kept import BATCH, BATCHES, ROWS, Asked, opened, student_of

from polydistill.batch import Tokens, padded
from polydistill.endings import Stopped
from polydistill.stage import Workspace
from polydistill.student import Student
from polydistill.teachers import _kept
from polydistill.teachers.cached import Cached


@pytest.fixture
def student(random_model: Path, space: Workspace) -> Student:
    return student_of(random_model)


def test_what_is_there_is_not_asked_again_and_the_live_teacher_goes(student: Student, monkeypatch: pytest.MonkeyPatch):
    asked = Asked(monkeypatch)
    teacher = opened(Cached(), student)
    first = teacher.say(BATCH)
    assert sorted(asked.rows) == ["a", "b", "c", "d"]
    gc.collect()
    assert [live() for live in asked.opened] == [None], "nothing holds it any more"
    again = opened(Cached(), student, [BATCH]).say(BATCH)
    assert len(asked.opened) == 1, "it was never opened again"
    assert again.top_k.ids.equal(first.top_k.ids)
    assert again.top_k.log_p.equal(first.top_k.log_p)
    more = padded([Tokens([256, 9, 9], 1, id="new"), *ROWS[:2]])
    opened(Cached(), student, [more])
    assert asked.rows[4:] == ["new"]


def test_each_row_is_asked_once_however_often_it_comes(student: Student, monkeypatch: pytest.MonkeyPatch):
    asked = Asked(monkeypatch)
    opened(Cached(), student, [padded([ROWS[0], ROWS[0]]), padded([ROWS[0]._replace(id="again"), ROWS[1]])])
    assert sorted(asked.rows) == ["a", "b"]


def test_second_answers_are_captured_too(student: Student):
    row = ROWS[0]._replace(rejected=ROWS[0].answered([99, 257]))
    teacher = opened(Cached(), student, [padded([row])])
    assert teacher.say(padded([row.rejected])).top_k


def test_a_rank_that_comes_later_captures_the_whole_of_its_share(student: Student, monkeypatch: pytest.MonkeyPatch):
    asked, batches = Asked(monkeypatch), [padded([row]) for row in ROWS]
    monkeypatch.setattr(_kept, "_any_rank", lambda true: true)
    monkeypatch.setattr(_kept, "_rank", lambda: (0, 2))
    with pytest.raises(ValueError, match="2 of 4 signals are not in"):  # the other's share, of which nobody has been asked
        opened(Cached(keeps="states"), student, batches)
    assert asked.rows == ["a", "c"]
    monkeypatch.setattr(_kept, "_rank", lambda: (1, 2))
    opened(Cached(keeps="states"), student, batches)
    assert asked.rows == ["a", "c", "b", "d"]


@pytest.mark.parametrize("error", [KeyError, Stopped])
def test_a_capture_that_ended_goes_on(error: type[Exception], student: Student, monkeypatch: pytest.MonkeyPatch):
    asked = Asked(monkeypatch, fails_at=3, error=error)
    with pytest.raises(error):
        opened(Cached(), student)
    assert asked.rows == ["a", "b", "c"]
    asked.fails_at = 0
    opened(Cached(), student)
    assert asked.rows == ["a", "b", "c", "d"]


def test_a_run_that_was_asked_to_stop_stops_after_the_batch(
    student: Student, space: Workspace, monkeypatch: pytest.MonkeyPatch
):
    asked = Asked(monkeypatch)
    space.asked = lambda: len(asked.rows) >= 2
    with pytest.raises(Stopped):
        opened(Cached(), student)
    assert asked.rows == ["a", "b"]


def test_a_damaged_row_is_captured_again(
    student: Student, space: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    before = opened(Cached(), student).say(BATCH).top_k
    (path,) = (space.root / "store").glob("signals-*/rows-*.bin")
    data = bytearray(path.read_bytes())
    data[40] ^= 1
    path.write_bytes(data)
    asked = Asked(monkeypatch)
    after = opened(Cached(), student).say(BATCH).top_k
    assert asked.rows == ["a"]
    assert "what they held is captured again" in capsys.readouterr().err
    assert after.log_p.equal(before.log_p)


def test_a_damaged_head_is_kept_again(student: Student, space: Workspace, monkeypatch: pytest.MonkeyPatch):
    before = opened(Cached(keeps="states"), student).say(BATCH).logits
    (path,) = (space.root / "store").glob("signals-*/head/head-0000.safetensors")
    path.write_bytes(path.read_bytes()[:-8])
    asked = Asked(monkeypatch)
    assert opened(Cached(keeps="states"), student).say(BATCH).logits.equal(before)
    assert asked.rows == ["a", "b"], "one batch is enough to find it out"


def test_a_full_disk_says_so_and_keeps_what_was_kept(student: Student, monkeypatch: pytest.MonkeyPatch):
    asked = Asked(monkeypatch)
    with full(3000), pytest.raises(OSError, match="make room if its disk is full"):
        opened(Cached(k=260), student)
    done = len(asked.rows) - 1
    assert 0 < done < 4
    asked.rows.clear()
    opened(Cached(k=260), student)
    assert len(asked.rows) == 4 - done


def test_what_was_not_captured_is_refused(student: Student):
    teacher = opened(Cached(), student, BATCHES[:2])
    with pytest.raises(ValueError, match="d was not there before the first step; only a live teacher can be asked of it"):
        teacher.say(BATCH)


def test_who_does_not_keep_the_head_asks_nobody_for_it(student: Student, space: Workspace, monkeypatch: pytest.MonkeyPatch):
    opened(Cached(keeps="states"), student)
    (head,) = (space.root / "store").glob("signals-*/head")
    shutil.rmtree(head)
    asked = Asked(monkeypatch)
    monkeypatch.setattr(_kept, "_any_rank", lambda true: true)
    monkeypatch.setattr(_kept, "_rank", lambda: (1, 2))
    with pytest.raises(ValueError, match=r"0 of 4 signals are not in .*, or its head is not"):  # the first rank is not here
        opened(Cached(keeps="states"), student)
    assert not asked.opened
    monkeypatch.setattr(_kept, "_rank", lambda: (0, 2))
    opened(Cached(keeps="states"), student)
    assert asked.rows == ["a", "b"]
