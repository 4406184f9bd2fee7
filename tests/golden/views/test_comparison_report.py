"""What a comparison says of its arms."""

from typing import Any

import pytest
from tiny_comparison import ARB, ENG, PLANTED, SPA, compared, one, settings
from tiny_scores import score

from polydistill.comparison import Compared
from polydistill.served import Served
from polydistill.statistics.evidence import over_seeds
from polydistill.views.comparison_report import Said, doubts, html, keeps, verdict

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
        f"{OWN}, seed 2: 7 of 8 answers are the same after reload in plain transformers.", "Arabic is in doubt",
    ]  # fmt: skip
    assert found[2].startswith("English, text bits toy: too few items for a margin of 2%")
    assert len(found) == 3


# The page


def page(found: list[Compared], **more: Any) -> str:
    arms = {name: {"says": "x", "seeds": [0, 1], "tokens": [39_900, 40_100], "rows": [512, 512]} for name in settings().names}
    shown = {"warnings": [], "about": {"model": "Tiny"}, "plan": "seed: 1", **more}
    return html(settings(), found, verdict(settings(), found), arms, **shown)


def test_the_page_has_arms_tables_and_what_it_was_made_with():
    text = page(compared())
    for part in (
        "39,900 to 40,100", "<td data-of=\"rows\">512</td>", "<h2>Spanish</h2>", "<h2>Arabic</h2>", "QA bits, bits/char ↓",
        "1.510<br><span class=\"good\">-24.5 % [-25.5, -23.5]</span><br><small>seeds [1.485, 1.535]</small>",
        "2 more scores in Spanish", "English kept", "seed: 1", "Tiny",
    ):  # fmt: skip
        assert part in text, part
    assert PLANTED not in text


def test_the_interval_of_a_share_ends_at_its_ends():
    text = page([one("choice", SPA, 0.25, 0.985, 0.3, 0.3, unit="accuracy")])
    assert "seeds [97.0, 100.0]" in text  # the mean is 0.995, +- 4.3 x 0.01 / root 3


def test_a_language_that_nothing_was_measured_in_is_left_out():
    text = page([one("text_bits_toy", ENG, 1.0, 1.0, 1.0, 1.0)])
    assert "<h2>Spanish</h2>" not in text
    assert text.count('<section id="in-') == 1


@pytest.mark.parametrize("margin", ["2%", None])
def test_what_may_be_lost_is_drawn_where_a_margin_was_set(margin: str | None):
    chosen, found = settings(margin=margin), compared()
    arms = {name: {"says": "x", "seeds": [0], "tokens": [1], "rows": [1]} for name in chosen.names}
    text = html(chosen, found, verdict(chosen, found), arms, warnings=[], about={}, plan="")
    assert ('data-chart="kept"' in text) == (margin is not None)
