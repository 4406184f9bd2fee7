"""What a teacher said is kept: as it was said, and in no other teacher's place."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from tiny_kept import BATCH, BATCHES, ROWS, Asked, dense_of, opened, student_of

from polydistill.batch import Tokens, padded
from polydistill.component import identity
from polydistill.engines import Engine
from polydistill.signals import Wants
from polydistill.stage import Workspace
from polydistill.student import TOKENS, Student
from polydistill.teachers.cached import Cached
from polydistill.teachers.moving_average import MovingAverage
from polydistill.teachers.other_model import OtherModel
from polydistill.teachers.several import Several
from polydistill.teachers.shown_more import ShownMore
from polydistill.teachers.untouched import Untouched


@pytest.fixture
def student(random_model: Path, space: Workspace) -> Student:
    return student_of(random_model)


# As it was said


def test_the_likeliest_tokens_are_the_live_teachers(student: Student):
    log_p = Untouched().open(student, TOKENS).say(BATCH).logits.log_softmax(-1)
    for k in (1, 8, 300):
        said = opened(Cached(k=k), student).say(BATCH).top_k
        values, ids = log_p.topk(min(k, 260))
        assert said.ids.tolist() == ids.tolist()
        # Half a unit in the 11th binary digit, for each token and for all that are scaled by their sum.
        assert ((said.log_p - values).abs() <= 2 * 2**-11 * values.abs()).all()
        remains = 1 - said.log_p.double().exp().sum(1)
        assert torch.allclose(remains, 1 - values.exp().sum(1), rtol=2**-11 * 6, atol=1e-6)


@pytest.mark.parametrize(("dtype", "digits"), [("float16", 11), ("bfloat16", 8)])
def test_states_give_back_all_logits_as_far_as_the_type_goes(dtype: str, digits: int, student: Student):
    wants = Wants(tokens=True, hidden=(1, -1))
    live = Untouched().open(student, wants).say(BATCH)
    said = opened(Cached(keeps="states", dtype=dtype), student, wants=wants).say(BATCH)
    kept = getattr(torch, dtype)
    assert torch.equal(said.dense.states, live.dense.states.to(kept))
    assert torch.equal(said.hidden[1], live.hidden[1].to(kept).float())
    assert torch.equal(said.hidden[-1], live.hidden[-1].to(kept).float())
    weight = student.base.lm_head.weight
    assert torch.allclose(said.logits, said.dense.states.double() @ weight.T, rtol=0, atol=1e-12)
    assert (said.logits - live.logits).abs().max() < 2.0**-digits * live.dense.states.abs().max() * weight.abs().sum(1).max()


def test_a_row_says_the_same_alone_and_beside_others(student: Student):
    for given in ({"k": 5}, {"keeps": "sampled"}, {"keeps": "states"}):
        teacher = opened(Cached(**given), student)
        said = teacher.say(BATCH)
        alone = [teacher.say(padded([row])) for row in reversed(ROWS)][::-1]
        for form in ("top_k", "dense"):
            if whole := getattr(said, form):
                assert torch.cat([getattr(one, form)[0] for one in alone]).equal(whole[0])
        if said.sampled:
            counts = [row.tolist() for one in alone for row in dense_of(one, 260)]
            assert counts == dense_of(said, 260).tolist()


def test_draws_are_the_rows_own_wherever_it_is_captured(random_model: Path, student: Student, tmp_path: Path):
    one = opened(Cached(keeps="sampled", folder=tmp_path / "one"), student, [BATCH]).say(BATCH)
    other = opened(Cached(keeps="sampled", folder=tmp_path / "two"), student, BATCHES[::-1]).say(BATCH)
    assert dense_of(one, 260).equal(dense_of(other, 260))
    another = opened(Cached(keeps="sampled", seed=1, folder=tmp_path / "one"), student, [BATCH]).say(BATCH)
    assert not dense_of(one, 260).equal(dense_of(another, 260))
    assert dense_of(one, 260).sum(1).tolist() == pytest.approx([1.0] * 10)
    # Rows with the same distribution do not get the same draws.
    twice = opened(Cached(keeps="sampled"), student, [padded([ROWS[0], ROWS[0]._replace(kind="target spa")])])
    first, second = (dense_of(twice.say(padded([ROWS[0]._replace(kind=kind)])), 260) for kind in ("", "target spa"))
    assert not first.equal(second)


def test_what_is_no_matrix_is_refused(student: Student):
    mixed = Several(teachers=("untouched", "untouched"), weights=(1, 2))
    with pytest.raises(
        ValueError, match="keeps=states is for a model whose logits are one matrix times its states; give keeps=top_k"
    ):
        opened(Cached(teacher=mixed, keeps="states"), student)
    assert opened(Cached(teacher=mixed, keeps="top_k"), student).say(BATCH).top_k


# In no other's place


def test_another_teacher_or_student_or_what_it_is_shown_is_asked_anew(
    student: Student, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    asked = Asked(monkeypatch)
    opened(Cached(), student)
    other = student_of(tiny.model_folder(tmp_path / "other", seed=1))
    opened(Cached(), other)
    assert len(asked.rows) == 8
    opened(Cached(teacher=ShownMore()), student)
    assert len(asked.rows) == 12
    opened(Cached(teacher=ShownMore()), student, [padded([row._replace(shown=[256, 50]) for row in ROWS])])
    assert len(asked.rows) == 16
    opened(Cached(k=3), student)
    assert len(asked.rows) == 20


def test_a_folder_of_another_teacher_is_refused_with_both_sides(student: Student, tmp_path: Path):
    folder = tmp_path / "kept"
    opened(Cached(folder=folder), student)
    with pytest.raises(ValueError, match=r"holds other signals: its teacher is \{'untouched'.*, and here it is \{'shown_more'"):
        Cached(teacher=ShownMore(), folder=folder).open(student, TOKENS)
    other = student_of(tiny.model_folder(tmp_path / "other", seed=1))
    with pytest.raises(
        ValueError, match=r"holds other signals: its student is [0-9a-f]{64}, and here it is [0-9a-f]{64}; give"
    ):
        Cached(folder=folder).open(other, TOKENS)
    student.template.tokenizer.chat_template += " "
    del student.template.digest
    with pytest.raises(
        ValueError, match=r"holds other signals: its template is [0-9a-f]{12}, and here it is [0-9a-f]{12}; give"
    ):
        Cached(folder=folder).open(student, TOKENS)
    student.template.tokenizer.add_tokens("new")
    with pytest.raises(ValueError, match=r"its tokenizer is [0-9a-f]{12}, and here it is [0-9a-f]{12}; its template is"):
        Cached(folder=folder).open(student, TOKENS)


def test_without_its_teacher_the_folder_is_enough(student: Student, tmp_path: Path):
    weights, folder = tiny.model_folder(tmp_path / "big", seed=2), tmp_path / "kept"
    big = OtherModel(model={"transformers": {"path": str(weights), "dtype": "float64", "device": "cpu"}})
    given = Cached(teacher=big, keeps="states", folder=folder)
    before, known = opened(given, student).say(BATCH).logits, identity(given)
    shutil.rmtree(weights)
    alone = Cached(teacher=None, keeps="states", folder=folder)
    alone.check(None, TOKENS)  # type: ignore[arg-type]
    assert opened(alone, student).say(BATCH).logits.equal(before)
    assert identity(alone) == known, "the same run: what was trained with it is not trained again"
    with pytest.raises(
        ValueError,
        match=r"1 of 5 signals are not in .*kept, or its head is not: it was made of other rows.*give cached.teacher",
    ):
        opened(alone, student, [*BATCHES, padded([Tokens([256, 1, 2], 1)])])
    with pytest.raises(ValueError, match="4 of 4 signals are not in"):
        opened(Cached(teacher=None, folder=folder), student)
    shutil.rmtree(folder / "head")
    with pytest.raises(ValueError, match=r"0 of 4 signals are not in .*, or its head is not"):
        opened(alone, student)
    with pytest.raises(FileNotFoundError, match=r"none holds no signals of a teacher; with cached.teacher"):
        Cached(teacher=None, folder=tmp_path / "none").check(None, TOKENS)  # type: ignore[arg-type]


def test_beside_another_student_a_model_of_its_own_is_the_same_teacher(student: Student, tmp_path: Path):
    weights = tiny.model_folder(tmp_path / "big", seed=2)
    big = OtherModel(model={"transformers": {"path": str(weights), "dtype": "float64", "device": "cpu"}})
    opened(Cached(teacher=big, folder=tmp_path / "kept"), student)
    other = student_of(tiny.model_folder(tmp_path / "other", seed=1))
    assert opened(Cached(teacher=big, folder=tmp_path / "kept"), other).say(BATCH).top_k


@pytest.mark.parametrize(("given", "why"), [
    ({"teacher": MovingAverage()}, "moving_average changes while the student trains"),
    ({"teacher": ShownMore(teacher=MovingAverage())}, "shown_more changes while the student trains"),
    ({"teacher": Cached(), "keeps": "sampled"}, "keeps=sampled is made of all logits, and cached gives hidden, top_k"),
    ({"n": 3}, "n is for keeps=sampled, and keeps is top_k"),
    ({"keeps": "states", "k": 3}, "k is for keeps=top_k, and keeps is states"),
    ({"teacher": None}, "without a teacher give the folder that holds what one said"),
])  # fmt: skip
def test_what_cannot_be_is_refused_at_once(given: dict[str, Any], why: str):
    with pytest.raises(ValueError, match=why):
        Cached(**given)


def test_attention_is_refused(student: Student):
    for refused in (
        lambda: Cached().open(student, Wants(relations=(1,))),
        lambda: Cached().check(AnyEngine(), Wants(relations=(1,))),
    ):
        with pytest.raises(ValueError, match="attention of a teacher is too large to be kept"):
            refused()
    assert Cached().gives == {"top_k", "hidden"}
    assert Cached(keeps="states").gives == {"dense", "hidden"}
    assert Cached(teacher=Several(teachers=("untouched",))).gives == {"top_k"}


def test_a_type_of_states_where_none_are_kept_is_refused_once_it_is_known_what_is_asked():
    for keeps in ("top_k", "sampled"):
        given = Cached(keeps=keeps, dtype="bfloat16")
        given.check(AnyEngine(), Wants(tokens=True, hidden=(1,)))
        with pytest.raises(ValueError, match=f"dtype is for hidden states; keeps is {keeps}, and no objective asks for those"):
            given.check(AnyEngine(), TOKENS)
    Cached(keeps="states", dtype="bfloat16").check(AnyEngine(), TOKENS)


class AnyEngine(Engine):
    """An engine that is never opened."""

    def open(self) -> Any:
        raise AssertionError


def test_what_a_cached_teacher_keeps_is_enough_for_another(student: Student):
    inner = Cached(k=8)
    one = opened(Cached(teacher=inner, k=3), student).say(BATCH).top_k
    assert one.ids.equal(opened(inner, student).say(BATCH).top_k.ids[:, :3])
