"""A comparison's tables in Markdown."""

from typing import Any

from polydistill.views.comparison_table import change, markdown, title


def score(
    name: str = "documentation_qa_bits", unit: str = "bits per character", lang: str = "spa", **arms: Any
) -> dict[str, Any]:
    return {
        "name": name,
        "lang": lang,
        "unit": unit,
        "higher_is_better": not unit.startswith("bits"),
        "untouched": 2.0,
        "arms": arms,
    }


def arm(mean: float, lead: tuple[float, float, float] | None = None, p: float | None = None, seeds: Any = (None, None)) -> Any:
    return {
        "mean": mean, "from_untouched": {"n": 40}, "p_holm": p,
        "lead_less_this": lead and dict(zip(("value", "low", "high"), lead, strict=True)),
        "lead_less_this_by_seed": lead and dict(zip(("low", "high"), seeds, strict=True)),
    }  # fmt: skip


def test_every_score_of_every_arm_and_the_lead_less_its_controls():
    found = {
        "lead": "plan", "arms": {"plan": {}, "control": {}},
        "scores": [score(plan=arm(1.5), control=arm(1.6, (-0.1, -0.14, -0.06), 0.01, (-0.2, 0.02)))], "means": [],
    }  # fmt: skip
    assert markdown(found).splitlines() == [
        "### Spanish", "",
        "| score | items | untouched | plan | control |", "| --- | --- | --- | --- | --- |",
        "| documentation QA bits, bits/char ↓ | 40 | 2.000 | 1.500 | 1.600 |", "",
        "plan less each control:", "",
        "| score | control |", "| --- | --- |",
        "| documentation QA bits, bits/char ↓ | -5.0 %* [-7.0, -3.0] (seeds [-10.0, +1.0]) |",
    ]  # fmt: skip


def test_what_is_not_beyond_chance_has_no_star_and_one_seed_no_interval():
    found = {
        "lead": "plan",
        "arms": {"plan": {}, "control": {}},
        "scores": [score(plan=arm(1.5), control=arm(1.6, (-0.1, -0.3, 0.1), 0.2))],
        "means": [],
    }
    assert markdown(found).splitlines()[-1].endswith("| -5.0 % [-15.0, +5.0] |")


def test_an_interval_that_holds_zero_has_no_star_whatever_its_test_says():
    # A few yes/no items that changed: the test is exact, the interval is widened.
    of = [score("language_fidelity_lines", "share", plan=arm(0.98), control=arm(0.96, (0.019, -0.065, 0.102), 0.01))]
    said = markdown({"lead": "plan", "arms": {"plan": {}, "control": {}}, "scores": of, "means": []})
    assert said.splitlines()[-1].endswith("| +1.9 [-6.5, +10.2] |")


def test_one_arm_alone_has_no_second_table_and_languages_stand_apart():
    scores = [score(plan=arm(1.5)), score(lang="eng", plan=arm(1.0))]
    said = markdown({"lead": "plan", "arms": {"plan": {}}, "scores": scores, "means": []})
    assert "less each control" not in said
    assert said.index("### Spanish") < said.index("### English")


def test_means_come_last_and_say_of_how_many_languages():
    mean = {**score(plan=arm(1.5), control=arm(1.6, (-0.1, -0.14, -0.06), 0.01)), "languages": ["spa", "cat"]}
    del mean["lang"]
    found = {"lead": "plan", "arms": {"plan": {}, "control": {}}, "scores": [], "means": [mean]}
    named = "| documentation QA bits, mean of 2 languages, bits/char ↓ |"
    assert markdown(found).splitlines() == [
        "### Mean of the target languages", "",
        "| score | items | untouched | plan | control |", "| --- | --- | --- | --- | --- |",
        f"{named} 40 | 2.000 | 1.500 | 1.600 |", "",
        "plan less each control:", "",
        "| score | control |", "| --- | --- |", f"{named} -5.0 %* [-7.0, -3.0] |",
    ]  # fmt: skip


def test_differences_of_shares_are_points_and_those_of_bits_parts_of_the_untouched_value():
    assert change(score("looping_answers", "share"), 0.125) == "+12.5"
    assert change(score("documentation_qa_chrf", "chrF++"), -1.26) == "-1.3"
    assert change(score(), -0.1) == "-5.0 %"
    assert change({**score(), "untouched": 0.0}, -0.1) == "-"
    assert title(score("documentation_qa_chrf", "chrF++")) == "documentation QA chrF++, chrF++ ↑"
