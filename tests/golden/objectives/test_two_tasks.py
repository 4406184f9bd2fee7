from pathlib import Path

import pytest
import torch
from tiny_lessons import lesson, same

from polydistill.batch import Tokens, padded
from polydistill.objectives import Objective
from polydistill.objectives.near_untouched import NearUntouched
from polydistill.objectives.next_token import NextToken
from polydistill.objectives.two_tasks import TwoTasks
from polydistill.objectives.weighted import Weighted
from polydistill.objectives.word_level import WordLevel
from polydistill.schedules._following import Following
from polydistill.schedules.adaptive_interpolation import AdaptiveInterpolation

LABELS = [Tokens([256, 10, 20, 257], 2, kind="label spa"), Tokens([256, 11, 257], 2, kind="target spa")]
RATIONALES = [Tokens([256, 12, 22, 32, 42, 52, 257], 2, kind="rationale eng")]


def mean(found: dict[str, torch.Tensor], tokens: int) -> dict[str, torch.Tensor]:
    return {name: gradient / tokens for name, gradient in found.items()}


def test_it_is_a_weighted_sum_of_two_means(random_model: Path):
    """Divided by its counts, as the loop does: alpha times the mean over label tokens plus 1 - alpha times the other one."""
    found = lesson(TwoTasks(share=0.3), random_model)
    rows = LABELS + RATIONALES
    counts = {part: sum(found.objective.counts(row)[part] for row in rows) for part in found.objective.parts}
    assert counts == {"label_next_token": 3, "rationale_next_token": 5}
    parts = found.parts(padded(rows))
    total = sum(part.sum() / counts[name] for name, part in parts.items())
    alone = [lesson(NextToken(), random_model).parts(padded(some))["next_token"].sum() for some in (LABELS, RATIONALES)]
    assert torch.allclose(total, 0.3 * alone[0] / 3 + 0.7 * alone[1] / 5, rtol=1e-12)
    assert parts["label_next_token"][2] == 0
    assert parts["rationale_next_token"][:2].tolist() == [0, 0]


def test_at_its_ends_the_other_task_teaches_nothing(random_model: Path):
    alone = {1.0: LABELS, 0.0: RATIONALES}
    for share, rows in alone.items():
        found = lesson(TwoTasks(share=share), random_model).gradients(LABELS + RATIONALES)
        assert same(found, lesson(NextToken(), random_model).gradients(rows))


def test_every_part_of_the_objective_is_split_in_two(random_model: Path):
    inner = Weighted(objectives=(NextToken(), WordLevel()), weights=(1, 1))
    found = lesson(TwoTasks(objective=inner), random_model)
    assert found.objective.parts == (
        "label_next_token", "label_word_level", "rationale_next_token", "rationale_word_level",
    )  # fmt: skip
    assert tuple(found.parts(padded(LABELS + RATIONALES))) == found.objective.parts


def test_the_group_of_rationales_may_have_another_name(random_model: Path):
    found = lesson(TwoTasks(rationales="target"), random_model)
    assert [found.objective.task(row) for row in LABELS + RATIONALES] == ["label", "rationale", "label"]


FOLLOWS = WordLevel(toward=AdaptiveInterpolation())


@pytest.mark.parametrize("inner", [
    FOLLOWS, Weighted(objectives=(NextToken(), FOLLOWS), weights=(1, 1)), NearUntouched(objective=FOLLOWS),
])  # fmt: skip
def test_what_is_inside_hears_of_both_tasks_by_its_own_names(inner: Objective, random_model: Path):
    """The loss of the part inside is that of its two tasks together."""
    found = lesson(TwoTasks(objective=inner), random_model)
    values = {name: 2.0**place for place, name in enumerate(found.objective.parts)}
    found.state.follow(found.student, values, 0.1)
    (following,) = [part for part in found.state.modules() if isinstance(part, Following)]
    assert following.at.loss == values["label_word_level"] + values["rationale_word_level"]
