from pathlib import Path

import pytest
import torch
from pydantic import ValidationError
from tiny_lessons import lesson, same

from polydistill.batch import Tokens, padded
from polydistill.losses.forward_kl import ForwardKL
from polydistill.objectives.near_untouched import NearUntouched
from polydistill.objectives.next_token import NextToken
from polydistill.objectives.sampled_text import SampledText
from polydistill.objectives.weighted import Weighted
from polydistill.objectives.word_level import WordLevel
from polydistill.signals import Wants
from polydistill.state import State
from polydistill.teachers.untouched import Untouched

ROWS = [Tokens([256, 10, 20, 30, 257], 2, rich=True), Tokens([256, 11, 257], 2)]
SOFT = WordLevel(loss=ForwardKL(temperature=2))


def test_it_is_each_objective_times_its_weight(random_model: Path):
    found = lesson(Weighted(objectives=(NextToken(), WordLevel(), SOFT), weights=(0.5, 2, 0)), random_model)
    parts = found.parts(padded(ROWS))
    assert tuple(parts) == found.objective.parts == ("next_token", "word_level", "word_level_2")
    for name, objective, weight in (
        ("next_token", NextToken(), 0.5),
        ("word_level", WordLevel(), 2),
        ("word_level_2", SOFT, 0),
    ):
        alone = lesson(objective, random_model).parts(padded(ROWS))[objective.parts[0]]
        assert torch.allclose(parts[name], weight * alone, rtol=1e-12)
    gradients = [lesson(objective, random_model).gradients(ROWS) for objective in (NextToken(), WordLevel())]
    assert same(found.gradients(ROWS), {name: 0.5 * one + 2 * gradients[1][name] for name, one in gradients[0].items()})


def test_the_student_looks_at_the_rows_once(random_model: Path):
    found, runs = lesson(Weighted(objectives=(NextToken(), WordLevel(), SOFT), weights=(1, 1, 1)), random_model), []
    found.student.base.get_decoder().register_forward_hook(lambda *given: runs.append(1))
    found.parts(padded(ROWS))
    assert len(runs) == 1


def test_a_teacher_of_several_objectives_is_opened_once_and_reads_a_batch_once(random_model: Path):
    objective = Weighted(objectives=(WordLevel(), SOFT), weights=(1, 1))
    assert objective.asks() == {Untouched(): Wants(tokens=True)}
    found, runs = lesson(objective, random_model), []
    found.taught[Untouched()].student.base.get_decoder().register_forward_hook(lambda *given: runs.append(1))
    found.parts(padded(ROWS))
    assert len(runs) == 1


def test_inside_one_another_names_stay_apart():
    inner = Weighted(objectives=(WordLevel(), SOFT), weights=(1, 1))
    assert Weighted(objectives=(inner, SOFT), weights=(1, 1)).parts == ("word_level", "word_level_2", "word_level_3")


def test_each_is_told_of_its_own_parts_alone(random_model: Path):
    told = []

    class Listens(State):
        def follow(self, student: object, parts: dict[str, float], progress: float) -> None:
            told.append(dict(parts))

    objective = Weighted(objectives=(NextToken(), WordLevel(), SOFT), weights=(1, 1, 1))
    state = State.of([Listens(), Listens(), Listens()], lesson(objective, random_model).state.names)
    state.follow(None, {"next_token": 1.0, "word_level": 2.0, "word_level_2": 3.0}, 0.5)
    assert told == [{"next_token": 1.0}, {"word_level": 2.0}, {"word_level": 3.0}]


def test_the_rich_language_decides_where_it_does_so_inside():
    assert Weighted(objectives=(NextToken(), NearUntouched(objective=NextToken())), weights=(1, 1)).looks_at_rich
    assert not Weighted(objectives=(NextToken(),), weights=(1,)).looks_at_rich


def test_each_has_its_weight():
    with pytest.raises(ValidationError, match="2 objectives and 1 weights; give each its own"):
        Weighted(objectives=(NextToken(), WordLevel()), weights=(1,))


def test_rows_get_one_other_answer_at_most():
    own = SampledText(objective=NextToken())
    with pytest.raises(ValidationError, match="sampled_text and sampled_text both give rows another answer"):
        Weighted(objectives=(own, own), weights=(1, 1))
    with pytest.raises(ValidationError, match="weighted in it gives rows another answer too; only one of them can"):
        SampledText(objective=Weighted(objectives=(own, NextToken()), weights=(1, 1)))
