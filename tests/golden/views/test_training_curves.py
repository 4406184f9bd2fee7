"""The training loss by parts and kinds, from the events of a training."""

from typing import Any

import pytest

from polydistill.views.charts import Point
from polydistill.views.training_curves import by_kind, resumes, whole


def event(step: int, loss: float = 2.0, tokens: int = 4, **more: Any) -> dict[str, Any]:
    return {"step": step, "loss": loss, "answer_tokens": tokens, **more}


def test_several_steps_together_are_one_point_weighted_by_answer_tokens():
    events = [event(0, 2.0, 1), event(1, 4.0, 3), *(event(step) for step in range(2, 400))]
    (line,) = whole(events).values()
    assert len(line) == 200
    assert line[0] == Point(0, (2 * 1 + 4 * 3) / 4, 4)


def test_one_part_alone_is_the_whole():
    rows = {"target spa": {"answer_tokens": 4, "next_token": 8.0}}
    assert whole([event(0, next_token=2.0, rows=rows)]) == {"all": [Point(0, 2.0, 4)]}


def test_parts_are_lines_of_their_own():
    rows = {"rich eng": {"answer_tokens": 4, "next_token": 8.0, "near_untouched": 0.4}}
    found = whole([event(0, 2.1, next_token=2.0, near_untouched=0.1, rows=rows)])
    assert {name: points[0].y for name, points in found.items()} == pytest.approx(
        {"all": 2.1, "next token": 2.0, "near untouched": 0.1}
    )


def test_a_kinds_loss_is_that_of_its_own_tokens_and_all_its_parts():
    events = [
        event(0, rows={"target spa": {"answer_tokens": 2, "a": 4.0, "b": 1.0}, "rich eng": {"answer_tokens": 8, "a": 8.0}}),
        event(1, rows={"rich eng": {"answer_tokens": 4, "a": 2.0}}),
    ]
    assert by_kind(events) == {
        "rich eng": [Point(0, 1.0, 8), Point(1, 0.5, 4)], "target spa": [Point(0, 2.5, 2)],
    }  # fmt: skip
    assert list(by_kind(events)) == ["rich eng", "target spa"]  # the most tokens first


def test_of_many_kinds_the_smallest_are_one():
    rows = {f"kind {n}": {"answer_tokens": n, "a": 1.0 * n * n} for n in range(1, 11)}
    found = by_kind([event(0, rows=rows)])
    assert list(found) == ["kind 10", "kind 9", "kind 8", "kind 7", "kind 6", "kind 5", "kind 4", "other"]
    assert found["other"] == [Point(0, (1 + 4 + 9) / 6, 6)]
    del rows["kind 10"], rows["kind 9"]
    assert "other" not in by_kind([event(0, rows=rows)])


def test_a_kind_without_tokens_to_learn_has_no_point():
    assert by_kind([event(0, rows={"rich eng": {"answer_tokens": 0, "a": 0.0}})]) == {}


def test_events_without_kinds_have_the_whole_alone():
    events = [{"step": 0, "loss": 3.0}, {"step": 1, "loss": 2.0}]
    assert whole(events) == {"all": [Point(0, 3.0, 1), Point(1, 2.0, 1)]}
    assert by_kind(events) == {}


def test_training_went_on_where_the_seconds_begin_anew():
    events = [event(n, seconds=of) for n, of in enumerate([1.0, 2.0, 0.5, 1.5, 0.2])]
    assert resumes(events) == [2, 4]
    assert resumes([event(0), event(1)]) == []
