from pathlib import Path

import pytest
import torch
from pydantic import ValidationError
from tiny_lessons import ENDS, lesson, same, student_in

from polydistill.batch import Tokens, padded
from polydistill.decoding import decode
from polydistill.engines import Sampling
from polydistill.objectives.next_token import NextToken
from polydistill.objectives.sampled_text import SampledText
from polydistill.objectives.word_level import WordLevel
from polydistill.teachers import LIVE, Teacher
from polydistill.teachers.untouched import Untouched

ROWS = [Tokens([256, 10 + n, 20, 30, *range(40, 40 + n), 257], 2, id=f"q{n}") for n in range(8)]
PLAIN = Tokens([256, 70, 71, 72], 1, id="plain")
SHORT = Sampling(temperature=1.0, max_tokens=6)


def test_an_answer_is_what_the_student_writes_after_the_same_prompt(random_model: Path):
    """At temperature 0, against plain greedy decoding."""
    found = lesson(SampledText(objective=NextToken(), sampling=Sampling(max_tokens=6)), random_model)
    plain = student_in(random_model).base
    plain.load_state_dict(found.student.base.state_dict())
    for row in found.rows(ROWS):
        expected = list(row.ids[: row.prompt])
        while len(expected) < row.prompt + 6:
            with torch.no_grad():
                token = int(plain(input_ids=torch.tensor([expected])).logits[0, -1].argmax())
            if token in ENDS:
                expected.append(257)
                break
            expected.append(token)
        assert row.written.ids == expected
        assert row.written.prompt == row.prompt


def test_the_end_of_an_answer_is_learned_and_a_cut_answer_has_none(random_model: Path):
    found = lesson(SampledText(objective=NextToken(), sampling=SHORT), random_model)
    for row in found.rows(ROWS):
        answer = row.written.ids[row.prompt :]
        assert answer[-1] == 257 or len(answer) == 6
        assert not set(answer[:-1]) & set(ENDS)


def test_answers_follow_from_row_seed_and_time_alone(random_model: Path):
    found = lesson(SampledText(objective=NextToken(), sampling=SHORT), random_model)
    whole = {row.id: row.written.ids for row in found.rows(ROWS)}
    torch.rand(5)
    assert {row.id: row.written.ids for some in (ROWS[5:], ROWS[:5]) for row in found.rows(some)} == whole
    rewrite = found.objective.rewritten
    later = {row.id: row.written.ids for row in rewrite(found.student, found.taught, ROWS, 0.5, found.state)}
    other = lesson(SampledText(objective=NextToken(), sampling=SHORT.model_copy(update={"seed": 1})), random_model)
    assert later != whole
    assert {row.id: row.written.ids for row in other.rows(ROWS)} != whole


def test_its_parts_are_those_of_the_objective_on_what_was_written(random_model: Path):
    found = lesson(SampledText(objective=WordLevel(), sampling=SHORT), random_model)
    rows = found.rows(ROWS)
    own, alone = [row.written for row in rows], lesson(WordLevel(), random_model)
    parts = found.parts(padded(rows))
    assert torch.allclose(parts["word_level"], alone.parts(padded(own))["word_level"], rtol=1e-12)
    assert same(found.gradients(ROWS), alone.gradients(own))
    assert [found.objective.counts(row) for row in rows] == [{"word_level": row.learned} for row in own]


def test_at_share_nothing_it_is_the_objective_alone(random_model: Path):
    found, alone = lesson(SampledText(objective=WordLevel(), share=0), random_model), lesson(WordLevel(), random_model)
    assert all(row.written is None for row in found.rows(ROWS))
    assert same(found.gradients(ROWS), alone.gradients(ROWS))


def test_a_share_of_the_rows_is_rewritten(random_model: Path):
    many = [Tokens([256, 10 + n % 60, 20, 257], 2, id=f"q{n}") for n in range(200)]
    for share in (0.25, 0.75):
        found = lesson(SampledText(objective=NextToken(), share=share, sampling=Sampling(max_tokens=1)), random_model)
        rewritten = sum(row.written is not None for row in found.rows(many))
        assert abs(rewritten - 200 * share) < 4 * (200 * share * (1 - share)) ** 0.5


def test_plain_text_stays(random_model: Path):
    found = lesson(SampledText(objective=NextToken(), sampling=SHORT), random_model)
    assert found.rows([PLAIN]) == [PLAIN]


def test_a_teacher_may_write(random_model: Path):
    found = lesson(SampledText(objective=NextToken(), writer="untouched", sampling=Sampling(max_tokens=6)), random_model)
    prompts, untouched = [row.ids[:2] for row in ROWS], student_in(random_model).eval().base
    expected = decode(untouched, prompts, [frozenset(ENDS)] * 8, Sampling(max_tokens=6), [0] * 8, 512)
    answers = [[*ids, 257] if ended else ids for ids, ended in expected]
    assert [row.written.ids[2:] for row in found.rows(ROWS)] == answers
    assert found.objective.asks().keys() == {Untouched()}
    own = lesson(SampledText(objective=NextToken(), sampling=Sampling(max_tokens=6)), random_model)
    assert [row.written.ids[2:] for row in own.rows(ROWS)] != answers, "the student has moved"


def test_writing_leaves_no_trace(random_model: Path):
    found = lesson(SampledText(objective=NextToken(), sampling=SHORT), random_model)
    state, before = torch.get_rng_state(), {name: p.clone() for name, p in found.student.named_parameters()}
    found.rows(ROWS)
    assert torch.equal(torch.get_rng_state(), state)
    assert found.student.training
    assert all(torch.equal(p, before[name]) and p.grad is None for name, p in found.student.named_parameters())


class Mute(Teacher):
    """Gives everything but text, and only what it has said before."""

    @property
    def gives(self) -> frozenset[str]:
        return LIVE - {"text"}

    @property
    def lives(self) -> bool:
        return False

    def open(self, student: object, wants: object) -> object: ...


def test_who_cannot_write_or_answer_is_refused():
    with pytest.raises(ValidationError, match="writes no text; give one with a model in this process"):
        SampledText(objective=NextToken(), writer=Mute())
    with pytest.raises(ValidationError, match="says only what it has said before, and these answers are new each time"):
        SampledText(objective=WordLevel(teacher=Mute()))
