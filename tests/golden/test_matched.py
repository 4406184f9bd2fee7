"""Arms that can be compared, and those that cannot."""

import json
from pathlib import Path

import pytest
from tiny_plan import GOOD

from polydistill.arms import Arm, read_arms
from polydistill.matched import matched, tokens_of
from polydistill.stage import Rows, finish
from polydistill.yaml_tree import PlanError


def mixture(folder: Path, **groups: int) -> Rows:
    """A mixture of groups with so many tokens each, of which ten were wanted at least."""
    folder.mkdir()
    told = {name: {"tokens": tokens, "rows": tokens // 10, "wanted": max(tokens, 10)} for name, tokens in groups.items()}
    (folder / "funnel.json").write_text(json.dumps({"groups": told}))
    finish(folder, {})
    return Rows(folder)


@pytest.fixture
def arms(tmp_path: Path) -> list[Arm]:
    plan = tmp_path / "plan.yaml"
    plan.write_text(GOOD)
    (tmp_path / "slow.yaml").write_text("changes: [train.learning_rate=1.0e-5]\n")
    return read_arms(["plan", "no_cross", str(tmp_path / "slow.yaml")], 1, str(plan), model="m")[1]


def test_tokens_of_all_groups_count(tmp_path: Path):
    assert tokens_of(mixture(tmp_path / "mix", a=300, b=0, c=45)) == 345


def test_arms_within_2_per_cent_learn_from_equally_many_tokens(tmp_path: Path, arms: list[Arm]):
    matched(1000, "plan", arms, [mixture(tmp_path / str(tokens), a=tokens) for tokens in (980, 1000, 1020)])


WAYS = "give more questions (ask.questions=N), let rows stand more often (mix.repeat=4)"


@pytest.mark.parametrize(
    ("tokens", "ways"), [(0, WAYS), (979, f"{WAYS}, or ask for fewer tokens (mix.tokens=979)"), (1021, WAYS)]
)
def test_an_arm_with_other_tokens_is_named_and_what_would_do(tmp_path: Path, arms: list[Arm], tokens: int, ways: str):
    given = [mixture(tmp_path / "plan", a=1000), mixture(tmp_path / "control", a=tokens)]
    with pytest.raises(PlanError) as refused:
        matched(1000, "plan", arms[:2], given)
    assert refused.value.mistakes == [
        f"every arm is to learn from 1,000 tokens, but the rows of no_cross have {tokens:,}; {ways}"
    ]


def test_of_several_arms_with_too_few_the_least_would_do(tmp_path: Path, arms: list[Arm]):
    given = [mixture(tmp_path / str(tokens), a=tokens) for tokens in (1000, 400, 300)]
    with pytest.raises(PlanError, match=r"of no_cross have 400, those of .*slow.yaml have 300; .* \(mix.tokens=300\)$"):
        matched(1000, "plan", arms, given)


def test_an_arm_without_the_rows_it_is_made_of_is_refused_and_the_plan_itself_is_not(tmp_path: Path, arms: list[Arm]):
    given = [mixture(tmp_path / "plan", a=1000, b=0), mixture(tmp_path / "control", a=990, c=10)]
    matched(1000, "plan", arms[:2], given)
    with pytest.raises(PlanError, match="the arm no_cross has no rows for b, so it would not be what it is called"):
        matched(1000, "plan", arms[:2], [mixture(tmp_path / "other", a=1000), given[0]])


def test_two_arms_of_the_same_rows_are_one_unless_they_are_trained_otherwise(tmp_path: Path, arms: list[Arm]):
    same = [mixture(tmp_path / name, a=1000) for name in ("one", "two")]
    with pytest.raises(PlanError, match="the arms plan and no_cross learn the same from the same rows"):
        matched(1000, "plan", arms[:2], same)
    matched(1000, "plan", [arms[0], arms[2]], same)
