"""What a comparison says of its arms, in words."""

from typing import Any

import pytest
from tiny_comparison import ARB, ENG, PLANTED, SPA, compared, one, settings
from tiny_scores import difference, score

from polydistill.comparison import Compared
from polydistill.served import Served
from polydistill.statistics.evidence import Difference, over_seeds
from polydistill.views.comparison_verdict import Said, doubts, keeps, together, verdict

OWN = f"{PLANTED}.yaml"


def said(found: list[Compared], margin: str | None = "2%", seeds: int = 3) -> list[Said]:
    return verdict(settings(seeds, margin), found)


def test_the_leading_arm_stands_against_the_untouched_model_and_each_control_in_each_target():
    found = said(compared())
    assert [(one.lang, one.score) for one in found[:6]] == [("Spanish", "QA bits")] * 3 + [("Arabic", "text bits toy")] * 3
    # 1.5, 1.51, 1.52 of 2.0; sft_en 1.8 and on
    assert found[0].text == "Spanish, QA bits: lift against untouched -24.5 % [-25.5, -23.5], better."
    assert found[1].text == (
        "Spanish, QA bits: lift against sft_en -15.0 % [-16.0, -14.0] (over seeds [-15.0, -15.0]), better."
    )
    assert [one.tone for one in found[:6]] == ["good", "good", "good", "good", "plain", "good"]
    assert "lift against sft_en +0.0 % [-0.7, +0.7]" in found[4].text
    assert found[4].text.endswith("no difference shown.")


def test_each_arm_is_said_to_keep_the_rich_language_or_not():
    found = compared()
    assert keeps(settings(), found) == {"lift": "not shown", "sft_en": "kept", OWN: "lost"}
    assert [(one.text, one.tone) for one in said(found)[-3:]] == [
        ("English kept within 2%: sft_en.", "good"), (f"English has lost more than 2%: {OWN}.", "bad"),
        ("English not shown to be kept within 2%: lift.", "bad"),
    ]  # fmt: skip


def alone(*highs: float) -> tuple[Difference, ...]:
    """The changes of English bits of a seed each, with the upper ends of their intervals."""
    of = score("text_bits_toy", ENG, 1.0)
    return tuple(difference(of, 0.9, -0.2, high) for high in highs)


@pytest.mark.parametrize(
    ("highs", "beside"),
    [
        ((0.01, 0.0, 0.01), ""),
        ((0.01, 0.05, 0.01), " (over 3 seeds together; not shown by seed 1 alone)"),
        ((0.03, 0.01, 0.05), " (over 3 seeds together; not shown by seeds 0, 2 alone)"),
        ((), ""),
    ],
)
def test_where_the_seeds_together_keep_what_one_alone_does_not_that_is_said(highs: tuple[float, ...], beside: str):
    *others, english = compared()
    found = [*others, *changed(english, alone=alone(*highs))]
    assert said(found)[-3].text == f"English kept within 2%: sft_en{beside}."
    assert keeps(settings(), found)["sft_en"] == "kept"
    assert together(settings(), found) == ({"sft_en": beside[2:-1]} if beside else {})


def test_of_an_arm_that_is_not_kept_over_all_its_seeds_none_is_named_alone():
    *others, english = compared()
    places = {**english.places, OWN: english.places[OWN]._replace(alone=alone(0.01, 0.05, 0.01))}
    assert together(settings(), [*others, english._replace(places=places)]) == {}


def test_without_a_margin_the_rich_languages_change_is_said_alone():
    found = said(compared(), margin=None)
    assert keeps(settings(margin=None), compared()) == {}
    assert [one.text for one in found if one.lang == "English"] == [
        "English, text bits toy: lift against untouched +2.0 % [+0.0, +4.0], worse."
    ]


def changed(of: Compared, **place: Any) -> list[Compared]:
    return [of._replace(places={**of.places, "sft_en": of.places["sft_en"]._replace(**place)})]


def test_what_is_chance_among_many_comparisons_or_among_seeds_is_no_success():
    of = one("text_bits_toy", SPA, 2.0, 1.5, 1.8, 1.9)
    assert said([of])[1].tone == "good"
    (_, by_chance, *_) = said(changed(of, p_holm=0.2))
    assert by_chance.text.endswith("better, but not beyond chance among so many comparisons (p 0.20).")
    assert by_chance.tone == "plain"
    (_, by_seed, *_) = said(changed(of, lead_seeds=over_seeds([-0.9, 0.3, -0.3])))
    assert by_seed.text.endswith("better, but other training seeds may turn it over.")
    assert by_seed.tone == "plain"


def test_one_seed_says_nothing_of_others():
    found = said(compared(seeds=1), seeds=1)
    assert found[1].text == "Spanish, QA bits: lift against sft_en -15.0 % [-16.0, -14.0], better."
    assert doubts(settings(1), compared(1), [], [Served(equal=8, of=8)] * 3)[0].startswith("one training seed an arm")


def test_doubts_are_those_of_folders_of_the_identifier_and_of_few_items():
    measure = score("identifier_on_people", ARB, 0.5, unit="share", warning="Arabic is in doubt")
    served = [Served(equal=8, of=8)] * 8 + [Served(equal=7, of=8)]
    found = doubts(settings(), compared(), [measure], served)
    assert found[:2] == [
        f"{OWN} (seed 2): 7 of 8 answers are the same after reload in plain transformers.", "Arabic is in doubt",
    ]  # fmt: skip
    assert found[2].startswith("English, text bits toy: too few items for a margin of 2%")
    assert len(found) == 3


def test_each_doubt_is_told_once_with_the_arms_it_holds_for_where_that_is_not_all():
    served = [Served(equal=7, of=8)] * 2 + [Served(equal=8, of=8)] * 7
    of = one("text_bits_toy", SPA, 2.0, 1.5, 1.8, 1.9)
    after = {"lift": "few items", "sft_en": "few items; others", OWN: ""}
    doubted = of._replace(places={
        name: place._replace(change=place.change._replace(after=place.change.after.model_copy(update={"warning": after[name]})))
        for name, place in of.places.items()
    })  # fmt: skip
    found = doubts(settings(), [doubted], [], served)
    assert found == [
        "lift (seed 0), sft_en (seed 0): 7 of 8 answers are the same after reload in plain transformers.",
        "lift: Spanish, text bits toy: few items", "sft_en: Spanish, text bits toy: few items; others",
    ]  # fmt: skip
    everywhere = of._replace(untouched=of.untouched.model_copy(update={"warning": "x"}), places={
        name: place._replace(change=place.change._replace(before=of.untouched.model_copy(update={"warning": "x"})))
        for name, place in of.places.items()
    })  # fmt: skip
    assert doubts(settings(), [everywhere], [], [Served(equal=8, of=8)] * 9) == ["Spanish, text bits toy: x"]


def test_items_that_share_text_are_counted_and_what_comes_out_otherwise_without_them_is_named():
    of = one("text_bits_toy", SPA, 2.0, 1.5, 1.8, 1.9)
    lead = of.places["sft_en"].lead

    def overlapping(**clean: Any) -> str:
        (shared,) = changed(of, overlap=("1", "2"), **clean)
        return doubts(settings(), [shared], [], [Served(equal=8, of=8)] * 9)[0]

    counted = "Spanish, text bits toy: up to 2 of 0 items share text with rows of sft_en"
    assert overlapping() == counted
    assert overlapping(clean=lead) == f"{counted}; without them no difference turns"
    nothing = lead.model_copy(update={"value": 0.0, "low": -0.1, "high": 0.1})
    assert overlapping(clean=nothing) == f"{counted}; without them the difference from sft_en comes out another way"
