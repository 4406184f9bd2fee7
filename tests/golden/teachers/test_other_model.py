from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import tiny
import torch
from pydantic import ValidationError
from tiny_rows import ENG, SPA, chat, text
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from polydistill import models as loading
from polydistill.batch import Batch, Tokens, padded
from polydistill.checking import problems
from polydistill.component import find
from polydistill.engines import Engine, Sampling
from polydistill.engines.openai import OpenAI
from polydistill.engines.transformers import Transformers
from polydistill.loop import fit, tokens
from polydistill.models import load_model, load_tokenizer
from polydistill.objectives.sampled_text import SampledText
from polydistill.objectives.word_level import WordLevel
from polydistill.plan import read_plan
from polydistill.records import Row
from polydistill.schedules.constant import Constant
from polydistill.signals import Dense, TeacherSignal, Wants
from polydistill.spans import Numbered
from polydistill.stage import BESIDE, Rows, finish, write_shard
from polydistill.student import TOKENS, Student
from polydistill.teachers._reading import OpenBySpans, Reader
from polydistill.teachers.other_model import OtherModel
from polydistill.template import Template
from polydistill.train import read_events
from polydistill.training import TrainSettings

ROWS = [
    chat("q0", ENG, "Why?", "So it is."),
    chat("q1", SPA, "¿Qué día?", "Mañana, cafe\u0301 🙂👍🏽.", ended=False),
    text("t", "Plain words."),
]
OTHER = tiny.TEMPLATE.replace("<|start|>", "<s>").replace("<|end|>", "</s>")


def engine(folder: Path, dtype: str = "float64", **more: Any) -> Transformers:
    return Transformers(path=str(folder), dtype=dtype, device="cpu", **more)


def student_of(folder: Path, dtype: str = "float64") -> Student:
    template = Template(load_tokenizer(folder))
    return Student(load_model(folder, dtype, "cpu"), (template.end_of_turn,), template)


def rows_of(student: Student, rows: list[Row] = ROWS) -> list[Tokens]:
    return [tokens(student.template, row, ENG) for row in rows]


def merges() -> Any:
    """A byte-level tokenizer with merges, marks and a template of its own."""
    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer, inner.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    said = [turn.text for row in ROWS[:2] for turn in row.payload.turns] * 3
    inner.train_from_iterator(said, trainers.BpeTrainer(vocab_size=290, initial_alphabet=alphabet, show_progress=False))
    inner.add_special_tokens(["<s>", "</s>"])
    found = PreTrainedTokenizerFast(tokenizer_object=inner, bos_token="<s>", eos_token="</s>", pad_token="</s>")
    found.chat_template = OTHER
    return found


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with `merges`, another width and one more layer."""
    folder = tiny.model_folder(
        tmp_path_factory.mktemp("other") / "m", seed=3, vocab_size=292, hidden_size=16, num_hidden_layers=3,
        bos_token_id=290, eos_token_id=291, pad_token_id=291,
    )  # fmt: skip
    merges().save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def wider(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with the tiny world's tokenizer and more padding."""
    return tiny.model_folder(tmp_path_factory.mktemp("wider") / "m", seed=4, vocab_size=300)


def no_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*given: Any) -> None:
        pytest.fail("weights were loaded")

    monkeypatch.setattr(loading, "load_model", refuse)


def by_hand(folder: Path, row: list[int]) -> torch.Tensor:
    """(length, vocabulary) log-probabilities of the token after each of a row, from the plain model."""
    with torch.no_grad():
        return load_model(folder, "float64", "cpu").eval()(input_ids=torch.tensor([row])).logits[0].log_softmax(-1)


# The same vocabulary


def test_its_logits_are_the_plain_models_and_not_one_position_late(wider: Path, random_model: Path):
    """TRL #5905: what predicts a token is said at the one before it. Cut to what both have, in rows side by side."""
    student = student_of(random_model)
    rows = rows_of(student)
    teacher = OtherModel(model=engine(wider)).open(student, TOKENS)
    found = teacher.signal(padded(rows)).logits.split([row.learned for row in rows])
    for row, logits in zip(rows, found, strict=True):
        plain = by_hand(wider, row.ids)[len(row.ids) - row.learned - 1 : -1, :260].log_softmax(-1)
        assert logits.shape == plain.shape
        assert torch.allclose(logits.log_softmax(-1), plain)
    assert teacher.sizes.vocabulary == 260


def test_a_wider_student_learns_of_what_both_have(wider: Path, random_model: Path):
    student, objective = student_of(wider), WordLevel(teacher=OtherModel(model=engine(random_model)))
    taught = {objective.teacher: objective.teacher.open(student, TOKENS)}
    batch = padded(rows_of(student))
    (part,) = objective(student, taught, batch, 0.5, objective.start(student, taught)).values()
    q, p = (one.log_softmax(-1) for one in (student(batch)[:, :260], taught[objective.teacher].signal(batch).logits))
    assert torch.allclose(part, batch.by_row((p.exp() * (p - q)).sum(-1)))


def test_it_computes_in_its_own_dtype_whatever_training_does(random_model: Path):
    """ms-swift #10156: a teacher in bfloat16 gave a negative divergence."""
    student = student_of(random_model, "float32")
    batch = padded(rows_of(student))
    teacher = OtherModel(model=engine(random_model, "float32")).open(student, TOKENS)
    with torch.autocast("cpu", torch.bfloat16):
        said = teacher.say(batch)
        logits = said.logits
    assert said.dense.states.dtype == logits.dtype == torch.float32
    assert torch.equal(logits, teacher.say(batch).logits)


def test_hidden_states_and_attention_are_its_own(other: Path, random_model: Path):
    twin = OtherModel(model=engine(random_model)).open(student_of(random_model), Wants(hidden=(1, -1), relations=(-1,)))
    student = student_of(random_model)
    batch = padded(rows_of(student))
    said, own = twin.say(batch), student.says(batch, Wants(hidden=(1, -1), relations=(-1,)))
    assert torch.equal(said.hidden[1], own.hidden[1])
    assert torch.equal(said.relations[-1].keys, own.relations[-1].keys)
    assert not said.relations[-1].keys.requires_grad


def test_it_learns_nothing_and_never_drops_out(random_model: Path):
    teacher = OtherModel(model=engine(random_model)).open(student_of(random_model).train(), TOKENS)
    assert not teacher.reader.student.training
    assert not any(p.requires_grad for p in teacher.reader.student.parameters())


def test_it_writes_with_tokens_of_the_students_alone(wider: Path, random_model: Path):
    teacher = OtherModel(model=engine(wider)).open(student_of(random_model), TOKENS)
    sampling = Sampling(temperature=1.0, max_tokens=40)
    free, found = (by.write([[256, 40]] * 4, sampling, [1, 2, 3, 4]) for by in (teacher.reader.student, teacher))
    assert max(id for answer in free for id in answer) >= 260
    assert max(id for answer in found for id in answer) < 260
    for answer, whole in zip(found, free, strict=True):
        assert whole[: len(answer)] == answer
    assert sum(map(len, found)) > 8


def test_it_can_read_whatever_a_wider_student_writes(wider: Path, random_model: Path):
    student = student_of(wider)
    objective = SampledText(
        objective=WordLevel(teacher=OtherModel(model=engine(random_model))), sampling=Sampling(temperature=1.0, max_tokens=40)
    )
    taught = {teacher: teacher.open(student, wants) for teacher, wants in objective.asks().items()}
    state = objective.start(student, taught)
    rows = objective.rewritten(student, taught, [Tokens([256, 40, 257], 2, id=str(n)) for n in range(8)], 0.5, state)
    (part,) = objective(student, taught, padded(rows), 0.5, state).values()
    assert torch.isfinite(part).all()


@pytest.mark.parametrize("given", [{"keeps": "top_k", "k": 260}, {"keeps": "sampled", "n": 1}, {"keeps": "states"}])
def test_what_was_kept_of_it_is_compared_over_the_same_logits(
    given: dict[str, Any], wider: Path, random_model: Path, tmp_path: Path
):
    student, live = student_of(wider), OtherModel(model=engine(random_model))
    kept = find("teachers", "cached")(teacher=live, folder=tmp_path / "kept", **given)
    batch, parts = padded(rows_of(student)), []
    for teacher in (live, kept):
        objective = WordLevel(teacher=teacher, loss="soft_cross_entropy")
        taught = {teacher: teacher.open(student, TOKENS)}
        taught[teacher].prepare([batch])
        parts.append(objective(student, taught, batch, 0.5, objective.start(student, taught))["word_level"])
    if given["keeps"] == "sampled":
        drawn = taught[kept].signal(batch).sampled.ids[:, 0]
        log_q = student(batch)[:, :260].log_softmax(-1)
        parts[0] = batch.by_row(-log_q[torch.arange(len(drawn)), drawn])
    assert torch.allclose(parts[1], parts[0], rtol=1e-4)


def test_from_another_device_its_states_come_to_the_batch_and_go_back_to_its_head(monkeypatch: pytest.MonkeyPatch):
    """`meta` stands for a device on which nothing else lies; it alone has no autocast."""
    monkeypatch.setattr(torch, "autocast", lambda *given, **more: nullcontext())
    here, there = torch.device("cpu"), torch.device("meta")
    said = TeacherSignal(Dense(torch.zeros(3, 2), lambda states: states))
    on_cpu: Any = SimpleNamespace(device=here, says=lambda batch, wants: said)
    batch: Any = SimpleNamespace(device=there, to=lambda device: batch)
    assert Reader(on_cpu, TOKENS).says(batch).dense.states.device == there
    on_meta: Any = SimpleNamespace(device=there, head=lambda states: states @ torch.zeros(2, 5, device=there))
    assert Reader(on_meta, TOKENS).head(torch.zeros(3, 2), there, width=4).shape == (3, 4)


def test_all_that_it_says_of_spans_is_where_the_batch_is():
    there = torch.device("meta")
    of_batch: Any = SimpleNamespace(
        head=lambda states, device: states,
        says=lambda batch: TeacherSignal(Dense(torch.zeros(1, 2, device=batch.device), lambda states: states)),
    )
    sides: Any = SimpleNamespace(
        numbered=lambda rows: Numbered([Tokens([5, 6], 1)], [0], [0], [True]), outcomes=([5], [5]), widths=(9, 9)
    )
    batch: Any = SimpleNamespace(device=there, rows=[], targets=torch.zeros(1, dtype=torch.long, device=there))
    spans = OpenBySpans(of_batch, sides).say(batch).spans
    assert {part.device for part in spans if isinstance(part, torch.Tensor)} == {there}


# What does not fit is refused before weights are loaded


def test_another_tokenizer_is_refused_with_both_sides_values(other: Path, random_model: Path, monkeypatch: pytest.MonkeyPatch):
    no_weights(monkeypatch)
    teacher = OtherModel(model=engine(other))
    said = rf"{other} \(292 logits\) does not fit the student \(260 logits\).* of the text .*align=spans"
    with pytest.raises(ValueError, match=said):
        teacher.check(engine(random_model), TOKENS)
    template = Template(load_tokenizer(random_model))
    student: Any = type("S", (), {"template": template, "sizes": loading_sizes(random_model)})()
    with pytest.raises(ValueError, match=said):
        teacher.open(student, TOKENS)
    OtherModel(model=engine(random_model)).check(engine(random_model), TOKENS)
    OtherModel(model=engine(other), align="spans").check(engine(random_model), TOKENS)


def loading_sizes(folder: Path) -> Any:
    from polydistill.vocabulary import sizes_of

    return sizes_of(folder)


def test_layers_that_are_not_there_are_refused(wider: Path, random_model: Path, monkeypatch: pytest.MonkeyPatch):
    no_weights(monkeypatch)
    with pytest.raises(ValueError, match="the hidden states of layer 3 are asked of a teacher with 2 layers"):
        OtherModel(model=engine(wider)).check(engine(random_model), Wants(hidden=(3,)))


def test_a_model_that_is_not_here_is_refused(random_model: Path, tmp_path: Path):
    with pytest.raises(FileNotFoundError, match="no model at"):
        OtherModel(model=engine(tmp_path / "none")).check(engine(random_model), TOKENS)
    server: Engine = OpenAI(base_url="http://localhost:1/v1", model="m")
    with pytest.raises(ValueError, match=r"the engine openai does not say"):
        OtherModel(model=server).check(engine(random_model), TOKENS)


def test_a_gguf_file_is_not_unpacked_for_a_look(random_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    import tiny_gguf

    no_weights(monkeypatch)
    monkeypatch.setattr(loading, "plain_folder", lambda path: pytest.fail("it was unpacked"))
    teacher = OtherModel(model=engine(tiny_gguf.write(random_model, tmp_path / "m.gguf")))
    teacher.check(engine(random_model), TOKENS)
    with pytest.raises(ValueError, match="layer 9"):
        teacher.check(engine(random_model), Wants(hidden=(9,)))


def test_a_template_of_its_own_that_is_not_read_is_said(random_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    folder = tiny.model_folder(tmp_path / "m", template=tiny.TEMPLATE.replace("\n", " "))
    OtherModel(model=engine(folder)).check(engine(random_model), TOKENS)
    assert f"{folder} reads the student's chat template, which is not its own" in capsys.readouterr().err
    OtherModel(model=engine(random_model)).check(engine(random_model), TOKENS)
    assert "chat template, which is not" not in capsys.readouterr().err


def test_a_student_of_which_only_the_weights_are_known_is_refused(random_model: Path):
    with pytest.raises(ValueError, match="the student's is not known"):
        OtherModel(model=engine(random_model)).open(Student(load_model(random_model, "float64", "cpu")), TOKENS)


def test_what_cannot_be_compared_by_spans_is_refused_where_it_is_written(random_model: Path):
    teacher = {"other_model": {"model": {"transformers": {"path": str(random_model)}}, "align": "spans"}}
    with pytest.raises(ValidationError, match="mse_logits is computed from dense, and the teacher other_model gives spans"):
        WordLevel.model_validate({"teacher": teacher, "loss": "mse_logits"})
    with pytest.raises(ValidationError):
        find("objectives", "hidden_states").model_validate({"teacher": teacher})


def test_its_identity_is_the_models_content(wider: Path, random_model: Path):
    found = [str(OtherModel(model=engine(folder)).identity()) for folder in (wider, random_model)]
    assert found[0] != found[1]
    assert str(wider) not in found[0]


# Another vocabulary


def spans_of(student: Student, folder: Path, rows: list[Tokens]) -> tuple[Any, Batch]:
    batch, teacher = padded(rows), OtherModel(model=engine(folder), align="spans").open(student, TOKENS)
    return teacher.signal(batch).spans, batch


def test_what_it_says_of_its_own_tokens_is_the_plain_models(other: Path, random_model: Path):
    """Logits not one position late, after its own template, whatever the student's prompt is."""
    student = student_of(random_model)
    said, batch = spans_of(student, other, rows_of(student))
    log_p = said.head(said.states).log_softmax(-1).gather(1, said.targets[:, None])[:, 0]
    own = Template(load_tokenizer(other))
    whole = [own.training(row.payload) for row in ROWS]
    expected = [
        by_hand(other, ids)[prompt - 1 : -1].gather(1, torch.tensor(ids[prompt:])[:, None])[:, 0] for ids, prompt in whole
    ]
    assert said.targets.tolist() == [id for ids, prompt in whole for id in ids[prompt:]]
    assert torch.allclose(log_p, torch.cat(expected))
    assert torch.equal(said.own_targets, batch.targets)
    assert said.widths == (260, 292)
    assert len(said.own) == len(batch.targets) > len(said.of) >= len(said.alike) > 0
    assert {True, False} == {*said.alike.tolist()}


def test_word_level_learns_from_it_towards_it(other: Path, random_model: Path):
    """A student that follows the gradient comes nearer, span by span."""
    student, objective = student_of(random_model), WordLevel(teacher=OtherModel(model=engine(other), align="spans"))
    taught = {objective.teacher: objective.teacher.open(student, TOKENS)}
    state, batch = objective.start(student, taught), padded(rows_of(student))
    optimizer, found = torch.optim.Adam(student.parameters(), lr=0.02), []
    for _ in range(12):
        (part,) = objective(student, taught, batch, 0.5, state).values()
        assert part.shape == (3,)
        found.append(part.sum().item())
        optimizer.zero_grad()
        part.sum().backward()
        optimizer.step()
    assert 0 < found[-1] < 0.6 * found[0]


def test_a_model_of_the_same_vocabulary_says_a_lower_bound_by_spans(wider: Path, random_model: Path):
    student, losses = student_of(random_model), []
    for align in ("tokens", "spans"):
        objective = WordLevel(teacher=OtherModel(model=engine(wider), align=align))
        taught = {objective.teacher: objective.teacher.open(student, TOKENS)}
        (part,) = objective(student, taught, padded(rows_of(student)), 0.5, objective.start(student, taught)).values()
        losses.append(part)
    # Text and the end are told apart by both; marks and padding of the vocabulary, some 40 tokens, count as one.
    assert (losses[1] > 0.5 * losses[0]).all()
    assert not torch.allclose(*losses)


def test_rows_that_cannot_be_aligned_are_left_out_and_counted(
    other: Path, random_model: Path, capsys: pytest.CaptureFixture[str]
):
    student = student_of(random_model)
    rows = rows_of(student)
    rows[1] = rows[1].answered([65, 256, 66])
    teacher = OtherModel(model=engine(other), align="spans").open(student, TOKENS)
    teacher.prepare([padded(rows[:1]), padded(rows[1:])])
    said = capsys.readouterr().err
    assert "1 of 3 rows are left out of what it says: row q1-spa cannot be aligned: token 256" in said
    own = teacher.signal(padded(rows)).spans.own.split([row.learned for row in rows])
    assert own[1].tolist() == [-1, -1, -1]
    assert min(own[0].tolist()) == 0
    assert min(own[2].tolist()) == max(own[0].tolist()) + 1
    assert teacher.signal(padded(rows[1:2])).spans.own.tolist() == [-1, -1, -1]
    with pytest.raises(ValueError, match="none of 1 rows can be compared with the teacher: row q1-spa"):
        teacher.prepare([padded(rows[1:2])])
    with pytest.raises(ValueError, match="only the tokens of row q0 are known"):
        teacher.prepare([padded([rows[0]._replace(payload=None)])])


def test_a_plan_with_a_teacher_that_does_not_fit_is_told_so_before_it_runs(
    other: Path, random_model: Path, monkeypatch: pytest.MonkeyPatch
):
    no_weights(monkeypatch)
    teacher = f"{{other_model: {{model: {{transformers: {{path: {other}, device: cpu}}}}}}}}"
    given = [f"train.objective={{word_level: {{teacher: {teacher}}}}}"]
    plan = read_plan("sdrrl", given, str(random_model), "eng", "spa")
    found = [said for said in problems(plan) if "train.other_model" in said]
    assert len(found) == 1
    assert "does not fit the student (260 logits)" in found[0]


def test_training_knows_the_text_of_its_rows(other: Path, random_model: Path, tmp_path: Path):
    """A whole training with a teacher of another vocabulary; what it learns from is in the events."""
    folder = tmp_path / "mix-1"
    folder.mkdir()
    write_shard(folder, 0, (row.but(lineage={"builder": "target"}) for row in ROWS))
    finish(folder, {})
    objective = WordLevel(teacher=OtherModel(model=engine(other), align="spans"))
    settings = TrainSettings(
        objective=objective, schedule=Constant(), learning_rate=1e-2, batch_rows=3, epochs=8, compute="float64", device="cpu",
        model=engine(random_model), rich=ENG, checkpoint_minutes=60,
    )  # fmt: skip
    fit(settings, random_model, None, Rows(folder), tmp_path)
    losses = [event["loss"] for event in read_events(tmp_path / BESIDE / "events.jsonl")]
    assert len(losses) == 8
    assert losses[-1] < 0.8 * losses[0]
