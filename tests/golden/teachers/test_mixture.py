"""What each teacher counts; the mixture itself, by hand, stands in `test_several.py`."""

from math import log
from typing import Any

import pytest
import torch

from polydistill.batch import Tokens, padded
from polydistill.signals import Dense
from polydistill.teachers._mixture import asked_of, predicted
from polydistill.teachers.several import Several

BATCH = padded([Tokens([5, 0, 1], 1, kind="target spa"), Tokens([5, 1], 1, kind="rich eng")])


@pytest.mark.parametrize(("settings", "expected"), [
    ({}, [[0.5, 0.5], [0.5, 0.5]]),
    ({"weights": [3, 1]}, [[0.75, 0.25], [0.75, 0.25]]),
    ({"weights": [0, 2]}, [[0, 1], [0, 1]]),
    ({"by_language": [["eng"], ["spa"]]}, [[0, 1], [1, 0]]),
    ({"by_answer": 0.1}, [[0.5, 0.5], [0.5, 0.5]]),
], ids=str)  # fmt: skip
def test_what_each_counts_before_any_is_asked(settings: dict[str, Any], expected: list[list[float]]):
    found = asked_of(Several(teachers=("untouched", "untouched"), **settings), BATCH)
    assert found.tolist() == expected


def test_how_likely_an_answer_is_a_mean_over_its_tokens():
    """0 and 1 in the first row, 1 in the second; logits need not be normalised."""
    logits = torch.tensor([[0.9, 0.1], [0.8, 0.2], [0.5, 0.5]]).double().log() + 3
    found = predicted(Dense(logits, lambda states: states), BATCH)
    assert found.tolist() == pytest.approx([(log(0.9) + log(0.2)) / 2, log(0.5)])
