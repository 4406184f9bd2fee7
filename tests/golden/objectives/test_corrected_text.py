from math import exp, log
from pathlib import Path

import pytest
from pydantic import ValidationError
from tiny_lessons import Lesson, lesson, logits_of, same

from polydistill.batch import Tokens, padded
from polydistill.engines import Sampling
from polydistill.objectives.corrected_text import CorrectedText
from polydistill.objectives.next_token import NextToken
from polydistill.objectives.sampled_text import SampledText
from polydistill.objectives.word_level import WordLevel
from polydistill.teachers import LIVE, Teacher

ROWS = [Tokens([256, 10 + 3 * n, 20 + n, 30, 257], 2, id=f"q{n}") for n in range(8)]
SHORT = Sampling(temperature=1.0, max_tokens=8)


def kl(p_logits: list[float], q_logits: list[float]) -> float:
    p_sum, q_sum = sum(map(exp, p_logits)), sum(map(exp, q_logits))
    return sum(exp(p) / p_sum * (p - log(p_sum) - q + log(q_sum)) for p, q in zip(p_logits, q_logits, strict=True))


def first_and_corrected(found: Lesson, folder: Path, moved: float = 0.05) -> list[tuple[Tokens, Tokens]]:
    """What the student wrote at first, and the same corrected."""
    first = lesson(SampledText(objective=NextToken(), sampling=found.objective.sampling), folder, moved).rows(ROWS)
    return [(one.written, other.written) for one, other in zip(first, found.rows(ROWS), strict=True)]


def test_the_worst_token_becomes_the_teachers_and_what_stands_before_it_is_kept(random_model: Path):
    """By hand over full logits: where the teacher's likeliest token is another one, the largest divergence."""
    found = lesson(CorrectedText(objective=NextToken(), sampling=SHORT), random_model)
    changed = 0
    for row, corrected in first_and_corrected(found, random_model):
        teacher, student = logits_of(random_model, row), logits_of(random_model, row, found.student.base)
        distances = []
        for p, q, token in zip(teacher, student, row.ids[row.prompt :], strict=True):
            distances.append(0.0 if p.index(max(p)) == token else kl(p, q))
        if not any(distances):
            assert corrected.ids == row.ids
            continue
        changed += 1
        at = distances.index(max(distances))
        assert corrected.ids[: row.prompt + at] == row.ids[: row.prompt + at]
        assert corrected.ids[row.prompt + at] == teacher[at].index(max(teacher[at]))
        assert corrected.learned <= SHORT.max_tokens
        assert (corrected.learned == at + 1) or corrected.ids[row.prompt + at] != 257, "nothing comes after an end"
    assert changed > 4


def test_with_the_student_for_its_own_teacher_every_answer_stays(random_model: Path):
    found = lesson(CorrectedText(objective=WordLevel(), sampling=SHORT), random_model, moved=0)
    first = lesson(SampledText(objective=NextToken(), sampling=SHORT), random_model, moved=0).rows(ROWS)
    assert [row.written.ids for row in found.rows(ROWS)] == [row.written.ids for row in first]
    assert found.parts(padded(found.rows(ROWS)))["word_level"].abs().max() < 1e-10


def test_corrected_answers_are_likelier_to_the_teacher(random_model: Path):
    """Up to and with the corrected token; what the student goes on with is its own again."""
    found = lesson(CorrectedText(objective=NextToken(), sampling=SHORT), random_model, moved=0.3)
    for row, corrected in first_and_corrected(found, random_model, 0.3):
        pairs = zip(row.ids[row.prompt :], corrected.ids[row.prompt :], strict=False)
        at = next((place for place, (one, other) in enumerate(pairs) if one != other), None)
        if at is not None:
            p = logits_of(random_model, row)[at]
            assert p[corrected.ids[row.prompt + at]] > p[row.ids[row.prompt + at]]


def test_rows_beside_it_change_nothing(random_model: Path):
    found = lesson(CorrectedText(objective=NextToken(), sampling=SHORT), random_model)
    whole = {row.id: row.written.ids for row in found.rows(ROWS)}
    assert {row.id: row.written.ids for some in (ROWS[6:], ROWS[:6]) for row in found.rows(some)} == whole


def test_at_share_nothing_it_is_the_objective_alone(random_model: Path):
    found, alone = lesson(CorrectedText(objective=NextToken(), share=0), random_model), lesson(NextToken(), random_model)
    assert same(found.gradients(ROWS), alone.gradients(ROWS))


def test_a_row_costs_one_reading_by_the_teacher(random_model: Path):
    found, runs = lesson(CorrectedText(objective=NextToken(), sampling=SHORT, side_by_side=3), random_model), []
    teacher = found.taught[found.objective.teacher].student
    teacher.base.get_decoder().register_forward_hook(lambda module, given, out: runs.append(out[0].shape[0]))
    found.rows(ROWS)
    assert sum(runs) == len(ROWS)


class Narrow(Teacher):
    """Gives the likeliest tokens alone."""

    @property
    def gives(self) -> frozenset[str]:
        return frozenset({"top_k"})

    def open(self, student: object, wants: object) -> object: ...


def test_a_teacher_without_all_logits_is_refused():
    assert "dense" in LIVE
    with pytest.raises(ValidationError, match="a correction needs all logits of the teacher"):
        CorrectedText(objective=NextToken(), teacher=Narrow())


def test_a_distance_that_learns_judges_as_it_begins(random_model: Path):
    found = lesson(CorrectedText(objective=NextToken(), loss="clipped_kl", sampling=SHORT), random_model)
    before = {name: p.clone() for name, p in found.state.named_parameters()}
    assert before
    assert any(row.written.ids != other.written.ids for row, other in zip(
        found.rows(ROWS), lesson(SampledText(objective=NextToken(), sampling=SHORT), random_model).rows(ROWS), strict=True
    ))  # fmt: skip
    found.gradients(ROWS)
    assert all(p.grad is None for p in found.state.parameters())


@pytest.mark.parametrize("most", [1, 8])
def test_no_more_is_written_than_there_is_room_for(most: int, random_model: Path, monkeypatch: pytest.MonkeyPatch):
    found = lesson(CorrectedText(objective=NextToken(), sampling=Sampling(temperature=1.0, max_tokens=most)), random_model)
    write, asked = found.student.write, []

    def told(prompts: list[list[int]], sampling: Sampling, seeds: list[int]) -> list[list[int]]:
        asked.append((min(map(len, prompts)), max(map(len, prompts)), sampling.max_tokens))
        return write(prompts, sampling, seeds)

    monkeypatch.setattr(found.student, "write", told)
    rows = found.rows(ROWS)
    assert any(row.written.ids[-1] != 257 for row in rows)
    assert asked[0] == (2, 2, most)
    assert [left for *_, left in asked[1:]] == [2 + most - shortest for shortest, *_ in asked[1:]]
    assert all(longest < 2 + most for _, longest, _ in asked[1:]), "a row without room is not asked for more"
    assert bool(asked[1:]) == (most > 1)
