"""What the number of items can show, before anything runs."""

from collections.abc import Iterable, Sequence
from math import sqrt
from pathlib import Path

import pytest
from tiny_plan import GOOD

from polydistill.engines import OpenEngine
from polydistill.evaluators import Evaluator, Score
from polydistill.evidence import smallest
from polydistill.plan import Plan, read_plan
from polydistill.records import Lang, Row
from polydistill.sizes import HEADING, SEEN, Size, _told, lines, too_few


@pytest.fixture
def plan(tmp_path: Path):
    path = tmp_path / "plan.yaml"
    path.write_text(GOOD, "utf-8")

    def read(*changes: str) -> Plan:
        return read_plan(str(path), list(changes))

    return read


def test_one_line_for_each_evaluator_and_kind_of_score(plan):
    evaluators = "[loops, capitals, text_bits, machine_translation_fit]"
    heading, *told = lines(plan(f"evaluate.evaluators={evaluators}"))
    assert heading == HEADING
    assert [line.split(": ")[0] for line in told] == [
        "loops", "capitals", "capitals", "text_bits", "machine_translation_fit", "machine_translation_fit",
    ]  # fmt: skip
    assert f"loops: 40 items at most can show {100 * smallest(40, sqrt(0.15)):.1f} points" in told
    assert f"text_bits: 60 items at most can show {100 * smallest(60, 0.1):.1f} % of bits per character" in told
    assert f"machine_translation_fit: 24 items at most can show {smallest(24, SEEN['chrF++']):.1f} points of chrF++" in told


def test_500_items_show_5_points_and_300_do_not(plan):
    (line,) = lines(plan("evaluate.evaluators=[{loops: {items: 500}}]"))[1:]
    assert line.endswith("can show 4.9 points")
    (line,) = lines(plan("evaluate.evaluators=[{loops: {items: 300}}]"))[1:]
    assert line.endswith("can show 6.3 points")


def test_one_item_and_an_unknown_unit_are_said_to_be_so():
    assert _told(Size("loops", "looping_answers", "share", 1)) == "loops: 1 item can show no difference in share"
    assert _told(Size("own", "own", "grade", 9)) == "own: 9 items in grade, of which it is not known how they vary"


def test_no_evaluator_has_no_line(plan):
    assert lines(plan("evaluate.evaluators=[]")) == []


RETAIN = "choose.retain={{score: {}, language: eng, worse_by: {}}}"


@pytest.mark.parametrize(
    ("score", "worse_by", "items", "needed"),
    [
        ("text_bits", "2%", 60, 199),
        ("text_bits_udhr", "2%", 60, 199),
        ("looping_answers", "2 points", 40, 2946),
        ("looping_answers", "0.02", 40, 2946),
    ],
)
def test_a_margin_that_the_items_cannot_show_is_warned_of(plan, score: str, worse_by: str, items: int, needed: int):
    (told,) = too_few(plan("evaluate.evaluators=[text_bits, loops]", RETAIN.format(score, worse_by)))
    assert told.startswith(f"evaluate: {items} items of {score}")
    assert told.endswith(f", but choose.retain.worse_by is {worse_by}; give {needed} items or a wider margin")


def test_as_many_as_were_asked_for_are_enough(plan):
    enough = "evaluate.evaluators=[{text_bits: {items: 199}}, {loops: {items: 2946}}]"
    assert too_few(plan(enough, RETAIN.format("text_bits", "2%"))) == []
    assert too_few(plan(enough, RETAIN.format("looping_answers", "2 points"))) == []


def test_nothing_is_warned_of_where_nothing_is_asked_or_nothing_is_known(plan):
    assert too_few(plan("evaluate.evaluators=[text_bits]")) == []
    assert too_few(plan("evaluate.evaluators=[text_bits]", RETAIN.format("text_bits", "0.01"))) == []
    assert too_few(plan("evaluate.evaluators=[text_bits]", RETAIN.format("looping_answers", "2 points"))) == []


class Named(Evaluator):
    """Says nothing of its sizes."""

    items: int = 7
    """Items."""

    def __call__(self, engine: OpenEngine, languages: Sequence[Lang], heldout: Iterable[Row]) -> list[Score]:
        return []


class Silent(Evaluator):
    """Has no number of items."""

    def __call__(self, engine: OpenEngine, languages: Sequence[Lang], heldout: Iterable[Row]) -> list[Score]:
        return []


def test_an_evaluator_that_says_nothing_has_shares_of_its_items():
    assert list(Named().sizes([]).values()) == [("share", 7)]
    assert Silent().sizes([]) == {}
