"""The verdict and the warnings, in words."""

from typing import Any

import pytest
from tiny_scores import answered, change

from polydistill.records import Lang
from polydistill.retain import Front, Point, RetainSettings
from polydistill.served import Served
from polydistill.statistics.margin import Margin
from polydistill.views.findings import Change
from polydistill.views.verdict import kept_or_lost, retained, verdict, warnings

ENG, SPA, CAT = Lang("eng"), Lang("spa"), Lang("cat")
RETAIN = RetainSettings(score="text_bits", worse_by=Margin("2%"))


def rich(within: tuple[float, float] | None, after: float = 1.0, **more: Any) -> Change:
    return change("text_bits_udhr", ENG, 1.0, after, within, **more)


def test_the_headline_leads_in_the_target_with_its_interval():
    changes = [
        change("text_bits_udhr", SPA, 3.0, 2.9), change("documentation_qa_bits", SPA, 2.0, 1.8, (-0.3, -0.1), headline=True),
        change("looping_answers", SPA, 0.5, 0.1, unit="share"), rich((-0.05, -0.01), 0.97),
    ]  # fmt: skip
    assert [(said.text, said.tone) for said in verdict(changes, ENG, [SPA])] == [
        (
            "Spanish: documentation QA bits 2.000 to 1.800 bits per character (-10.0 % [-15.0, -5.0], better); "
            "answers that loop 50.0 to 10.0 %.", "good",
        ),
        ("English: text bits UDHR 1.000 to 0.970 bits per character (-3.0 % [-5.0, -1.0], better).", "good"),
    ]  # fmt: skip


def test_a_loss_of_the_rich_language_that_is_not_excluded_is_said_without_alarm():
    (_, said) = verdict([rich((-0.01, 0.03), 1.01)], ENG, [SPA])
    assert said.text.endswith("(+1.0 % [-1.0, +3.0], no difference shown). A loss of 3.0 % is not excluded.")
    assert said.tone == "plain"
    points = change("capitals", ENG, 0.5, 0.49, (-0.04, 0.02), unit="accuracy", headline=True)
    assert verdict([points], ENG, [SPA])[-1].text.endswith("no difference shown). A loss of 4.0 points is not excluded.")


def test_a_shown_loss_of_the_rich_language_is_said():
    (_, said) = verdict([rich((0.01, 0.05), 1.03)], ENG, [SPA])
    assert said.text.endswith("(+3.0 % [+1.0, +5.0], worse). English has lost.")
    assert said.tone == "bad"


def test_what_stayed_as_it_was_is_said_so():
    assert "(+0.0 %, the same)" in verdict([change("text_bits_udhr", SPA, 3.0, 3.0)], ENG, [SPA])[0].text


def test_a_language_without_scores_on_text_by_people_has_no_verdict():
    changes = [change("fit_to_machine_translation", SPA, 3.0, 2.0)]
    assert verdict(changes, ENG, [SPA])[0] == (
        "Spanish: no documentation QA and no text bits, which lead where measured; see the table.",
        "plain",
    )


def test_a_student_that_is_the_untouched_model_is_said_to_be_first():
    front = Front.alone(Point(4, 0.0))
    assert verdict([rich(None)], ENG, [SPA], front=front)[0] == ("The student is the untouched model.", "bad")
    trained = Front.alone(Point(4, 0.5))
    assert verdict([rich(None)], ENG, [SPA], front=trained) == verdict([rich(None)], ENG, [SPA])


# Retention


@pytest.mark.parametrize(
    ("within", "kept", "tone", "said"),
    [
        ((-0.01, 0.015), "kept", "good", "English kept: text bits UDHR +0.0 % [-1.0, +1.5], so it has lost no more than 2%."),
        ((0.03, 0.05), "lost", "bad", "English lost more than 2%: text bits UDHR +0.0 % [+3.0, +5.0]."),
        (
            (-0.01, 0.025), "not shown", "bad",
            "English not shown to be kept: text bits UDHR +0.0 % [-1.0, +2.5], a loss beyond 2% is not excluded.",
        ),
    ],
)  # fmt: skip
def test_kept_is_said_only_when_the_bound_clears_the_margin(within: tuple[float, float], kept: str, tone: str, said: str):
    changes = [rich(within)]
    assert kept_or_lost(changes, ENG, RETAIN) == kept
    assert verdict(changes, ENG, [SPA], RETAIN)[-1] == (said, tone)


def test_with_a_margin_the_rich_languages_own_sentence_does_not_judge_it_twice():
    (_, said, judged) = verdict([rich((-0.01, 0.015), 1.001)], ENG, [SPA], RETAIN)
    assert "not excluded" not in said.text
    assert said.tone == "plain"
    assert judged.tone == "good"


def test_nothing_is_kept_where_no_margin_was_set_or_nothing_was_measured():
    assert kept_or_lost([rich((-0.01, 0.01))], ENG, None) == ""
    assert kept_or_lost([], ENG, RETAIN) == "not shown"
    assert verdict([], ENG, [SPA], RETAIN)[-1] == (
        "English: text bits, which was to be kept, was not measured by one score.",
        "bad",
    )


def test_the_score_to_keep_is_found_by_its_name_before_its_beginning():
    changes = [change("text_bits_udhr", ENG, 1.0, 1.0), change("text_bits", ENG, 2.0, 2.0), change("text_bits", SPA, 3.0, 3.0)]
    assert retained(changes, ENG, RETAIN) is changes[1]
    assert retained(changes[:1], ENG, RETAIN) is changes[0]
    assert retained(changes, ENG, RetainSettings(score="text_bits", language=SPA, worse_by=Margin("2%"))) is changes[2]


@pytest.mark.parametrize("names", [("text_bitsy",), ("text_bits_udhr", "text_bits_documentation")])
def test_a_score_that_only_looks_like_it_or_one_of_several_is_not_the_one_to_keep(names: tuple[str, ...]):
    assert retained([change(name, ENG, 1.0, 1.0) for name in names], ENG, RETAIN) is None


# Warnings


def test_a_scores_own_warning_stands_there_once():
    doubted = rich((-0.01, 0.01), warning="the identifier takes it for another")
    assert warnings([doubted, doubted], ENG) == ["English, text bits UDHR: the identifier takes it for another"]


def test_a_warning_about_the_identifier_says_itself_which_language_it_is_about():
    said = "Language fidelity in Galician is in doubt"
    assert warnings([change("identifier_on_people", SPA, 0.9, 0.9, unit="share", warning=said)], ENG) == [said]


@pytest.mark.parametrize(
    ("served", "said"),
    [
        (Served(equal=8, of=8), []),
        (Served(equal=7, of=8), ["7 of 8 answers are the same after reload in plain transformers."]),
        (
            Served(equal=8, of=8, faults=("x is new",)),
            ["8 of 8 answers are the same after reload in plain transformers; x is new."],
        ),
        (Served(equal=0, of=0), ["0 of 0 answers are the same after reload in plain transformers."]),
    ],
)
def test_a_folder_that_is_not_shown_to_answer_as_it_did_is_said_first(served: Served, said: list[str]):
    doubted = rich((-0.01, 0.01), warning="x")
    assert warnings([doubted], ENG, served=served) == [*said, "English, text bits UDHR: x"]


def test_too_few_items_for_the_margin_are_said():
    change = rich((-0.01, 0.01))
    assert change.difference is not None
    few = change._replace(difference=change.difference.model_copy(update={"smallest": 0.05}))
    enough = change._replace(difference=change.difference.model_copy(update={"smallest": 0.019}))
    assert warnings([few], ENG, RETAIN) == [
        "English, text bits UDHR: too few items for a margin of 2%; 40 items show a loss in 80 % of cases from 5.0 % on"
    ]
    assert warnings([few], ENG) == []
    assert warnings([enough], ENG, RETAIN) == []


def test_fewer_than_thirty_independent_items_are_said():
    change = rich((-0.01, 0.01))
    assert change.difference is not None
    few = change._replace(difference=change.difference.model_copy(update={"groups": 29}))
    assert warnings([few], ENG) == ["fewer than 30 independent items, so the interval is rough: English, text bits UDHR (29)"]


def test_overlap_with_training_is_said_with_the_clean_score():
    before, after = answered("capitals", SPA, [1, 0, 0]), answered("capitals", SPA, [1, 1, 0])
    clean = answered("capitals", SPA, [0, 0]), answered("capitals", SPA, [1, 0])
    said = "Spanish, capitals: 1 of 3 items share text with training rows"
    assert warnings([Change(before, after, overlap=("0",), clean=clean)], ENG) == [f"{said}; without them 0.0 to 50.0"]
    assert warnings([Change(before, after, overlap=("0",))], ENG) == [said]
