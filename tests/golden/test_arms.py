"""Arms: names, changes, seeds."""

from pathlib import Path

import pytest
from tiny_plan import GOOD

from polydistill.arms import ARMS, UNTOUCHED, arm_names, changes_of, read_arms, says, told_once
from polydistill.plan import RECIPES
from polydistill.yaml_tree import PlanError

SDRRL = {"given": "sdrrl", "model": "m", "source": "eng", "target": "spa"}


def arms(*names: str, seeds: int = 1, **given: str):
    return read_arms(names, seeds, **{**SDRRL, **given})


@pytest.mark.parametrize("name", [path.stem for path in ARMS.glob("*.yaml")])
def test_every_arm_changes_the_shipped_recipe_and_says_how(name: str):
    plan, (arm,) = arms(name)
    assert arm.plan.model_dump(exclude={"mix": {"seed"}}) != plan.model_dump(exclude={"mix": {"seed"}})
    assert len(says(name, "sdrrl")) > 10
    assert arm.plan.evaluate == plan.evaluate
    assert arm.plan.mix.tokens == plan.mix.tokens


def test_an_arm_without_cross_language_rows_has_all_the_others():
    _, (arm,) = arms("sdrrl-no_cross")
    shares = {name: share for builder in arm.plan.mix.builders for name, share in builder.shares().items()}
    assert shares["to_target"] == shares["to_rich"] == 0
    assert all(share for name, share in shares.items() if name not in ("to_target", "to_rich", "complete_rich", "plain_rich"))


def test_the_recipes_name_is_the_plan_itself():
    plan, (arm,) = arms("sdrrl")
    assert arm.plan == plan
    assert changes_of("sdrrl", "sdrrl") == changes_of(UNTOUCHED, "sdrrl") == []


def test_seeds_change_rows_and_training_and_the_first_of_all_arms_comes_first():
    _, found = arms("sdrrl", "no_cross", seeds=2)
    assert [(arm.name, arm.seed) for arm in found] == [("sdrrl", 0), ("no_cross", 0), ("sdrrl", 1), ("no_cross", 1)]
    assert [(arm.plan.mix.seed, arm.plan.train.seed) for arm in found] == [(0, 0), (0, 0), (1, 1), (1, 1)]


def test_the_untouched_model_is_not_trained():
    assert arms(UNTOUCHED, "sdrrl")[1] == arms("sdrrl")[1]


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("no_corss",), "no arm named 'no_corss'; did you mean no_cross"),
        (("sdrrl", "sdrrl"), "the arm sdrrl is given twice"),
        ((UNTOUCHED, UNTOUCHED, "sdrrl"), "the arm untouched is given twice"),
        (("no_cross", "sdrrl-no_cross"), "sdrrl-no_cross: it changes nothing: its plan is that of no_cross"),
    ],
)
def test_a_mistake_in_the_arms_is_said(names: tuple[str, ...], said: str):
    with pytest.raises(PlanError, match=said):
        arms(*names)


def test_an_arm_that_cannot_be_made_of_a_plan_says_why(tmp_path: Path):
    plan = tmp_path / "plan.yaml"
    plan.write_text(GOOD)
    with pytest.raises(
        PlanError, match=r"no_code_switch: mix\.builders\.code_switch\.share cannot be set: it holds language_pairs"
    ):
        read_arms(["no_code_switch"], 1, str(plan))


def test_a_file_that_is_no_arm_is_refused(tmp_path: Path):
    own = tmp_path / "own.yaml"
    own.write_text("train: {epochs: 2}\n")
    with pytest.raises(PlanError, match="an arm is a list of changes"):
        arms(str(own))


def own(folder: Path, name: str, *changes: str) -> str:
    """An arm of one's own."""
    file = folder / f"{name}.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("changes:\n" + "".join(f"  - {change}\n" for change in changes))
    return str(file)


def test_every_mistake_in_the_arms_is_said_at_once(tmp_path: Path):
    with pytest.raises(PlanError) as error:
        arms("no_corss", "x_lama", own(tmp_path, "slow", "train.learning_rat=1"))
    assert len(error.value.mistakes) == 3


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("model", "other"),
        ("from", "deu"),
        ("to", "cat"),
        ("runs", "elsewhere"),
        ("name", "other"),
        ("evaluate.evaluators", "[loops]"),
        ("mix.tokens", "2000"),
        ("mix.seed", "0"),
        ("train.seed", "5"),
    ],
)
def test_what_all_arms_have_in_common_no_arm_changes(tmp_path: Path, setting: str, value: str):
    with pytest.raises(PlanError, match=rf"an arm cannot change {setting.removesuffix('.evaluators')}, which all arms have in"):
        arms("sdrrl", own(tmp_path, "mine", f"{setting}={value}"))


def test_an_arm_that_changes_nothing_is_refused_beside_the_plan(tmp_path: Path):
    same = own(tmp_path, "same", "train.epochs=1")
    with pytest.raises(PlanError, match=r"same\.yaml: it changes nothing: its plan is that of sdrrl"):
        arms("sdrrl", same, seeds=2)
    assert [arm.name for arm in arms(same)[1]] == [same]


@pytest.mark.parametrize("name", ["slow", "sdrrl", UNTOUCHED])
def test_two_arms_whose_models_would_be_kept_under_one_name_are_refused(tmp_path: Path, name: str):
    one, other = own(tmp_path / "a", "slow", "train.epochs=2"), own(tmp_path / "b", name, "train.epochs=3")
    with pytest.raises(PlanError, match=f"the arm {name} is given twice; give each once, and each file a name of its own"):
        arms("sdrrl", one, other)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"a": ["x"], "b": ["x"]}, ["x"]),
        ({"a": ["x"], "b": []}, ["a: x"]),
        ({"a": ["x", "y"], "b": ["y"], "c": ["x"]}, ["a, c: x", "a, b: y"]),
        ({"a": ["x", "x"]}, ["x"]),
        ({"a": [], "b": []}, []),
        ({}, []),
    ],
)
def test_what_is_said_of_arms_is_said_once(said: dict[str, list[str]], told: list[str]):
    assert told_once(said) == told


def test_a_mistake_of_several_arms_is_said_once_with_their_names(tmp_path: Path):
    one, other = (own(tmp_path, name, "mix.tokens=2000") for name in ("one", "other"))
    with pytest.raises(PlanError) as error:
        arms("sdrrl", one, other)
    assert error.value.mistakes == [f"{one}, {other}: an arm cannot change mix.tokens, which all arms have in common"]


def test_no_arm_is_called_as_a_recipe_is():
    assert not set(arm_names()) & {path.stem for path in RECIPES.glob("*.yaml")}
