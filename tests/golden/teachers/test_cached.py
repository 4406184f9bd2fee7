"""What a teacher said is kept: as it was said, once, and in no other teacher's place."""

import gc
import math
import shutil
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
import torch
from peft import LoraConfig, get_peft_model
from tiny_disk import full
from torch import Tensor

from polydistill.batch import Batch, Tokens, padded
from polydistill.component import identity
from polydistill.endings import Stopped
from polydistill.engines import Engine
from polydistill.models import load_model, load_tokenizer
from polydistill.signals import Support, TeacherSignal, Wants
from polydistill.stage import Workspace
from polydistill.student import TOKENS, Student
from polydistill.teachers import OpenTeacher, Teacher, _kept
from polydistill.teachers._choosing import drawn, likeliest
from polydistill.teachers._codec import draws_of, of_draws, of_states, of_support, side_by_side, states_of, support_of
from polydistill.teachers._kept_head import head_of
from polydistill.teachers.cached import Cached
from polydistill.teachers.moving_average import MovingAverage
from polydistill.teachers.other_model import OtherModel
from polydistill.teachers.several import Several
from polydistill.teachers.shown_more import ShownMore
from polydistill.teachers.untouched import Untouched
from polydistill.template import Template

ROWS = [
    Tokens([256, 10, 20, 30, 257], 2, id="a"), Tokens([256, 11, 257], 2, id="b", shown=[256, 40, 41]),
    Tokens([256, 12, 22], 1, id="c"), Tokens([256, 65, 66, 67, 68, 69, 257], 3, id="d"),
]  # fmt: skip
BATCH = padded(ROWS)
BATCHES = [padded(ROWS[:2]), padded(ROWS[2:3]), padded(ROWS[3:])]


def student_of(folder: Path, adapters: bool = False) -> Student:
    model = load_model(folder, "float64", "cpu")
    if adapters:
        model = get_peft_model(model, LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM"))
    template = Template(load_tokenizer(folder))
    return Student(model, (template.end_of_turn,), template).train()


@pytest.fixture
def student(random_model: Path, space: Workspace) -> Student:
    return student_of(random_model)


def opened(teacher: Teacher, student: Student, batches: list[Batch] = BATCHES, wants: Wants = TOKENS) -> OpenTeacher:
    found = teacher.open(student, wants)
    found.prepare(batches)
    return found


class Asked:
    """Counts the rows that a teacher is asked of, and keeps watch over the live one."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, fails_at: int = 0, error: type[Exception] = KeyError):
        self.rows: list[str] = []
        self.opened: list[weakref.ref[OpenTeacher]] = []
        open_live, say = Untouched.open, self._say

        def opens(settings: Untouched, student: Student, wants: Wants) -> OpenTeacher:
            live = open_live(settings, student, wants)
            self.opened.append(weakref.ref(live))
            tell, live.say = live.say, lambda batch: say(batch, tell)
            return live

        self.fails_at, self.error = fails_at, error
        monkeypatch.setattr(Untouched, "open", opens)

    def _say(self, batch: Batch, tell: Callable[[Batch], TeacherSignal]) -> TeacherSignal:
        if self.fails_at and len(self.rows) + len(batch.rows) > self.fails_at:
            raise self.error
        self.rows += [row.id for row in batch.rows]
        return tell(batch)


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


def dense_of(said: TeacherSignal, vocabulary: int) -> Tensor:
    """What was drawn, over the whole vocabulary."""
    ids, weights = said.sampled
    return torch.zeros(len(ids), vocabulary).scatter_add_(1, ids, weights)


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


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_draws_are_unbiased_over_many_seeds(temperature: float):
    """E sum w f = sum p f for f of any token, within four standard errors; and each weight is p / (n r)."""
    p = torch.tensor([[0.5, 0.3, 0.15, 0.05, 0.0], [0.1, 0.1, 0.1, 0.6, 0.1]], dtype=torch.double)
    r = p ** (1 / temperature) / (p ** (1 / temperature)).sum(1, keepdim=True)
    n, seeds = 4, 2000
    found = torch.zeros(seeds, 2, 5, dtype=torch.double)
    for seed in range(seeds):
        ids, weights = drawn(lambda states: p.log()[states[:, 0].long()], torch.tensor([[0.0], [1.0]]), n, temperature, seed)
        assert torch.allclose(weights, (p / (n * r)).gather(1, ids))
        found[seed].scatter_add_(1, ids, weights)
    error = ((p**2 / r.clamp(min=1e-12) - p**2) / (n * seeds)).sqrt()
    assert ((found.mean(0) - p).abs() <= 4 * error).all()
    if temperature == 1:
        assert (found.sum(2) - 1).abs().max() < 1e-12, "counts / n"
    else:
        assert (found.sum(2) - 1).abs().max() > 0.1, "their sum is 1 on average, not each time"


def test_what_cannot_come_is_never_drawn(monkeypatch: pytest.MonkeyPatch):
    """Not even where the draw falls on the very border."""
    monkeypatch.setattr(torch, "rand", lambda *shape, **how: torch.zeros(shape, dtype=torch.double))
    ids, weights = drawn(lambda states: torch.tensor([[0.0, 0.25, 0.0, 0.75]]).log(), torch.zeros(1, 1), 2, 1.0, 0)
    assert ids.tolist() == [[1, 1]]
    assert weights.tolist() == [[0.5, 0.5]]


# In few bytes


def test_a_support_by_hand():
    """p = 1/2 and 1/8 of four: -log p in float16, and 3/8 remain."""
    log_p = torch.tensor([[math.log(0.5), math.log(0.125)], [math.log(0.9), -math.inf]], dtype=torch.double)
    ids = torch.tensor([[3, 70_000], [0, 0]])
    said = support_of(of_support(Support(ids, log_p), 100_000), 2, 2, 100_000)
    assert said.ids.equal(ids)
    p = said.log_p.double().exp()
    near = float(np.float16(math.log(2))), float(np.float16(math.log(8)))
    assert float(p[0, 1] / p[0, 0]) == pytest.approx(math.exp(near[0] - near[1]), rel=1e-6)
    remains = float(np.float16(-math.log(3 / 8)))
    assert float(p[0].sum()) == pytest.approx(1 - math.exp(-remains), rel=1e-6)
    assert float(p[1].sum()) == pytest.approx(0.9, rel=2**-10)
    assert said.log_p[1, 1] == -math.inf


def test_probabilities_never_sum_to_more_than_one():
    """Each rounded by itself would: five tokens of a fifth are 1.00006 in float16."""
    assert 5 * math.exp(-float(np.float16(math.log(5)))) > 1.00005
    support = Support(torch.arange(5)[None], torch.full((1, 5), -math.log(5), dtype=torch.double))
    said = support_of(of_support(support, 260), 1, 5, 260)
    assert float(said.log_p.double().exp().sum()) == pytest.approx(1, abs=1e-7)


def test_draws_by_hand():
    ids = np.array([[7, 3, 7, 7], [9, 9, 9, 9]])
    counted = side_by_side([draws_of(of_draws(ids, np.ones((2, 4), np.uint16), 260), 2, np.uint16, 260)])
    assert counted.ids.tolist() == [[3, 7], [9, 0]]
    assert counted.weights.tolist() == [[1, 3], [4, 0]]
    weights = np.array([[0.25, 0.5, 0.25, 0.25], [0.125] * 4], np.float32)
    weighed = side_by_side([draws_of(of_draws(ids, weights, 100_000), 2, np.float32, 100_000)])
    assert weighed.weights.tolist() == [[0.5, 0.75], [0.5, 0]]


def test_states_that_are_too_large_are_refused():
    states = torch.tensor([[1.0, -70_000.0]])
    with pytest.raises(ValueError, match=r"reach 70,000, and torch.float16 holds no more than 65,504: give dtype=bfloat16"):
        of_states(states, torch.float16)
    assert states_of(of_states(states, torch.bfloat16), 1, 2, torch.bfloat16).tolist() == [[1.0, -70_144.0]]


@pytest.mark.parametrize("cap", [None, 3.0])
def test_a_head_is_found_out_by_asking(cap: float | None):
    weight, bias = torch.randn(7, 4, dtype=torch.double), torch.randn(7, dtype=torch.double)

    def head(states: Tensor) -> Tensor:
        logits = 1.5 * (states @ weight.T + bias)
        return logits if cap is None else cap * torch.tanh(logits / cap)

    states = torch.randn(5, 4, dtype=torch.double)
    found = head_of(head, states)
    assert torch.allclose(found(states), head(states), rtol=0, atol=1e-9)
    assert torch.allclose(found.weight, 1.5 * weight, rtol=0, atol=1e-9)


def test_what_is_no_matrix_is_refused(student: Student):
    mixed = Several(teachers=("untouched", "untouched"), weights=(1, 2))
    with pytest.raises(
        ValueError, match="keeps=states is for a model whose logits are one matrix times its states; give keeps=top_k"
    ):
        opened(Cached(teacher=mixed, keeps="states"), student)
    assert opened(Cached(teacher=mixed, keeps="top_k"), student).say(BATCH).top_k


def test_likeliest_in_parts_is_likeliest_at_once(monkeypatch: pytest.MonkeyPatch):
    states = torch.randn(9, 20)
    whole = likeliest(lambda some: some, states, 3)
    monkeypatch.setattr("polydistill.chunks.LOGITS", 40)
    assert likeliest(lambda some: some, states, 3).ids.equal(whole.ids)


# Once


def test_what_is_there_is_not_asked_again_and_the_live_teacher_goes(student: Student, monkeypatch: pytest.MonkeyPatch):
    asked = Asked(monkeypatch)
    teacher = opened(Cached(), student)
    first = teacher.say(BATCH)
    assert sorted(asked.rows) == ["a", "b", "c", "d"]
    gc.collect()
    assert [live() for live in asked.opened] == [None], "nothing holds it any more"
    again = opened(Cached(), student, [BATCH]).say(BATCH)
    assert len(asked.opened) == 1, "it was never opened again"
    assert again.top_k.ids.equal(first.top_k.ids)
    assert again.top_k.log_p.equal(first.top_k.log_p)
    more = padded([Tokens([256, 9, 9], 1, id="new"), *ROWS[:2]])
    opened(Cached(), student, [more])
    assert asked.rows[4:] == ["new"]


def test_each_row_is_asked_once_however_often_it_comes(student: Student, monkeypatch: pytest.MonkeyPatch):
    asked = Asked(monkeypatch)
    opened(Cached(), student, [padded([ROWS[0], ROWS[0]]), padded([ROWS[0]._replace(id="again"), ROWS[1]])])
    assert sorted(asked.rows) == ["a", "b"]


def test_second_answers_are_captured_too(student: Student):
    row = ROWS[0]._replace(rejected=ROWS[0].answered([99, 257]))
    teacher = opened(Cached(), student, [padded([row])])
    assert teacher.say(padded([row.rejected])).top_k


def test_a_rank_that_comes_later_captures_the_whole_of_its_share(student: Student, monkeypatch: pytest.MonkeyPatch):
    asked, batches = Asked(monkeypatch), [padded([row]) for row in ROWS]
    monkeypatch.setattr(_kept, "_any_rank", lambda true: true)
    monkeypatch.setattr(_kept, "_rank", lambda: (0, 2))
    with pytest.raises(ValueError, match="2 of 4 signals are not in"):  # the other's share, of which nobody has been asked
        opened(Cached(keeps="states"), student, batches)
    assert asked.rows == ["a", "c"]
    monkeypatch.setattr(_kept, "_rank", lambda: (1, 2))
    opened(Cached(keeps="states"), student, batches)
    assert asked.rows == ["a", "c", "b", "d"]


@pytest.mark.parametrize("error", [KeyError, Stopped])
def test_a_capture_that_ended_goes_on(error: type[Exception], student: Student, monkeypatch: pytest.MonkeyPatch):
    asked = Asked(monkeypatch, fails_at=3, error=error)
    with pytest.raises(error):
        opened(Cached(), student)
    assert asked.rows == ["a", "b", "c"]
    asked.fails_at = 0
    opened(Cached(), student)
    assert asked.rows == ["a", "b", "c", "d"]


def test_a_run_that_was_asked_to_stop_stops_after_the_batch(
    student: Student, space: Workspace, monkeypatch: pytest.MonkeyPatch
):
    asked = Asked(monkeypatch)
    space.asked = lambda: len(asked.rows) >= 2
    with pytest.raises(Stopped):
        opened(Cached(), student)
    assert asked.rows == ["a", "b"]


def test_a_damaged_row_is_captured_again(
    student: Student, space: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    before = opened(Cached(), student).say(BATCH).top_k
    (path,) = (space.root / "store").glob("signals-*/rows-*.bin")
    data = bytearray(path.read_bytes())
    data[40] ^= 1
    path.write_bytes(data)
    asked = Asked(monkeypatch)
    after = opened(Cached(), student).say(BATCH).top_k
    assert asked.rows == ["a"]
    assert "what they held is captured again" in capsys.readouterr().err
    assert after.log_p.equal(before.log_p)


def test_a_damaged_head_is_kept_again(student: Student, space: Workspace, monkeypatch: pytest.MonkeyPatch):
    before = opened(Cached(keeps="states"), student).say(BATCH).logits
    (path,) = (space.root / "store").glob("signals-*/head/head-0000.safetensors")
    path.write_bytes(path.read_bytes()[:-8])
    asked = Asked(monkeypatch)
    assert opened(Cached(keeps="states"), student).say(BATCH).logits.equal(before)
    assert asked.rows == ["a", "b"], "one batch is enough to find it out"


def test_a_full_disk_says_so_and_keeps_what_was_kept(student: Student, monkeypatch: pytest.MonkeyPatch):
    asked = Asked(monkeypatch)
    with full(3000), pytest.raises(OSError, match="make room if its disk is full"):
        opened(Cached(k=260), student)
    done = len(asked.rows) - 1
    assert 0 < done < 4
    asked.rows.clear()
    opened(Cached(k=260), student)
    assert len(asked.rows) == 4 - done


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


def test_the_same_model_with_adapters_is_the_same_teacher(
    student: Student, random_model: Path, monkeypatch: pytest.MonkeyPatch
):
    asked = Asked(monkeypatch)
    opened(Cached(), student)
    opened(Cached(), student_of(random_model, adapters=True))
    assert len(asked.opened) == 1


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


def test_what_was_not_captured_is_refused(student: Student):
    teacher = opened(Cached(), student, BATCHES[:2])
    with pytest.raises(ValueError, match="d was not there before the first step; only a live teacher can be asked of it"):
        teacher.say(BATCH)


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


class AnyEngine(Engine):
    """An engine that is never opened."""

    def open(self) -> Any:
        raise AssertionError


def test_what_a_cached_teacher_keeps_is_enough_for_another(student: Student):
    inner = Cached(k=8)
    one = opened(Cached(teacher=inner, k=3), student).say(BATCH).top_k
    assert one.ids.equal(opened(inner, student).say(BATCH).top_k.ids[:, :3])
