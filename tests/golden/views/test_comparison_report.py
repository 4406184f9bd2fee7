"""The page of a comparison."""

import re
from typing import Any

import pytest
from tiny_comparison import ENG, PLANTED, SPA, compared, one, settings

from polydistill.comparison import Compared
from polydistill.views.comparison_report import html
from polydistill.views.comparison_verdict import verdict


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


def test_what_the_seeds_say_together_and_alone_stands_in_the_arms_line():
    *others, english = compared()
    unsure = english.places["sft_en"].change.difference.model_copy(update={"high": 0.05})
    places = {**english.places, "sft_en": english.places["sft_en"]._replace(alone=(unsure,) * 3)}
    text = page([*others, english._replace(places=places)])
    assert text.count("<br><small>over 3 seeds together; not shown by seeds 0, 1, 2 alone</small></td>") == 1


def test_means_over_the_targets_have_a_section_of_their_own():
    ends = {"value": -0.1, "low": -0.2, "high": -0.05}
    arm = {"mean": 1.5, "from_untouched": {"n": 40}, "lead_less_this": ends, "p_holm": 0.01, "lead_less_this_by_seed": {
        "low": None, "high": None,
    }}  # fmt: skip
    mean = {"name": "text_bits_toy", "unit": "bits per character", "higher_is_better": False, "languages": ["spa", "arb"],
            "untouched": 2.0, "arms": dict.fromkeys(settings().names, arm)}  # fmt: skip
    text = page(compared(), means=[mean])
    (section,) = re.findall('<section id="means">.*?</section>', text, re.DOTALL)
    assert section.count('<th scope="row">text bits toy, mean of 2 languages, bits/char ↓</th>') == 2
    assert section.count("<td>-5.0 %* [-10.0, -2.5]</td>") == 2
    assert '<a href="#means">' in text
    assert 'id="means"' not in page(compared())


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
