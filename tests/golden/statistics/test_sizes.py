"""What the number of items can show, before anything runs."""

import re
from collections.abc import Iterable, Sequence
from math import sqrt
from pathlib import Path

import pytest
from tiny_plan import GOOD
from tiny_rows import ENG, SPA

from polydistill.engines import OpenEngine
from polydistill.evaluators import Evaluator, Score
from polydistill.plan import Plan, read_plan
from polydistill.records import Lang, Row
from polydistill.retain import RetainSettings
from polydistill.sources import BadInput
from polydistill.statistics.evidence import smallest
from polydistill.statistics.sizes import HEADING, SEEN, Size, _told, check_promise, lines, too_few


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


def test_a_margin_that_the_bits_cannot_show_is_warned_of(plan):
    for score in ("text_bits", "text_bits_udhr"):
        (told,) = too_few(plan("evaluate.evaluators=[text_bits, loops]", RETAIN.format(score, "2%")))
        assert told == (
            "evaluate: worse_by: 2% of text_bits_udhr cannot be shown with 60 items, which show 3.7 % of bits per character; "
            "give 199 items or worse_by: 4%"
        )
    assert too_few(plan("evaluate.evaluators=[{text_bits: {items: 199}}]", RETAIN.format("text_bits", "2%"))) == []
    assert too_few(plan("evaluate.evaluators=[text_bits]", RETAIN.format("text_bits", "4%"))) == []


def test_nothing_is_warned_of_where_nothing_is_asked_or_nothing_is_known_or_it_is_refused(plan):
    assert too_few(plan("evaluate.evaluators=[text_bits]")) == []
    assert too_few(plan("evaluate.evaluators=[text_bits]", RETAIN.format("text_bits", "0.01"))) == []
    assert too_few(plan("evaluate.evaluators=[text_bits]", RETAIN.format("looping_answers", "2 points"))) == []
    assert too_few(plan("evaluate.evaluators=[loops]", RETAIN.format("looping_answers", "2 points"))) == []


RUS = Lang("rus")


class Toy(Evaluator):
    """Has scores of stated sizes."""

    stated: dict[str, tuple[str, int]]
    """By name."""

    def __call__(self, engine: OpenEngine, languages: Sequence[Lang], heldout: Iterable[Row]) -> list[Score]:
        return []

    def sizes(self, languages: Sequence[Lang]) -> dict[str, tuple[str, int]]:
        return self.stated

    def measures(self, lang: Lang) -> bool:
        return lang != RUS


TOY = Toy(
    stated={
        "text_bits_toy": ("bits per character", 60), "capitals_choice": ("accuracy", 180), "loops": ("share", 40),
        "summaries_chrf": ("chrF++", 20), "alone": ("share", 1),
    }
)  # fmt: skip


def promise(score: str, worse_by: str, language: Lang = ENG) -> None:
    check_promise(RetainSettings(score=score, worse_by=worse_by), language, [TOY], [language, SPA])


@pytest.mark.parametrize(
    ("name", "worse_by"),
    [
        ("text_bits", "2%"), ("capitals", "9 points"), ("capitals_choice", "9%"), ("loops_within", "20 points"),
        ("summaries", "1 point"),
    ],
)  # fmt: skip
def test_a_promise_that_can_be_shown_or_is_only_warned_of(name: str, worse_by: str):
    promise(name, worse_by)


@pytest.mark.parametrize(
    ("name", "worse_by", "said"),
    [
        ("text_bit", "2%", "score: no score named 'text_bit' is measured; did you mean text_bits_toy?"),
        ("text_bits", "2 points", "worse_by: 2 points of bits per character mean nothing; give a percentage, such as 2%"),
        # (1.96 + 0.84) sqrt(0.15 / 180) = 0.081
        (
            "capitals",
            "2 points",
            "worse_by: 2 points of capitals_choice cannot be shown with 180 items, which show 8.1 points; give 2946 items or "
            "worse_by: 9 points or a score that tells more an item, such as text_bits",
        ),
        ("alone", "2 points", "cannot be shown with 1 items, which can show no difference; give 2946 items or a score that"),
    ],
)
def test_a_promise_that_cannot_be_shown_is_refused(name: str, worse_by: str, said: str):
    with pytest.raises(ValueError, match=re.escape(said)):
        promise(name, worse_by)


def test_a_promise_on_a_language_that_the_score_has_no_items_in_is_refused():
    with pytest.raises(BadInput, match=r"score: text_bits_toy has no items in Russian \(rus\); give another score, such as"):
        promise("text_bits", "2%", RUS)
    promise("text_bits", "2%", ENG)


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
