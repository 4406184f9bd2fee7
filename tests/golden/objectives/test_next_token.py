from math import log
from pathlib import Path

import pytest
import torch

from polydistill.batch import Tokens, padded
from polydistill.models import load_model
from polydistill.objectives.next_token import NextToken
from polydistill.state import State
from polydistill.student import Student

ROWS = [Tokens([256, 10, 20, 30, 257], 2), Tokens([256, 11, 257], 2), Tokens([256, 12, 22], 1)]
"""Three, one and two answer tokens."""


def student(folder: Path, dtype: str = "float64") -> Student:
    return Student(load_model(folder, dtype, "cpu"))


def test_a_model_that_knows_nothing_pays_the_logarithm_of_the_vocabulary(random_model: Path):
    ignorant = student(random_model)
    with torch.no_grad():
        ignorant.base.get_output_embeddings().weight.zero_()
    parts = NextToken()(ignorant, {}, padded(ROWS), 0.0, State())
    assert {name: part.tolist() for name, part in parts.items()} == {
        "next_token": pytest.approx([3 * log(260), log(260), 2 * log(260)])
    }


def test_it_is_the_cross_entropy_of_full_logits(random_model: Path):
    model = student(random_model)
    expected = []
    for ids, prompt, *_ in ROWS:
        logits = model.base(input_ids=torch.tensor([ids])).logits[0]
        loss = torch.nn.functional.cross_entropy(logits[prompt - 1 : -1], torch.tensor(ids[prompt:]), reduction="sum")
        expected.append(loss.item())
    assert NextToken()(model, {}, padded(ROWS), 0.0, State())["next_token"].tolist() == pytest.approx(expected, rel=1e-12)


def test_it_is_computed_in_float32_at_least(random_model: Path):
    assert NextToken()(student(random_model, "bfloat16"), {}, padded(ROWS), 0.0, State())["next_token"].dtype == torch.float32


def test_progress_says_nothing(random_model: Path):
    model, batch = student(random_model), padded(ROWS)
    assert torch.equal(
        NextToken()(model, {}, batch, 0.0, State())["next_token"], NextToken()(model, {}, batch, 1.0, State())["next_token"]
    )
