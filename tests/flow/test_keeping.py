"""A small world in which learning the target language destroys the rich one, and what keeps it."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest
import tiny
import torch
from tiny_rows import ENG, SPA, chat

from polydistill.batch import padded
from polydistill.engines.transformers import Transformers
from polydistill.loop import fit, tokens
from polydistill.models import load_model, load_tokenizer
from polydistill.objectives import Objective
from polydistill.objectives.near_untouched import NearUntouched
from polydistill.objectives.next_token import NextToken
from polydistill.records import Lang, Row
from polydistill.schedules.cosine import Cosine
from polydistill.stage import Rows, finish, write_shard
from polydistill.student import Student
from polydistill.template import Template
from polydistill.training import TrainSettings


def rows(lang: Lang, count: int, first: int) -> list[Row]:
    """What the taught model answers, or question and answer said backwards."""
    draw, found = random.Random(first), []
    for number in range(first, first + count):
        asked = tiny.a_question(draw, number)
        answer = tiny.ANSWERS[ord(asked[0]) % len(tiny.ANSWERS)]
        found.append(
            chat(f"q{number}", lang, asked, answer) if lang == ENG else chat(f"q{number}", lang, asked[::-1], answer[::-1])
        )
    return found


RICH, TARGET = rows(ENG, 16, first=0), rows(SPA, 48, first=100)
HELD_OUT = {ENG: rows(ENG, 16, first=200), SPA: rows(SPA, 16, first=300)}

Losses = dict[Lang, float]
"""Nats an answer token of held-out rows."""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, taught_model: Path) -> Callable[[list[Row], Objective | None], Losses]:
    """Trains on rows, or not at all; what the model then makes of rows it has not seen."""

    def run(mixture: list[Row], objective: Objective | None) -> Losses:
        out = tmp_path_factory.mktemp("train")
        (out / "mix-1").mkdir()
        write_shard(out / "mix-1", 0, random.Random(1).sample(mixture, len(mixture)))
        finish(out / "mix-1", {})
        if objective:
            settings = TrainSettings(
                objective=objective, schedule=Cosine(), learning_rate=1e-2, batch_rows=8, epochs=3, compute="float32",
                device="cpu", model=Transformers(path="m"), rich=ENG,
            )  # fmt: skip
            fit(settings, taught_model, None, Rows(out / "mix-1"), out)
        folder = out / "model" if objective else taught_model
        student, template = Student(load_model(folder, "float32", "cpu")).eval(), Template(load_tokenizer(folder))
        with torch.no_grad():
            return {
                lang: -student.log_likelihoods(padded([tokens(template, row, ENG) for row in some])).mean().item()
                for lang, some in HELD_OUT.items()
            }

    return run


def test_the_term_keeps_what_training_on_the_target_destroys(trained: Callable[[list[Row], Objective | None], Losses]):
    untouched = trained([], None)
    assert untouched[ENG] < 0.1, "it knows its answers"
    assert untouched[SPA] > 5
    destroyed = trained(TARGET, NextToken())
    assert destroyed[SPA] < 2
    assert destroyed[ENG] > 2.5
    mixed = trained(TARGET + RICH, NextToken())
    kept = trained(TARGET + RICH, NearUntouched(objective=NextToken(), weight=5))
    assert kept[SPA] < 3, "the target is still learned"
    assert kept[ENG] < 0.7 * mixed[ENG], "nearer than with the same rows and without the term"
    assert kept[ENG] < 0.4 * destroyed[ENG]
