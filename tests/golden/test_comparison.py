"""Arms side by side, from scores by hand."""

import json
from math import sqrt
from pathlib import Path

import pytest
from tiny_measured import Measured, measured_in, of_ten, settings
from tiny_rows import CAT, SPA
from tiny_scores import answered

from polydistill.comparison import as_numbers, made_with, side_by_side
from polydistill.engines.transformers import Transformers
from polydistill.evaluators import Score
from polydistill.retain import RetainSettings
from polydistill.stage import Artifact, Workspace
from polydistill.statistics.margin import Margin

T_OF_TWO = 12.706204736432095
"""The 97.5 % quantile of Student's t with one degree of freedom."""
ARMS = (("plan", 0), ("control", 0), ("plan", 1), ("control", 1))


@pytest.fixture
def measured(tmp_path: Path) -> Measured:
    return measured_in(tmp_path)


def test_an_arm_is_the_mean_over_its_seeds_and_stands_against_the_lead_item_by_item_and_seed_by_seed(measured: Measured):
    right = {("plan", 0): 6, ("control", 0): 3, ("plan", 1): 8, ("control", 1): 1}
    evaluations = [measured([of_ten(0)], [of_ten(right[arm])]) for arm in ARMS]
    (found,) = side_by_side(settings(*ARMS), evaluations)
    plan, control = found.places["plan"], found.places["control"]
    assert plan.seeds.values == (0.6, 0.8)
    assert plan.seeds.mean == pytest.approx(0.7)
    assert (plan.lead, plan.lead_seeds, plan.p_holm) == (None, None, None)
    assert plan.change.difference is not None
    assert plan.change.difference.value == pytest.approx(0.7)
    assert control.lead is not None
    assert control.lead_seeds is not None
    assert control.lead.value == pytest.approx(0.5)
    assert (control.lead.n, control.lead.groups) == (10, 10)
    assert control.lead_seeds.values == pytest.approx((0.3, 0.7))
    width = T_OF_TWO * (sqrt(2 * 0.2**2) / sqrt(2))
    assert control.lead_seeds.low == pytest.approx(0.5 - width)
    assert control.lead_seeds.high == pytest.approx(0.5 + width)


def test_of_the_score_to_keep_every_seed_is_also_judged_by_itself(measured: Measured):
    retain = RetainSettings(score="words", worse_by=Margin("30 points"))
    right = {("plan", 0): 9, ("control", 0): 3, ("plan", 1): 5, ("control", 1): 1}
    before = [of_ten(8, "words", "eng"), of_ten(8)]
    evaluations = [measured(before, [of_ten(right[arm], "words", "eng"), of_ten(right[arm])]) for arm in ARMS]
    words, choice = side_by_side(settings(*ARMS, retain=retain), evaluations)
    assert {name: [pytest.approx(of.value) for of in place.alone] for name, place in words.places.items()} == {
        "plan": [0.1, -0.3], "control": [-0.5, -0.7],
    }  # fmt: skip
    assert words.places["plan"].alone[1].low < -0.3 < words.places["plan"].alone[1].high
    assert {place.alone for place in choice.places.values()} == {()}, "that would cost as much again for every score"
    told = as_numbers(words)["arms"]["plan"]["from_untouched_by_seed"]
    assert [of["value"] for of in told] == pytest.approx([0.1, -0.3])
    (once, _) = side_by_side(settings(*ARMS[:2], retain=retain), evaluations[:2])
    assert once.places["plan"].alone == (), "one seed is all of them"


def test_what_casts_doubt_on_any_seeds_score_is_told(measured: Measured):
    after = [[of_ten(5).model_copy(update={"warning": said})] for said in ("x", "", "", "y")]
    (found,) = side_by_side(settings(*ARMS), [measured([of_ten(1)], of) for of in after])
    assert [place.change.after.warning for place in found.places.values()] == ["x", "y"]


def test_its_numbers_are_plain_json(measured: Measured):
    evaluations = [measured([of_ten(2)], [of_ten(9)]), measured([of_ten(2)], [of_ten(4)])]
    (found,) = side_by_side(settings(("plan", 0), ("control", 0)), evaluations)
    told = json.loads(json.dumps(as_numbers(found), allow_nan=False))
    assert (told["name"], told["lang"], told["untouched"]) == ("choice", "spa", 0.2)
    assert told["arms"]["plan"]["from_untouched"]["value"] == pytest.approx(0.7)
    assert told["arms"]["plan"]["lead_less_this"] is None
    control = told["arms"]["control"]
    assert control["lead_less_this"]["value"] == pytest.approx(0.5)
    assert control["lead_less_this"]["low"] < 0.5 < control["lead_less_this"]["high"]
    assert (control["low"], control["high"], control["values"]) == (None, None, [0.4])


def test_p_is_adjusted_over_the_arms_and_languages_of_one_score_and_not_over_other_scores(measured: Measured):
    """Holm by hand: the smallest p times how many there are, the next times one fewer, none below the one before it."""

    def after(spa: int, cat: int, loops: int) -> list[Score]:
        return [of_ten(spa), of_ten(cat, lang="cat"), of_ten(loops, "loops")]

    evaluations = [measured(after(0, 0, 0), one) for one in (after(10, 9, 8), after(1, 3, 1), after(4, 9, 5))]
    arms = (("plan", 0), ("one", 0), ("other", 0))
    found = side_by_side(settings(*arms, targets=(SPA, CAT)), evaluations)
    for name, size in (("choice", 4), ("loops", 2)):
        of_score = [one.places[arm] for one in found if one.untouched.name == name for arm in ("one", "other")]
        assert len(of_score) == size
        least = 0.0
        for rank, place in enumerate(sorted(of_score, key=lambda place: place.lead.p)):
            least = max(least, min(1.0, place.lead.p * (size - rank)))
            assert place.p_holm == pytest.approx(least)
    # exact McNemar: nine items gained, none lost
    assert found[0].places["one"].lead.p == pytest.approx(2 * 0.5**9)
    assert found[0].places["one"].p_holm == pytest.approx(4 * 2 * 0.5**9)


def test_a_score_that_not_all_have_or_that_says_nothing_of_a_model_is_left_out(measured: Measured):
    none = of_ten(5, "fidelity").model_copy(
        update={"items": tuple(item.model_copy(update={"value": None}) for item in of_ten(5).items)}
    )
    before = [of_ten(1), of_ten(1, "identifier_on_people"), of_ten(1, "lines"), none, of_ten(5, "words")]
    whole = [of_ten(2), of_ten(2, "identifier_on_people"), of_ten(2, "lines"), of_ten(5, "fidelity"), none.model_copy(
        update={"name": "words"}
    )]  # fmt: skip
    evaluations = [measured(before, whole), measured(before, [score for score in whole if score.name != "lines"])]
    found = side_by_side(settings(("plan", 0), ("control", 0)), evaluations)
    assert [one.untouched.name for one in found] == ["choice"]


def test_other_items_are_refused_with_their_ids(measured: Measured):
    fewer = answered("choice", "spa", [1.0] * 9)
    with pytest.raises(ValueError, match="not measured on the same items before and after: 9 on one side alone"):
        side_by_side(settings(("plan", 0)), [measured([of_ten(1)], [fewer])])


def test_what_it_was_made_with_is_told_once_and_then_what_differs(space: Workspace, random_model: Path, tmp_path: Path):
    """The untouched model is the plan's own and is left out; the students' are not."""
    base = Transformers(path=str(random_model))
    noted = [{"label": "a"}, {"label": "a", "model": "student"}, {"label": "b", "model": "other"}]
    for number, one in enumerate(noted):
        file = tmp_path / f"measure-{number}" / "beside" / "settings.json"
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps({"settings": one}))
        space.finished.append(("measure", Artifact(file.parent.parent), True))
    found = made_with(settings(*ARMS[:2]), base)
    assert found["arms"] == ["plan, seed 0", "control, seed 0"]
    assert found["measure"] == {
        "measure-0": {"label": "a"},
        "measure-1": {"model": "student"},
        "measure-2": {"label": "b", "model": "other"},
    }
