"""The doctor finds a plan sound, and names whatever is broken in it: every check is shown to fail."""

import json
import random
import shutil
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from click.testing import Result
from tiny_endpoint import model_server
from tiny_rows import ENG, SPA, chat, text
from typer.testing import CliRunner

from polydistill import cli, doctor, exits, loop, progress
from polydistill.batch import Batch, Tokens, padded
from polydistill.component import ALLOWED
from polydistill.doctor import Found
from polydistill.doctoring import Subject, elsewhere, gradients, texts
from polydistill.engines.transformers import Transformers
from polydistill.models import load_tokenizer
from polydistill.objectives import Objective
from polydistill.objectives.next_token import NextToken
from polydistill.objectives.weighted import Weighted
from polydistill.objectives.word_level import WordLevel
from polydistill.plan import Plan, read_plan
from polydistill.records import Chat, Row
from polydistill.scoring import laid_out
from polydistill.signals import Dense, TeacherSignal, Wants
from polydistill.stage import Workspace, working
from polydistill.teachers import OpenTeacher, Teacher
from polydistill.teachers.cached import Cached
from polydistill.teachers.endpoint import Endpoint
from polydistill.teachers.other_model import OtherModel
from polydistill.teachers.untouched import Untouched
from polydistill.template import Template
from polydistill.training import TrainSettings

CHECKS = [
    "template round trip", "tokenizer probe", "answers learned", "end token", "equal answers", "teacher = student",
    "teacher in step", "cached = live", "packed = padded", "each part counts", "padded = alone", "1 x 8 = 2 x 4",
    "two ranks = one",
]  # fmt: skip


@pytest.fixture(autouse=True)
def nothing_allowed() -> Iterator[None]:
    token = ALLOWED.set(frozenset())
    yield
    ALLOWED.reset(token)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.world(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def model(world: Path) -> Path:
    return world.parent / "model"


@pytest.fixture(scope="module")
def template(model: Path) -> Template:
    return Template(load_tokenizer(model))


def rows() -> list[Row]:
    """Twelve rows of unlike lengths in two languages."""
    made = []
    for number in range(12):
        lang, group = ((ENG, "rich"), (SPA, "target"))[number % 2]
        row = chat(f"q{number}", lang, tiny.a_question(random.Random(number), number), tiny.ANSWERS[number % 4])
        made.append(row.but(lineage={"builder": group}))
    return made


def settings(model: Path, objective: Objective, **changes: Any) -> TrainSettings:
    given = {
        "objective": objective, "schedule": "cosine", "compute": "float64", "device": "cpu", "rich": ENG,
        "model": Transformers(path=str(model), dtype="float64", device="cpu"),
    }  # fmt: skip
    return TrainSettings(**{**given, **changes})


def subject(model: Path, objective: Objective, moved: bool = True, **changes: Any) -> Subject:
    found = Subject(settings(model, objective, **changes), rows())
    if moved:
        found.move()
    return found


def broken(found: Found) -> str:
    assert found.state == "BROKEN", found
    return found.number


# The whole


def all_of(plan: Plan) -> tuple[dict[str, Found], list[str]]:
    told: list[str] = []
    with working(Workspace(plan.runs, only_look=True)):
        return dict(doctor.examined(plan, told.append, progress.Line("doctor", None, ""))), told


def said(*arguments: object) -> Result:
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


def test_a_sound_plan_ends_with_0_and_fits_80_columns_with_the_slowest_last(world: Path):
    result = said("doctor", world)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0] == "56 rows made now of the plan's questions"
    assert any(line.endswith("in float64 on cpu as train does") for line in lines)
    assert [line[16:39].strip() for line in lines if line[:2] in ("ok", "no")] == CHECKS


def test_each_round_is_looked_at(world: Path):
    half = "{train: {surgeries: [take_layers], objective: word_level}, choose: {scales: [1.0]}}"
    result = said("doctor", world, f"rounds=[{half}, {{mix: {{builders: [shown_answers]}}, train: {{learning_rate: 1.0e-5}}}}]")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    rounds = [at for at, line in enumerate(lines) if line.startswith("round ")] + [len(lines)]
    assert lines[rounds[0]] == "round 2, from the plan's own model"
    assert lines[rounds[0] + 1] == "56 rows made now of the plan's questions"
    for begin, end in pairwise(rounds):
        named = [line[16:39].strip() for line in lines[begin:end] if line[:2] in ("ok", "no")]
        assert named == [check for check in CHECKS if check not in ("end token", "equal answers")]
    assert "word_level 0e+00" in "".join(lines[rounds[0] : rounds[1]])
    assert not {line for line in lines[rounds[1] :] if "word_level" in line}


def test_a_distilling_plan_is_sound_on_its_own_mixture(lifted: Any):
    objective = "train.objective={near_untouched: {objective: {word_level: {teacher: cached, loss: top_k}}}}"
    found, told = all_of(read_plan(str(lifted.path), [objective]))
    assert told[0].endswith(f"rows of the mixture {lifted.folder('mix').name}")
    assert {name: one.state for name, one in found.items() if one.state != "ok"} == {
        "tokenizer probe": "not applicable", "teacher in step": "not applicable",
    }  # fmt: skip
    assert found["cached = live"].number.endswith("nats apart")
    assert not list(lifted.plan.runs.glob("store/signals-*")), "what is asked here is no part of what a run keeps"


def test_what_is_broken_ends_with_1_and_is_named(world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "my_mean.py").write_text(
        "from polydistill.objectives.next_token import NextToken\n"
        "from polydistill.objectives import Objective\n\n\n"
        "class MyMean(Objective):\n"
        "    @property\n"
        "    def parts(self):\n"
        "        return ('my_mean',)\n\n"
        "    def __call__(self, student, taught, batch, progress, state):\n"
        "        found = NextToken()(student, taught, batch, progress, state)['next_token']\n"
        "        return {'my_mean': found / len(batch.targets)}\n"
    )
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    result = said("doctor", world, "train.objective=mine.my_mean", "--allow", "mine.my_mean")
    assert result.exit_code == exits.FAILED
    named = [line[16:39].strip() for line in result.stdout.splitlines() if line.startswith("BROKEN")]
    assert named == ["padded = alone", "1 x 8 = 2 x 4", "two ranks = one"]
    assert "takes a mean of its own over a batch" in " ".join(result.stdout.split())
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_a_plan_that_cannot_run_is_refused(world: Path):
    assert said("doctor", world, "ask.source.file.path=absent.jsonl").exit_code == exits.REFUSED


class Raises(NextToken):
    def __call__(self, *given: Any) -> dict[str, torch.Tensor]:
        raise ZeroDivisionError("no tokens")


def test_an_error_is_named_and_the_other_checks_go_on(world: Path):
    plan = read_plan(str(world))
    plan = plan.model_copy(update={"train": plan.train.model_copy(update={"objective": Raises()})})
    found, _ = all_of(plan)
    assert list(found) == CHECKS
    assert found["two ranks = one"] == Found("BROKEN", "ZeroDivisionError", "no tokens")
    assert found["packed = padded"].state == "ok"


def test_training_that_cannot_begin_is_named(world: Path):
    plan = read_plan(str(world))
    absent = WordLevel(teacher=Cached(teacher=None, folder=world.parent / "absent"), loss="top_k")
    found, _ = all_of(plan.model_copy(update={"train": plan.train.model_copy(update={"objective": absent})}))
    assert list(found)[-1] == "training begins"
    assert "holds no signals of a teacher" in found["training begins"].advice


# Teachers


def other_model(path: Path) -> OtherModel:
    return OtherModel(model=Transformers(path=str(path), dtype="float64", device="cpu"))


class Late(Teacher):
    """The student itself, of which each answer token gets what was meant for the one before."""

    other: bool = False

    @property
    def of_student(self) -> bool:
        return not self.other

    def open(self, student: Any, wants: Wants) -> OpenTeacher:
        return OpenLate(Untouched().open(student, wants))


class OpenLate(OpenTeacher):
    def __init__(self, teacher: OpenTeacher):
        self.teacher = teacher

    @property
    def sizes(self) -> Any:
        return self.teacher.sizes

    def say(self, batch: Batch) -> TeacherSignal:
        dense = self.teacher.say(batch).dense
        return TeacherSignal(Dense(dense.states.roll(1, 0), dense.head))


def test_the_student_for_its_own_teacher_leaves_the_floor(model: Path):
    for loss in ("forward_kl", "jensen_shannon", "soft_cross_entropy", "total_variation"):
        found = gradients.floor(subject(model, WordLevel(loss=loss), moved=False))
        assert found.state == "ok", (loss, found)


@pytest.mark.parametrize("teacher", ["untouched", "other_model"])
def test_a_student_with_fewer_layers_is_its_own_teacher_too(teacher: str, model: Path):
    asked = Untouched() if teacher == "untouched" else other_model(model)
    fewer = subject(model, WordLevel(teacher=asked), moved=False, surgeries=({"take_layers": {"layers": [1]}},))
    assert gradients.floor(fewer).state == "ok"
    assert fewer.whole.loss > 0.1, "beside the whole model there is something to learn"


def test_a_teacher_one_position_late_is_named(model: Path):
    one = subject(model, WordLevel(teacher=Late()), moved=False)
    assert float(broken(gradients.floor(one)).split()[1]) > 0.1
    entropy = subject(model, WordLevel(teacher=Late(), loss="soft_cross_entropy"), moved=False)
    assert broken(gradients.floor(entropy)).startswith("gradient of word_level")
    assert texts.in_step(one).state == "not applicable", "made of the student, whose floor is looked at"
    place, beside = (
        float(word)
        for word in broken(texts.in_step(subject(model, WordLevel(teacher=Late(other=True))))).split()
        if word[0] == "-"
    )
    assert beside > place + 1


def test_a_teacher_in_step_is_sound(model: Path):
    other = other_model(model)
    for teacher in (other, Cached(teacher=other)):
        assert texts.in_step(subject(model, WordLevel(teacher=teacher, loss="top_k"))).state == "ok"
    assert gradients.floor(subject(model, WordLevel(teacher=other), moved=False)).state == "ok"


def test_a_server_is_asked_of_a_few_rows_and_kept_apart(model: Path, template: Template, space: Workspace):
    pytest.importorskip("httpx2", reason="polydistill[openai] is not installed")
    with model_server(model) as server:
        engine = {"openai": {"base_url": server.url, "model": "tiny", "retries": 0, "wait": 0.0}}
        one = subject(model, WordLevel(teacher=Endpoint(engine=engine, k=8), loss="top_k"), moved=False)
        assert gradients.floor(one).state == texts.in_step(one).state == gradients.alone(one).state == "ok"
        assert texts.tokenizers(one.plan, template, rows()).number == "a server's is tried as training begins"
    assert not list(space.root.glob("store/signals-*"))


def test_each_teacher_that_keeps_something_has_a_folder_of_its_own_meanwhile(tmp_path: Path):
    one, other, same = (elsewhere(part, str(tmp_path)).folder for part in (Cached(), Cached(k=4), Cached(folder=Path("there"))))
    assert one == same != other
    assert one.parent == other.parent == tmp_path
    assert elsewhere(Untouched(), str(tmp_path)) == Untouched()


def test_a_loss_that_is_not_nothing_between_equals_is_named(model: Path):
    class Shifted(type(WordLevel().loss)):
        def __call__(self, student: Any, teacher: Any, *learned: Any) -> Any:
            return super().__call__(student, teacher) + 0.01

    assert broken(gradients.floor(subject(model, WordLevel(loss=Shifted()), moved=False))) == "word_level 1e-02 nats a token"


KEEPS = [{"keeps": "top_k"}, {"keeps": "sampled"}, {"keeps": "sampled", "temperature": 1.3}, {"keeps": "states"}]


@pytest.mark.parametrize("keeps", KEEPS, ids=str)
def test_a_cache_of_another_teacher_is_named(
    keeps: dict[str, Any], model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Two teachers that a careless digest takes for the same one."""
    monkeypatch.setattr(Cached, "whose", lambda self, student: {"teacher": "some"})
    other = tiny.model_folder(tmp_path / "other", seed=5)
    loss = "top_k" if keeps["keeps"] == "top_k" else "soft_cross_entropy"
    teachers = [
        Cached(
            teacher=OtherModel(model=Transformers(path=str(path), dtype="float64", device="cpu")),
            folder=tmp_path / "kept",
            **keeps,
        )
        for path in (other, model)
    ]
    first, second = (subject(model, WordLevel(teacher=teacher, loss=loss)) for teacher in teachers)
    assert gradients.cached(first).state == "ok", "kept now, beside the run's own folder"
    assert not (tmp_path / "kept").exists()
    kept = teachers[0].open(first.job.student, Wants(tokens=True))
    kept.prepare([first.batch(sorted(first.tokens, key=lambda row: row.size)[:4])])
    assert gradients.cached(first).state == "ok"
    broken(gradients.cached(second))


def test_a_cache_of_other_rows_is_named(model: Path, tmp_path: Path):
    plan = WordLevel(teacher=Cached(folder=tmp_path / "kept"), loss="top_k")
    one = subject(model, plan, moved=False)
    opened = plan.teacher.open(one.job.student, Wants(tokens=True))
    opened.prepare([one.batch(one.tokens[:4])])
    alone = WordLevel(teacher=Cached(teacher=None, folder=tmp_path / "kept"), loss="top_k")
    with pytest.raises(ValueError, match="it was made of other rows"):
        subject(model, alone)
    opened.prepare([one.batch(one.tokens)])
    assert gradients.cached(subject(model, alone, moved=False)).number == "4 of 4 rows are there; no live teacher"


def permuted(model: Path, folder: Path) -> Path:
    """The same model with a tokenizer of equal width that gives two letters each other's id."""
    shutil.copytree(model, folder)
    file = folder / "tokenizer.json"
    told = json.loads(file.read_text("utf-8"))
    vocabulary = told["model"]["vocab"]
    vocabulary["e"], vocabulary["t"] = vocabulary["t"], vocabulary["e"]
    file.write_text(json.dumps(told), "utf-8")
    return folder


def test_a_tokenizer_of_equal_width_and_other_ids_is_named(world: Path, model: Path, template: Template, tmp_path: Path):
    same, other = (
        WordLevel(teacher=OtherModel(model=Transformers(path=str(path), device="cpu")))
        for path in (model, permuted(model, tmp_path / "other"))
    )
    assert texts.tokenizers(settings(model, same), template, rows()).number == "13 probes, 24 texts alike; 260 logits"
    with pytest.raises(ValueError, match="are two vocabularies"):
        texts.tokenizers(settings(model, other), template, rows())
    plan = read_plan(str(world))
    found, _ = all_of(plan.model_copy(update={"train": plan.train.model_copy(update={"objective": other})}))
    assert "are two vocabularies" in found["tokenizer probe"].advice
    spans = WordLevel(teacher=OtherModel(model=other.teacher.model, align="spans"))
    assert texts.tokenizers(settings(model, spans), template, rows()).number == "12 of 12 rows align, 100% of spans alike"


# Steps


class SeesPadding(NextToken):
    """Divides by how wide the batch is."""

    @property
    def parts(self) -> tuple[str, ...]:
        return ("next_token",)

    def __call__(self, student: Any, taught: Any, batch: Batch, progress: float, state: Any) -> dict[str, torch.Tensor]:
        (found,) = super().__call__(student, taught, batch, progress, state).values()
        return {"next_token": found / batch.ids.shape[1]}


class BatchMean(SeesPadding):
    """A mean over the tokens of the batch."""

    def __call__(self, student: Any, taught: Any, batch: Batch, progress: float, state: Any) -> dict[str, torch.Tensor]:
        (found,) = NextToken.__call__(self, student, taught, batch, progress, state).values()
        return {"next_token": found / len(batch.targets)}


@pytest.mark.parametrize("compute", ["float64", "float32", "bfloat16"])
def test_steps_are_sound(compute: str, model: Path):
    found = subject(model, WordLevel(), compute=compute)
    for check in (gradients.packed, gradients.ratio, gradients.alone, gradients.split, gradients.ranks):
        assert check(found).state == "ok", check(found)
    assert all(p.grad is None for p in found.job.weights.values()), "nothing is left behind"


def test_an_objective_that_sees_padding_is_named(model: Path):
    broken(gradients.alone(subject(model, SeesPadding())))


def test_a_mean_over_a_batch_is_named(model: Path):
    found = subject(model, BatchMean())
    for check in (gradients.alone, gradients.split, gradients.ranks):
        broken(check(found))


def test_counts_that_are_not_summed_over_ranks_are_named(model: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(loop, "summed", lambda accelerator, values: values)
    found = subject(model, NextToken())
    assert gradients.split(found).state == "ok"
    broken(gradients.ranks(found))


@pytest.mark.parametrize(("norm", "state"), [(2.0, "ok"), (1.0, "BROKEN")])
def test_real_ranks_are_compared_where_the_plan_has_several(
    norm: float, state: str, model: Path, monkeypatch: pytest.MonkeyPatch
):
    asked = []

    def train(given: TrainSettings, mixture: Any) -> Any:
        asked.append((given.processes, given.epochs, len(mixture)))
        events = [{"loss": 3.0, "gradient_norm": 2.0 if given.processes == 1 else norm}]
        return type("Candidates", (), {"events": lambda self: events})()

    monkeypatch.setattr(gradients, "train", train)
    found = gradients.ranks(subject(model, NextToken(), processes=3))
    assert asked == [(1, 1, 8), (3, 1, 8)]
    assert found.state == state
    assert found.number == f"3 ranks: loss 0e+00, gradient {(2 - norm) / 2:.0e} apart"


def test_a_text_that_sees_its_neighbours_is_named(model: Path, monkeypatch: pytest.MonkeyPatch):
    def seen(scored: Any) -> Any:
        batch, owners = laid_out(scored)
        if batch.attend.dim() == 4:
            length = batch.ids.shape[1]
            batch = batch._replace(attend=torch.ones(1, 1, length, length, dtype=torch.bool).tril())
        return batch, owners

    found = subject(model, NextToken())
    monkeypatch.setattr(gradients, "laid_out", seen)
    broken(gradients.packed(found))


def test_a_model_that_takes_no_such_mask_is_not_packed(model: Path, monkeypatch: pytest.MonkeyPatch):
    found = subject(model, NextToken())

    def refuses(batch: Batch) -> torch.Tensor:
        raise ValueError("a mask of (rows, length)")

    monkeypatch.setattr(found.job.student, "log_likelihoods", refuses)
    assert gradients.packed(found).state == "not applicable"


# Parts


@pytest.mark.parametrize(("weight", "state"), [(0.5, "ok"), (0.001, "warning")])
def test_a_part_that_does_nothing_beside_another_is_named(weight: float, state: str, model: Path):
    found = gradients.ratio(subject(model, Weighted(objectives=(NextToken(), NextToken()), weights=(1, weight))))
    assert (found.state, found.number) == (state, f"gradient of next_token_2 {weight} of that of next_token")


class Negative(SeesPadding):
    def __call__(self, *given: Any) -> dict[str, torch.Tensor]:
        return {"next_token": -NextToken.__call__(self, *given)["next_token"]}


class Held(SeesPadding):
    def __call__(self, *given: Any) -> dict[str, torch.Tensor]:
        return {"next_token": NextToken.__call__(self, *given)["next_token"].detach()}


def test_a_part_that_is_negative_or_without_gradient_is_named(model: Path):
    assert broken(gradients.ratio(subject(model, Negative()))).startswith("next_token is -")
    assert broken(gradients.ratio(subject(model, Held()))) == "next_token has a gradient of 0"


# Texts


def test_a_tokenizer_that_loses_letters_is_named(model: Path):
    from tokenizers import normalizers

    lossy = load_tokenizer(model)
    lossy.backend_tokenizer.normalizer = normalizers.Replace("e", "")
    assert broken(texts.round_trip(Template(lossy), rows())) == "12 of 12 rows come back changed"


def test_a_template_that_leaves_a_turn_out_is_named(model: Path):
    tokenizer = load_tokenizer(model)
    tokenizer.chat_template = tiny.TEMPLATE.replace("in messages %}", "in messages[-1:] %}")
    one = rows()[0]
    longer = one.but(payload=Chat(turns=(*rows()[1].payload.turns, *one.payload.turns)))
    assert texts.round_trip(Template(tokenizer), [one]).state == "ok"
    assert broken(texts.round_trip(Template(tokenizer), [longer])) == "1 of 1 rows come back changed"


def test_a_text_that_becomes_a_special_token_is_named(template: Template, model: Path, monkeypatch: pytest.MonkeyPatch):
    assert texts.round_trip(template, rows()).state == "ok"
    careless = Template(load_tokenizer(model))
    monkeypatch.setattr(careless, "answer", lambda text: careless.tokenizer.encode(text, add_special_tokens=False))
    assert "special tokens out of a text" in broken(texts.round_trip(careless, rows()))


@pytest.fixture(scope="module")
def engine(model: Path) -> Iterator[Any]:
    with Transformers(path=str(model), dtype="float64", device="cpu", batch_size=16).open() as opened:
        yield opened


def test_answers_end_with_the_templates_end_token(template: Template, engine: Any):
    assert texts.end_token(template, engine, rows()) == Found("ok", "12 of 12 answers end with '<|end|>'")
    assert texts.end_token(template, engine, [text("t", "Plain text.")]).state == "not applicable"


def test_answers_without_an_end_are_named(template: Template, engine: Any):
    endless = [chat("q", ENG, "Why?", "So", ended=False)]
    assert broken(texts.end_token(template, engine, endless)) == "0 of 1 answers end with '<|end|>'"


def test_a_template_without_an_end_token_of_its_own_is_named(model: Path, engine: Any):
    """Its turns end with a full stop, as answers' sentences do."""
    tokenizer = load_tokenizer(model)
    tokenizer.chat_template = tiny.TEMPLATE.replace("<|end|>", ".")
    plain = Template(tokenizer)
    assert plain.tokenizer.convert_ids_to_tokens(plain.end_of_turn) == "."
    assert broken(texts.end_token(plain, engine, rows())) == "12 of 12 answers hold '.' inside"


def test_an_engine_that_does_not_know_the_end_token_is_named(template: Template, engine: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(engine, "more_ends", frozenset())
    monkeypatch.setitem(engine.chat.__dict__, "ends", frozenset({1}))
    assert broken(texts.end_token(template, engine, rows())) == "generation goes on after '<|end|>'"


def test_what_is_learned_of_the_answers(template: Template):
    some = [
        chat("a", ENG, "Why?", "x" * 30),
        chat("b", ENG, "Why?", "x" * 50).reject("looping"),
        chat("c", ENG, "Why?", "x" * 20),
    ]
    assert texts.learned(template, some[:1], 500) == Found("ok", "100.0% of 30 tokens of answers")
    found = texts.learned(template, some, 500)
    assert (found.state, found.number) == ("ok", "50.0% of 100 tokens of answers")
    assert found.advice == "Filters leave out 50.0%, mix.max_tokens=500 0.0%."


def test_answers_that_are_mostly_thrown_away_are_named(template: Template):
    some = [chat("a", ENG, "Why?", "x" * 30), chat("b", ENG, "Why?", "x" * 70)]
    length = len(template.training(some[0].payload)[0])
    found = texts.learned(template, some, length)
    assert broken(found) == "30.0% of 100 tokens of answers"
    assert f"mix.max_tokens={length} 70.0%" in found.advice


def test_answers_that_filters_mostly_leave_out_are_a_warning(template: Template):
    some = [chat("a", ENG, "Why?", "x" * 30), chat("b", ENG, "Why?", "x" * 70).reject("loop")]
    found = texts.learned(template, some, 1024)
    assert (found.state, found.number) == ("warning", "30.0% of 100 tokens of answers")
    assert "Filters leave out 70.0%" in found.advice


def test_answer_tokens_that_are_lost_in_a_batch_are_named(template: Template, monkeypatch: pytest.MonkeyPatch):
    """As if every answer began where the longest prompt of the batch ends."""

    def late(given: list[Tokens]) -> Batch:
        batch = padded(given)
        batch.answers[:, : max(row.prompt for row in given) + 3] = False
        return batch

    monkeypatch.setattr(texts, "padded", late)
    found = texts.learned(template, [chat("a", ENG, "Why?", "x" * 30)], 500)
    assert broken(found) == "90.0% of 30 tokens of answers"
    assert "10.0% is lost between a row and its batch" in found.advice


def test_answers_that_depend_on_the_rows_beside_them_are_named(engine: Any, monkeypatch: pytest.MonkeyPatch):
    assert texts.equal_answers(engine, rows()).number == "12 of 12 at 1, 4 and 16 at a time"
    right = engine.model.forward
    monkeypatch.setattr(engine.model, "forward", lambda attention_mask, **given: right(**given))
    assert broken(texts.equal_answers(engine, rows())).endswith("of 12 at 1, 4 and 16 at a time")


def test_one_question_is_too_few(engine: Any):
    assert texts.equal_answers(engine, rows()[:1]).state == "not applicable"


def test_lines_are_no_wider_than_a_terminal():
    found = Found("not applicable", "a number " * 12, "advice " * 40)
    lines = list(doctor.lines("template round trip", found))
    assert max(map(len, lines)) <= 80
    assert lines[0].startswith("not applicable  template round trip    a number")
    assert lines[1].startswith(" " * 39 + "number a number")
