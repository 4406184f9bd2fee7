"""Training: resumed bit for bit, the same on one rank and on two, and normalised by answer tokens."""

import json
import math
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiny_disk
import torch
from safetensors.torch import load_file
from tiny_rows import ENG, SPA, chat, text
from tiny_signals import ctrl_c_after
from transformers import AutoModelForCausalLM, AutoTokenizer

from polydistill import checkpoints, loop
from polydistill.batch import Tokens
from polydistill.engines import Sampling
from polydistill.engines.transformers import Transformers
from polydistill.loop import fit, plan_steps
from polydistill.models import load_model, load_tokenizer
from polydistill.objectives import Objective
from polydistill.objectives.near_untouched import NearUntouched
from polydistill.objectives.next_token import NextToken
from polydistill.objectives.sampled_text import SampledText
from polydistill.objectives.weighted import Weighted
from polydistill.objectives.word_level import WordLevel
from polydistill.records import Lang, Row, digest, seed_of
from polydistill.schedules.constant import Constant
from polydistill.schedules.cosine import Cosine
from polydistill.stage import Rows, Stopped, Workspace, finish, only_runner, working, write_shard
from polydistill.storage import files
from polydistill.storage.files import enough_disk
from polydistill.student import Student, log_likelihood
from polydistill.template import Template
from polydistill.train import Candidates, disk_wanted, launch, read_events, train
from polydistill.training import TrainSettings

WORDS = ["sun", "moon", "star", "river", "house", "tree", "bird", "cat", "dog", "red", "blue", "green"]
STEPS = 12


def some_words(*seed: Any, count: int) -> str:
    return " ".join(WORDS[seed_of(*seed, n) % len(WORDS)] for n in range(count))


@pytest.fixture(scope="module")
def mixture(tmp_path_factory: pytest.TempPathFactory) -> Rows:
    """24 rows of very different lengths, some of them plain text in the other language."""

    def row(n: int) -> Row:
        if n % 6 == 0:
            return text(f"t{n}", some_words(n, count=8), SPA).but(lineage={"builder": "plain"})
        asked, answer = some_words(n, "q", count=1 + n % 5), some_words(n, "a", count=1 + n * n % 9)
        return chat(f"q{n}", ENG, asked, answer, ended=bool(n % 4)).but(lineage={"builder": "rich"})

    folder = tmp_path_factory.mktemp("mix") / "mix-1"
    folder.mkdir()
    write_shard(folder, 0, map(row, range(24)))
    finish(folder, {})
    return Rows(folder)


def settings(**changes: Any) -> TrainSettings:
    given = {
        "objective": NextToken(), "schedule": Cosine(), "learning_rate": 3e-3, "batch_rows": 4, "epochs": 2,
        "compute": "float64", "device": "cpu", "model": Transformers(path="m"), "checkpoint_minutes": 60,
        "rich": ENG,
    }  # fmt: skip
    return TrainSettings(**{**given, **changes})


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, random_model: Path, mixture: Rows) -> Callable[..., Path]:
    """Trains once for each settings; the folder."""
    done: dict[str, Path] = {}

    def run(**changes: Any) -> Path:
        given = settings(**changes)
        key = given.model_dump_json()
        if key not in done:
            done[key] = tmp_path_factory.mktemp("train") / "train-1"
            fit(given, random_model, None, mixture, done[key])
        return done[key]

    return run


def events(folder: Path) -> list[dict[str, Any]]:
    """Without the seconds, which are those of the clock."""
    return [{k: v for k, v in event.items() if k != "seconds"} for event in read_events(folder / "beside" / "events.jsonl")]


def numbers(event: dict[str, Any]) -> dict[str, float]:
    """What an event says, those of each kind of rows side by side with the others."""
    kinds = {f"{kind}/{name}": value for kind, found in event["rows"].items() for name, value in found.items()}
    return {name: value for name, value in event.items() if name != "rows"} | kinds


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model" / "model.safetensors")


def same_bits(one: Path, other: Path) -> bool:
    return (one / "model" / "model.safetensors").read_bytes() == (other / "model" / "model.safetensors").read_bytes()


def close(one: Path, other: Path, tolerance: float = 1e-9) -> None:
    for name, weight in weights(one).items():
        assert torch.allclose(weight, weights(other)[name], rtol=0, atol=tolerance), name


# Going on


NEAR = NearUntouched(objective=NextToken(), weight=3)
FOLLOWING = Weighted(
    objectives=(NextToken(), WordLevel(toward={"adaptive_interpolation": {"alpha": 0.9, "beta": 0.5}})), weights=(1, 1)
)
"""Its target depends on every loss before."""


@pytest.mark.parametrize("objective", [NextToken(), NEAR, FOLLOWING], ids=lambda objective: objective.name())
@pytest.mark.parametrize("method", ["full", "lora"])
def test_a_stopped_run_goes_on_bit_for_bit(
    method: str, objective: Objective, trained: Callable[..., Path], random_model: Path, mixture: Rows, tmp_path: Path
):
    given = {"method": method, "objective": objective}
    whole, out = trained(**given), tmp_path / "train-1"
    for stop in (1, 5, STEPS - 1):
        with pytest.raises(Stopped):
            fit(settings(**given), random_model, None, mixture, out, stopping=lambda stop=stop: len(events(out)) >= stop)
        assert len(events(out)) == stop
        torch.rand(7)  # whatever happened in between
    fit(settings(**given), random_model, None, mixture, out)
    assert events(out) == events(whole)
    assert same_bits(out, whole)


def test_a_checkpoint_in_several_files_is_one(
    trained: Callable[..., Path], random_model: Path, mixture: Rows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(checkpoints, "PART_BYTES", 20_000)
    out = tmp_path / "train-1"
    with pytest.raises(Stopped):
        fit(settings(), random_model, None, mixture, out, stopping=lambda: len(events(out)) >= 5)
    files = list((out / "checkpoints/step-0000005").glob("weights-*.safetensors"))
    assert len(files) > 3
    largest = max(weight.nbytes for weight in weights(trained()).values())
    assert all(path.stat().st_size <= max(20_000, largest) + 2_000 for path in files)
    fit(settings(), random_model, None, mixture, out)
    assert same_bits(out, trained())


def test_no_step_is_lost_when_the_wish_to_stop_comes_between_two_looks(random_model: Path, mixture: Rows, tmp_path: Path):
    asked = iter([False, False, True, True])
    with pytest.raises(Stopped):
        fit(settings(), random_model, None, mixture, tmp_path / "train-1", stopping=lambda: next(asked))
    assert [path.name for path in (tmp_path / "train-1/checkpoints").iterdir()] == ["step-0000003"]
    assert len(events(tmp_path / "train-1")) == 3


def test_what_came_after_the_checkpoint_is_done_again(
    trained: Callable[..., Path], random_model: Path, mixture: Rows, tmp_path: Path
):
    """A run that was killed two steps after its last checkpoint, in the middle of writing an event and another checkpoint."""
    out = tmp_path / "train-1"
    with pytest.raises(Stopped):
        fit(settings(), random_model, None, mixture, out, stopping=lambda: len(events(out)) >= 4)
    with (out / "beside" / "events.jsonl").open("a") as file:
        file.write('{"step": 4, "loss": 9.0}\n{"step": 5, "loss": 9.0}\n{"step": 6, "lo')
    (out / "checkpoints" / "step-0000006.tmp").mkdir()
    (out / "checkpoints" / "step-0000006.tmp" / "weights-0000.safetensors").write_text("half")
    fit(settings(), random_model, None, mixture, out)
    assert events(out) == events(trained())
    assert same_bits(out, trained())


def spoil(name: str, change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes(change((folder / name).read_bytes())) and None


@pytest.mark.parametrize(
    ("break_it", "wrong"),
    [
        (lambda folder: (folder / "whole.json").unlink(), "it has no marker of being whole"),
        (spoil("whole.json", lambda data: b""), "it has no marker of being whole"),
        (spoil("whole.json", lambda data: b'{"steps": 5}'), "it has no marker of being whole"),
        (spoil("weights-0000.safetensors", lambda data: data[:-100]), "weights-0000.safetensors is not what was written"),
        (spoil("weights-0000.safetensors", lambda data: data[:-1] + b"x"), "weights-0000.safetensors is not what was written"),
        (spoil("optimizer-0000.safetensors", lambda data: b""), "optimizer-0000.safetensors is not what was written"),
        (lambda folder: (folder / "optimizer-0000.safetensors").unlink(), "optimizer-0000.safetensors is not what was written"),
    ],
)  # fmt: skip
def test_the_newest_whole_checkpoint_is_taken(
    break_it: Callable[[Path], None], wrong: str, trained: Callable[..., Path], random_model: Path, mixture: Rows,
    tmp_path: Path, capsys: pytest.CaptureFixture[str],
):  # fmt: skip
    out = tmp_path / "train-1"
    with pytest.raises(Stopped):
        fit(settings(checkpoint_minutes=0), random_model, None, mixture, out, stopping=lambda: len(events(out)) >= 5)
    break_it(out / "checkpoints" / "step-0000005")
    fit(settings(checkpoint_minutes=0), random_model, None, mixture, out)
    said = capsys.readouterr().err
    assert f"step-0000005 is left out: {wrong}" in said
    assert "going on after step 4" in said
    assert events(out) == events(trained())
    assert same_bits(out, trained())


def test_without_a_whole_checkpoint_training_begins_anew(
    trained: Callable[..., Path], random_model: Path, mixture: Rows, tmp_path: Path
):
    out = tmp_path / "train-1"
    with pytest.raises(Stopped):
        fit(settings(checkpoint_minutes=0), random_model, None, mixture, out, stopping=lambda: len(events(out)) >= 5)
    for folder in (out / "checkpoints").iterdir():
        (folder / "whole.json").unlink()
    fit(settings(), random_model, None, mixture, out)
    assert events(out) == events(trained())
    assert same_bits(out, trained())


def test_a_checkpoint_that_would_fill_the_disk_is_not_begun(
    random_model: Path, mixture: Rows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    out = tmp_path / "train-1"
    free = shutil.disk_usage(tmp_path)._replace(free=100_000)
    with pytest.raises(Stopped):
        fit(settings(checkpoint_minutes=0), random_model, None, mixture, out, stopping=lambda: len(events(out)) >= 2)
    monkeypatch.setattr(files.shutil, "disk_usage", lambda folder: free)
    with pytest.raises(OSError, match=r"a checkpoint takes up to 0\.0 GB in .*make room or set runs=FOLDER"):
        fit(settings(checkpoint_minutes=0), random_model, None, mixture, out)
    assert sorted(path.name for path in (out / "checkpoints").glob("step-???????")) == ["step-0000001", "step-0000002"]


def test_the_last_two_checkpoints_are_kept(random_model: Path, mixture: Rows, tmp_path: Path, trained: Callable[..., Path]):
    out = tmp_path / "train-1"
    with pytest.raises(Stopped):
        fit(settings(checkpoint_minutes=0), random_model, None, mixture, out, stopping=lambda: len(events(out)) >= 6)
    assert sorted(path.name for path in (out / "checkpoints").iterdir()) == ["step-0000005", "step-0000006"]
    assert not (trained() / "checkpoints").exists(), "none was due within the hour"


# What a step is


def by_hand(folder: Path, mixture: Rows, chosen: list[int]) -> tuple[float, float, int]:
    """(loss in nats a token, gradient norm, answer tokens) of one step, a row at a time, over full logits."""
    template, model = Template(load_tokenizer(folder)), load_model(folder, "float64", "cpu")
    Student(model)
    rows, total, count = [template.training(row.payload) for row in mixture], 0.0, 0
    for ids, prompt in (rows[number] for number in chosen):
        logits = model(input_ids=torch.tensor([ids])).logits[0]
        loss = -log_likelihood(logits[prompt - 1 : -1], torch.tensor(ids[prompt:])).sum()
        loss.backward()
        total, count = total + loss.item(), count + len(ids) - prompt
    norm = math.sqrt(sum(p.grad.pow(2).sum().item() for p in model.parameters())) / count
    return total / count, norm, count


def test_the_loss_is_a_mean_over_the_answer_tokens_of_the_whole_step(
    trained: Callable[..., Path], random_model: Path, mixture: Rows
):
    first = events(trained(micro_tokens=64))[0]
    loss, norm, count = by_hand(random_model, mixture, [0, 1, 2, 3])
    assert first["answer_tokens"] == count
    assert first["loss"] == pytest.approx(loss, rel=1e-9)
    assert first["gradient_norm"] == pytest.approx(norm, rel=1e-6)


def test_the_side_by_side_tokens_change_nothing(trained: Callable[..., Path]):
    one, other, alone = trained(), trained(micro_tokens=200), trained(micro_tokens=1)
    for event, second, third in zip(events(one), events(other), events(alone), strict=True):
        assert numbers(second) == pytest.approx(numbers(event), rel=1e-6)
        assert numbers(third) == pytest.approx(numbers(event), rel=1e-6)
    close(one, other, 1e-6)
    close(one, alone, 1e-6)


def test_events_say_what_happened(trained: Callable[..., Path], random_model: Path, mixture: Rows):
    found = events(trained())
    template = Template(load_tokenizer(random_model))
    lengths = [len(template.training(row.payload)[0]) for row in mixture]
    assert [event["step"] for event in found] == list(range(STEPS))
    assert [event["learning_rate"] for event in found] == [3e-3 * Cosine()((step + 1) / STEPS) for step in range(STEPS)]
    assert [event["tokens"] for event in found[:6]] == [sum(lengths[at : at + 4]) for at in range(0, 24, 4)]
    assert found[-1]["loss"] < found[0]["loss"]
    assert [event["next_token"] for event in found] == [event["loss"] for event in found]
    assert set(found[0]) == {
        "step", "loss", "next_token", "learning_rate", "gradient_norm", "tokens", "answer_tokens", "rows",
    }  # fmt: skip


def test_events_tell_the_parts_and_the_kinds_of_rows_apart(trained: Callable[..., Path], random_model: Path, mixture: Rows):
    found = events(trained(objective=NEAR))
    for event in found:
        kinds = event["rows"].values()
        assert event["loss"] == pytest.approx(event["next_token"] + event["near_untouched"], rel=1e-12)
        assert event["answer_tokens"] == sum(kind["answer_tokens"] for kind in kinds)
        for part in ("next_token", "near_untouched"):
            assert event[part] * event["answer_tokens"] == pytest.approx(sum(kind[part] for kind in kinds), rel=1e-12)
    # The first step's rows: one plain text, three chats, each as the untouched model finds it.
    assert found[0]["rows"].keys() == {"plain spa", "rich eng"}
    for kind, chosen in (("plain spa", [0]), ("rich eng", [1, 2, 3])):
        loss, _, count = by_hand(random_model, mixture, chosen)
        assert found[0]["rows"][kind]["answer_tokens"] == count
        assert found[0]["rows"][kind]["next_token"] == pytest.approx(loss * count, rel=1e-9)
        assert found[0]["rows"][kind]["near_untouched"] == pytest.approx(0, abs=1e-9)
    assert found[-1]["rows"]["rich eng"]["near_untouched"] > 0.1
    assert {event["rows"].get("plain spa", {}).get("near_untouched") for event in found} == {0.0, None}


def test_events_count_what_was_written_while_training(random_model: Path, mixture: Rows, tmp_path: Path):
    """The answers that are learned, not those of the mixture; plain text keeps its own."""
    most, length = Sampling(temperature=1.0, max_tokens=3), Template(load_tokenizer(random_model)).training
    given = settings(objective=SampledText(objective=NextToken(), sampling=most), epochs=1, batch_rows=24, micro_tokens=64)
    fit(given, random_model, None, mixture, tmp_path / "train-1")
    (event,) = events(tmp_path / "train-1")
    chats, texts = ([length(row.payload) for row in mixture if row.payload.type == kind] for kind in ("chat", "text"))
    of = {kind: found["answer_tokens"] for kind, found in event["rows"].items()}
    assert of["plain spa"] == sum(len(ids) - 1 for ids, _ in texts)
    assert 20 <= of["rich eng"] <= 3 * 20 < sum(len(ids) - prompt for ids, prompt in chats)
    assert event["answer_tokens"] == sum(of.values())
    assert event["tokens"] == of["rich eng"] + sum(prompt for _, prompt in chats) + sum(len(ids) for ids, _ in texts)
    assert event["loss"] * event["answer_tokens"] == pytest.approx(sum(one["next_token"] for one in event["rows"].values()))


def test_with_the_pull_at_nothing_the_model_is_the_same(trained: Callable[..., Path]):
    """At weight 0 not a bit differs; else it makes another model."""
    plain = trained()
    assert same_bits(trained(objective=NearUntouched(objective=NextToken(), weight=0)), plain)
    assert not same_bits(trained(objective=NEAR), plain)


# What decides a result


def test_the_rich_language_decides_only_where_the_objective_looks_at_it():
    for objective, decides in ((NextToken(), False), (NEAR, True)):
        one, other = (digest(settings(objective=objective, rich=rich, model=Fixed(path="m")).identity()) for rich in (ENG, SPA))
        assert (one != other) is decides


class Fixed(Transformers):
    """An engine whose model never changes."""

    def identity(self) -> Any:
        return {"fixed": {}, "version": 1}


def test_the_identity_of_plain_training_stays():
    """Results that people have keep their names; a new setting must not change this by its default."""
    given = TrainSettings(
        objective=NextToken(), schedule=Cosine(), compute="float64", device="cpu", model=Fixed(path="m"), rich=Lang("eng")
    )
    found = given.identity()
    found["model"] = found["model"]["own"]  # this file, where its class stands, enters too
    assert digest(found) == "a1140971a332dde95eab0bff80fd5eed049f0de83c1902b19636615e55a2a8f1"


# Several to choose among


@pytest.mark.parametrize(
    ("candidates", "steps", "expected"),
    [
        (1, 12, []),
        (2, 12, [6]),
        (3, 12, [4, 8]),
        (5, 12, [3, 5, 8, 10]),
        (3, 3, [1, 2]),
        (7, 3, [1, 2]),
        (4, 1, []),
        (3, 0, []),
    ],
)
def test_candidates_are_evenly_apart(candidates: int, steps: int, expected: list[int]):
    assert settings(candidates=candidates).earlier_candidates(steps) == expected


def folders(out: Path) -> dict[str, dict[str, bytes]]:
    return {folder.name: {file.name: file.read_bytes() for file in folder.iterdir()} for folder in out.glob("model*")}


@pytest.mark.parametrize("method", ["full", "lora"])
def test_earlier_candidates_disturb_nothing_and_outlive_a_kill(
    method: str, trained: Callable[..., Path], random_model: Path, mixture: Rows, tmp_path: Path
):
    given, out = {"method": method, "candidates": 3}, tmp_path / "train-1"
    whole = trained(**given)
    assert folders(whole).keys() == {"model-0000004", "model-0000008", "model"}
    assert events(whole) == events(trained(method=method))
    assert folders(whole)["model"] == folders(trained(method=method))["model"]
    for stop in (2, 4, 6):
        with pytest.raises(Stopped):
            fit(settings(**given), random_model, None, mixture, out, stopping=lambda stop=stop: len(events(out)) >= stop)
    assert folders(out).keys() == {"model-0000004"}
    # Killed while it wrote a candidate, and once more between the candidate and the next checkpoint.
    (out / "model.tmp").mkdir()
    (out / "model.tmp" / "model.safetensors").write_text("half")
    (out / "model-0000008").mkdir()
    (out / "model-0000008" / "of another time").write_text("")
    fit(settings(**given), random_model, None, mixture, out)
    assert folders(out) == folders(whole)


@pytest.mark.parametrize("method", ["full", "lora"])
def test_a_candidate_is_the_model_after_its_step(
    method: str, trained: Callable[..., Path], random_model: Path, mixture: Rows, tmp_path: Path
):
    """Against the checkpoint of the same step; adapters are added to the weights by hand."""
    given, out = {"method": method, "candidates": 3}, tmp_path / "train-1"
    with pytest.raises(Stopped):
        fit(settings(**given), random_model, None, mixture, out, stopping=lambda: len(events(out)) >= 4)
    held = checkpoints.read_parts(out / "checkpoints/step-0000004", "weights")
    found, base = load_file(out / "model-0000004/model.safetensors"), load_file(random_model / "model.safetensors")
    assert found.keys() == base.keys()
    for name, weight in found.items():
        if method == "full":
            assert torch.equal(weight, held[f"model.{name}"])
            continue
        path = f"model.base_model.model.{name.removesuffix('.weight')}"
        adapted = f"{path}.lora_A.default.weight" in held
        moved = 2 * held[f"{path}.lora_B.default.weight"] @ held[f"{path}.lora_A.default.weight"] if adapted else 0
        assert torch.allclose(weight, base[name] + moved, rtol=0, atol=1e-12), name
    assert AutoModelForCausalLM.from_pretrained(out / "model-0000004").dtype == torch.float64


def test_more_candidates_than_steps_are_one_a_step(
    random_model: Path, mixture: Rows, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    given = settings(candidates=9, epochs=1, batch_rows=8)
    with working(Workspace(tmp_path)):
        found = train(given.model_copy(update={"model": Transformers(path=str(random_model), dtype="float64")}), mixture)
    assert "train: 3 steps give 3 candidates, not 9" in capsys.readouterr().err
    assert {step: path.name for step, path in found.models.items()} == {1: "model-0000001", 2: "model-0000002", 3: "model"}
    assert {path.split("/")[0] for path in found.manifest["files"]} == {"model-0000001", "model-0000002", "model"}
    shutil.rmtree(found.folder / "beside")
    assert list(found.models.items()) == [
        (1, found.folder / "model-0000001"),
        (2, found.folder / "model-0000002"),
        (0, found.model),
    ]


def test_every_candidate_counts_in_the_disk_that_is_wanted(random_model: Path):
    size = (random_model / "model.safetensors").stat().st_size
    assert [disk_wanted(settings(candidates=count), random_model) for count in (1, 2, 10)] == [5 * size, 6 * size, 14 * size]


def test_the_gradient_is_cut_to_its_norm(random_model: Path, mixture: Rows, tmp_path: Path):
    """With plain momentum off and one step, Adam's first step does not depend on the scale, so look at the second moment."""
    out = tmp_path / "train-1"
    with pytest.raises(Stopped):
        fit(settings(clip=0.5, schedule=Constant()), random_model, None, mixture, out, stopping=lambda: len(events(out)) >= 1)
    state = load_file(out / "checkpoints" / "step-0000001" / "optimizer-0000.safetensors")
    squares = sum(value.sum().item() for name, value in state.items() if name.endswith("|exp_avg_sq"))
    assert events(out)[0]["gradient_norm"] > 0.5
    assert math.sqrt(squares / (1 - 0.99)) == pytest.approx(0.5, rel=1e-5)


def test_rows_come_in_the_mixtures_order_first_and_in_a_drawn_one_later():
    rows = [Tokens([1, 2], 1)] * 10
    first, second, third = (
        [number for step in plan_steps(settings(epochs=3, batch_rows=4), rows)[3 * epoch : 3 * epoch + 3] for number in step]
        for epoch in range(3)
    )  # fmt: skip
    assert first == list(range(10))
    assert sorted(second) == sorted(third) == first
    assert first != second != third
    assert plan_steps(settings(epochs=3, seed=1), rows) != plan_steps(settings(epochs=3), rows)
    assert [len(step) for step in plan_steps(settings(epochs=1, batch_rows=4), rows)] == [4, 4, 2]


class Blows(NextToken):
    """A loss that is no number at the answers of one row, from its second step on; or one whose gradient alone is none."""

    row: str
    value: str

    def __call__(self, student: Any, taught: Any, batch: Any, progress: float, state: Any) -> dict[str, torch.Tensor]:
        found = super().__call__(student, taught, batch, progress, state)["next_token"].clone()
        for place, row in enumerate(batch.rows):
            if row.id == self.row and progress > 0.1:
                # The slope of the root at 0 is infinite.
                found[place] = found[place] * float(self.value) if self.value else (found[place] * 0).sqrt()
        return {"blows": found}

    @property
    def parts(self) -> tuple[str, ...]:
        return ("blows",)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("inf", r"the loss is inf at the rows q5\. All rows"),
        ("nan", r"the loss is nan at the rows q5\. All rows"),
        ("", r"the loss is \d+\.\d+, while every row's loss is finite; its gradient's norm is nan\. All rows"),
    ],
)
def test_a_loss_that_is_no_number_stops_training_and_its_rows_are_written_down(
    value: str, said: str, random_model: Path, mixture: Rows, tmp_path: Path
):
    out = tmp_path / "train-1"
    with pytest.raises(FloatingPointError, match=said):
        fit(settings(objective=Blows(row="q5", value=value), checkpoint_minutes=0), random_model, None, mixture, out)
    written = json.loads((out / "beside/not_finite-0.json").read_text("utf-8"))
    assert {row["row"] for row in written["rows"]} == {"q4", "q5", "t6", "q7"}
    parts = {row["row"]: float(row["blows"]) for row in written["rows"]}
    assert math.isfinite(parts["q4"])
    assert math.isfinite(parts["q5"]) is (not value)
    assert [path.name for path in (out / "checkpoints").iterdir()] == ["step-0000001"], "of before"
    assert len(events(out)) == 1


# What comes out


def test_the_model_loads_in_plain_transformers(trained: Callable[..., Path], random_model: Path):
    folder = trained() / "model"
    model = AutoModelForCausalLM.from_pretrained(folder)
    assert model.dtype == torch.float64, "it is written as the source was"
    assert AutoTokenizer.from_pretrained(folder).chat_template == AutoTokenizer.from_pretrained(random_model).chat_template
    assert json.loads((folder / "config.json").read_text())["tie_word_embeddings"]
    assert {path.suffix for path in folder.iterdir()} <= {".json", ".safetensors", ".jinja"}


def test_adapters_are_trained_and_merged(trained: Callable[..., Path], random_model: Path):
    before, after = load_file(random_model / "model.safetensors"), weights(trained(method="lora"))
    assert before.keys() == after.keys(), "a merged model has no adapters"
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved == {name for name in before if "_proj" in name}, "all linear layers and nothing else"
    for name in moved:
        assert torch.linalg.matrix_rank(after[name] - before[name], rtol=1e-6) <= 16
    assert events(trained(method="lora"))[-1]["loss"] < events(trained(method="lora"))[0]["loss"]


def test_runs_of_another_precision_in_one_process(
    random_model: Path, mixture: Rows, tmp_path: Path, trained: Callable[..., Path]
):
    exact = [event["loss"] for event in events(trained())]
    for compute in ("float32", "bfloat16", "float64"):
        fit(settings(compute=compute), random_model, None, mixture, tmp_path / compute)
        found = [event["loss"] for event in events(tmp_path / compute)]
        assert found == pytest.approx(exact, rel={"float32": 1e-3, "bfloat16": 0.05, "float64": 1e-12}[compute])


def test_the_seed_decides(random_model: Path, mixture: Rows, tmp_path: Path, trained: Callable[..., Path]):
    again = tmp_path / "again"
    fit(settings(), random_model, None, mixture, again)
    assert same_bits(again, trained())
    assert not same_bits(trained(seed=1), trained())


def test_two_ranks_that_were_stopped_once_give_the_loss_of_one(
    random_model: Path, mixture: Rows, tmp_path: Path, trained: Callable[..., Path]
):
    changes = {"micro_tokens": 200, "candidates": 3, "objective": NEAR}
    given = settings(processes=2, model=Transformers(path=str(random_model), dtype="float64"), **changes)
    with working(Workspace(tmp_path)):
        ctrl_c_after(lambda: any(tmp_path.glob("stages/train-*/beside/job.json")))
        with pytest.raises(Stopped):
            train(given, mixture)
    (out,) = tmp_path.glob("stages/train-*")
    assert [path.name for path in (out / "checkpoints").iterdir()] == ["step-0000001"]
    assert len(events(out)) == 1
    with working(Workspace(tmp_path)):
        two = train(given, mixture)
    one = Candidates(trained(**changes))
    for event, other in zip(events(one.folder), events(two.folder), strict=True):
        assert numbers(other) == pytest.approx(numbers(event), rel=1e-9, abs=1e-9)
    close(one.folder, two.folder, 1e-9)
    assert list(two.models) == list(one.models) == [4, 8, 12]
    for step, path in two.models.items():
        for name, weight in load_file(path / "model.safetensors").items():
            assert torch.allclose(weight, load_file(one.models[step] / "model.safetensors")[name], rtol=0, atol=1e-9), name


def test_a_second_ctrl_c_ends_the_ranks_at_once(space: Workspace, tmp_path: Path):
    begun, stop = tmp_path / "begun", tmp_path / "stop"
    code = "import os, sys, time; open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(60)"
    ctrl_c_after(lambda: begun.is_file() and begun.stat().st_size > 0)
    ctrl_c_after(stop.exists)
    with pytest.raises(KeyboardInterrupt):
        launch([sys.executable, "-c", code, str(begun)], dict(os.environ), stop)
    with pytest.raises(ProcessLookupError):
        os.kill(int(begun.read_text()), 0)


def test_a_full_disk_is_said_and_training_goes_on_from_the_checkpoint_before(
    random_model: Path, mixture: Rows, tmp_path: Path, trained: Callable[..., Path]
):
    out = tmp_path / "train-1"
    with pytest.raises(Stopped):
        fit(settings(), random_model, None, mixture, out, stopping=lambda: len(events(out)) >= 3)
    said = r"weights-0000\.safetensors cannot be written: .* make room if its disk is full"
    with tiny_disk.full(20_000), pytest.raises(OSError, match=said):
        fit(settings(checkpoint_minutes=0), random_model, None, mixture, out)
    with tiny_disk.full(20_000), pytest.raises(OSError, match=r"model\.tmp cannot be written"):
        fit(settings(), random_model, None, mixture, out)
    assert not (out / "model").exists()
    fit(settings(), random_model, None, mixture, out)
    assert events(out) == events(trained())
    assert same_bits(out, trained())


@pytest.mark.parametrize("most", [4000, 100_000])
def test_no_part_of_the_model_is_written_to_a_full_disk_in_silence(most: int, random_model: Path, tmp_path: Path):
    """Below 5 kB the tokenizer's file does not fit, below 200 kB the weights."""
    model, tokenizer = load_model(random_model, "float64", "cpu"), load_tokenizer(random_model)
    if most < 5000:
        model.save_pretrained = lambda folder: None
    with tiny_disk.full(most), pytest.raises(OSError, match=r"model\.tmp cannot be written: .*os error"):
        checkpoints.export(model, tokenizer, random_model, tmp_path / "model")


def test_a_full_disk_is_said_before_training(tmp_path: Path):
    enough_disk(tmp_path, 1, "training")
    with pytest.raises(OSError, match=r"training takes up to 1000000000.0 GB .* make room or set runs=FOLDER"):
        enough_disk(tmp_path, 10**18, "training")


def test_a_job_of_several_ranks_reads_back_the_settings(random_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The ranks read the settings that `train` wrote; none may get lost on the way."""
    given = settings(schedule=Cosine(end=0.5), betas=(0.8, 0.9), model=Transformers(path=str(random_model), dtype="float32"))
    job = {
        "settings": given.model_dump(mode="json"), "folder": str(random_model), "template": None, "mixture": "m",
        "out": str(tmp_path), "allow": [], "stop": str(tmp_path / "stop"),
    }  # fmt: skip
    monkeypatch.setattr("sys.argv", ["loop", str(tmp_path / "job.json")])
    seen: list[TrainSettings | bool] = []
    monkeypatch.setattr(loop, "fit", lambda *given: seen.extend((given[0], given[-1]())))
    (tmp_path / "job.json").write_text(json.dumps(job))
    with only_runner(tmp_path):
        loop.main()
        (tmp_path / "stop").touch()
        loop.main()
    (tmp_path / "stop").unlink()
    loop.main()
    # `train` is at work; it asks to stop; it is gone.
    assert seen == [given, False, given, True, given, True]
