"""A comparison's tables in Markdown."""

from typing import Any

from polydistill.views.comparison_table import change, markdown, title, value


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
        "scores": [score(plan=arm(1.5), control=arm(1.6, (-0.1, -0.14, -0.06), 0.01, (-0.2, 0.02)))],
    }  # fmt: skip
    assert markdown(found).splitlines() == [
        "### Spanish", "",
        "| score | items | untouched | plan | control |", "| --- | --- | --- | --- | --- |",
        "| documentation QA bits, bits/char ↓ | 40 | 2.000 | 1.500 | 1.600 |", "",
        "plan less each control:", "",
        "| score | control |", "| --- | --- |",
        "| documentation QA bits, bits/char ↓ | -5.0%* [-7.0%, -3.0%] (-10.0%, +1.0%) |",
    ]  # fmt: skip


def test_what_is_not_beyond_chance_has_no_star_and_one_seed_no_interval():
    found = {
        "lead": "plan",
        "arms": {"plan": {}, "control": {}},
        "scores": [score(plan=arm(1.5), control=arm(1.6, (-0.1, -0.3, 0.1), 0.2))],
    }
    assert markdown(found).splitlines()[-1].endswith("| -5.0% [-15.0%, +5.0%] |")


def test_one_arm_alone_has_no_second_table_and_languages_stand_apart():
    found = {"lead": "plan", "arms": {"plan": {}}, "scores": [score(plan=arm(1.5)), score(lang="eng", plan=arm(1.0))]}
    said = markdown(found)
    assert "less each control" not in said
    assert said.index("### Spanish") < said.index("### English")


def test_shares_are_per_cent_and_their_differences_points():
    share = score("looping_answers", "share", plan=arm(0.1))
    assert (value(share, 0.125), change(share, 0.125)) == ("12.5", "+12.5")
    chrf = score("documentation_qa_chrf", "chrF++", plan=arm(20.0))
    assert (value(chrf, 20.04), change(chrf, -1.26)) == ("20.0", "-1.3")
    assert title(chrf) == "documentation QA chrF++, chrF++ ↑"
