"""The whole method on the tiny world: run, run again, changed, stopped and killed."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiny
import tiny_disk
import torch
from tiny_signals import ctrl_c_after
from typer.testing import CliRunner

from polydistill.cli import app
from polydistill.flow import run
from polydistill.plan import read_plan
from polydistill.records import split_of
from polydistill.stage import Rows, Workspace, read_shard, working
from polydistill.train import read_events

STAGES = ["ask", "answer", "translate", "mix", "train", "choose", "measure", "measure", "served", "report"]
BACKWARDS = """\
import sys
for line in sys.stdin:
    sys.stdout.write(" ".join(word[::-1] for word in line.split()) + "\\n")
"""


def bytes_of(folder: Path) -> dict[str, bytes]:
    """Every file that decides something."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and "beside" not in path.relative_to(folder).parts]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files if not path.name.startswith(".lock")}


# A whole run


def test_a_run_does_every_stage_and_leaves_what_it_promises(lifted: Any):
    assert [name for name, _, _ in lifted.space.finished] == STAGES
    answered = list(Rows(lifted.folder("answer")))
    assert len(answered) == 40
    assert sum(not row.rejected for row in answered) == 40
    translated = list(Rows(lifted.folder("translate")))
    assert [row.lineage.question for row in translated] == [row.lineage.question for row in answered]
    assert translated[0].payload.question.text != answered[0].payload.question.text
    assert {split_of(row.lineage.question) for row in Rows(lifted.folder("mix"))} == {"train"}
    assert len(lifted.report.verdict) == 2
    assert lifted.report.page.read_text().startswith("<!DOCTYPE html>") or "<html" in lifted.report.page.read_text()


def test_training_on_the_toy_language_helps_in_it(lifted: Any):
    scores = {(score["name"], score["lang"]): score for score in lifted.report.scores["scores"]}
    toy = scores["text_bits_toy", "spa"]
    assert toy["after"]["value"] < 0.8 * toy["before"]["value"]
    assert toy["before"]["n"] == toy["after"]["n"] > 5


def test_a_second_run_runs_nothing(lifted: Any):
    assert lifted.again() == []


def test_changing_the_learning_rate_trains_and_measures_again(lifted: Any):
    assert lifted.again("train.learning_rate=5.0e-3") == ["train", "choose", "measure", "served", "report"]


def test_changing_the_mixture_translates_nothing_again(lifted: Any):
    assert lifted.again("mix.seed=1", "mix.tokens=2500") == ["mix", "train", "choose", "measure", "served", "report"]


def test_changing_what_is_measured_trains_nothing_again(lifted: Any):
    assert lifted.again("evaluate.evaluators=[loops]") == ["measure", "measure", "report"]


def test_what_decides_nothing_runs_nothing_again(lifted: Any):
    changes = ("name=other", "train.micro_tokens=99", "train.checkpoint_minutes=1", "model.transformers.batch_size=3")
    assert lifted.again(*changes) == []


def test_more_questions_ask_and_answer_only_what_is_new(lifted: Any):
    assert lifted.again("ask.questions=20", until="translate") == ["ask", "answer", "translate"]
    fewer, more = Rows(next_folder(lifted, "answer", 20)), Rows(lifted.folder("answer"))
    assert list(fewer) == list(more)[:20]


def ran(plan: Any) -> tuple[list[str], Workspace]:
    """Runs a plan; the stages that ran, and its workspace."""
    space = Workspace(plan.runs)
    with working(space):
        run(plan)
    return [name for name, _, there in space.finished if not there], space


def next_folder(lifted: Any, stage: str, rows: int) -> Path:
    found = lifted.plan.runs.glob(f"stages/{stage}-*")
    return next(folder for folder in found if json.loads((folder / "manifest.json").read_text())["rows"] == rows)


def test_the_exported_folder_answers_in_plain_transformers_as_in_the_run(lifted: Any):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from polydistill.engines import Sampling

    folder = lifted.folder("choose") / "model"
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModelForCausalLM.from_pretrained(folder)
    chats = [row.payload.asked for row in [*Rows(lifted.folder("answer")), *Rows(lifted.folder("translate"))][::4]]
    student = lifted.plan.model.model_copy(update={"path": str(folder)})
    with student.open() as engine:
        ours = engine.answer(chats, Sampling(max_tokens=64))
    assert len(chats) == 20
    for chat, answer in zip(chats, ours, strict=True):
        turns = [{"role": "user", "content": chat.question.text}]
        ids = tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_tensors="pt", return_dict=True)
        written = model.generate(**ids, max_new_tokens=64, do_sample=False)
        assert tokenizer.decode(written[0, ids["input_ids"].shape[1] :], skip_special_tokens=True).strip() == answer.text


def test_the_student_stands_between_the_untouched_and_the_trained_model(lifted: Any):
    from safetensors.torch import load_file

    base, trained, student = (
        load_file(folder / "model.safetensors")
        for folder in (lifted.path.parent / "model", lifted.folder("train") / "model", lifted.folder("choose") / "model")
    )
    for name, weight in student.items():
        assert torch.allclose(weight, base[name] + 0.9 * (trained[name] - base[name]), rtol=0, atol=1e-6), name


# Other shapes of a run


def test_two_targets_at_once(tmp_path: Path):
    path = tiny.world(tmp_path)
    (tmp_path / "backwards.py").write_text(BACKWARDS)
    (tmp_path / "pairs.tsv").write_text("".join(f"eng {n}\tspa {n}\tcat {n}\n" for n in range(3)))
    translator = f"translate.translator={{command: {{program: [{sys.executable}, {tmp_path}/backwards.py]}}}}"
    changes = [translator, "to=spa,cat", "mix.texts=[]", "mix.builders=[language_pairs]", "evaluate.evaluators=[loops]"]
    plan = read_plan(str(path), changes)
    assert plan.check() == []
    space = Workspace(plan.runs)
    with working(space):
        report = run(plan)
    folders = {name: result.folder for name, result, _ in space.finished}
    translated = list(Rows(folders["translate"]))
    assert [row.payload.question.lang for row in translated[:4]] == ["spa", "cat", "spa", "cat"]
    groups = json.loads((folders["mix"] / "funnel.json").read_text())["groups"]
    assert groups["target spa"]["tokens"] == pytest.approx(groups["target cat"]["tokens"], rel=0.25)
    assert set(report.scores["tables"]) == {"spa", "cat"}
    assert {score["lang"] for score in report.scores["scores"]} == {"eng", "spa", "cat"}
    assert len(report.verdict) == 3
    means = [(mean["name"], mean["languages"]) for mean in report.scores["means"]]
    assert means == [(name, ["spa", "cat"]) for name in ("looping_answers", "unfinished_answers")]
    page, card = report.page.read_text("utf-8"), (report.folder / "README.md").read_text("utf-8")
    assert "Mean of the target languages" in page
    assert "looping answers, mean of 2 languages, % ↓" in page
    assert "| looping answers, mean of 2 languages, % ↓ |" in card


def test_a_language_without_a_translator_is_learned_from_parallel_text(lifted: Any, tmp_path: Path):
    plan = read_plan(str(lifted.path), ["translate.translator=none", "name=none"])
    assert plan.check() == []
    space = Workspace(plan.runs)
    with working(space):
        report = run(plan)
    folders = {name: result.folder for name, result, _ in space.finished}
    assert len(Rows(folders["translate"])) == 0
    made = {row.lineage.builder for row in Rows(folders["mix"])}
    assert made == {"rich", "complete", "translate_to_target", "translate_to_rich"}
    scores = {(score["name"], score["lang"]): score for score in report.scores["scores"]}
    assert scores["text_bits_toy", "spa"]["difference"] < 0


# Stopped and killed


LONG = ["train.checkpoint_minutes=0", "train.epochs=8", "name=long"]


def polydistill(path: Path, *changes: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "polydistill.cli", "run", str(path), *changes]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True
    )


def when(process: subprocess.Popen[str], ready: Callable[[], bool], number: int) -> tuple[int, str, str]:
    """Sends a signal once something is there; exit code, standard output and standard error."""
    while process.poll() is None and not ready():
        time.sleep(0.002)
    assert process.poll() is None, f"it ended before: {process.communicate()}"
    process.send_signal(number)
    said, errors = process.communicate(timeout=120)
    return process.returncode, said, errors


def test_ctrl_c_ends_after_the_batch_and_says_how_to_go_on_and_a_kill_loses_nothing(
    lifted: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    """One run is stopped by Ctrl-C while it trains, then killed in a process of its own, then gone on with to its end."""
    _, space = ran(read_plan(str(lifted.path), LONG))
    runs = tmp_path / "runs"
    changes = (*LONG, f"runs={runs}")

    def checkpoint(number: int) -> Callable[[], bool]:
        return lambda: any(int(folder.name[5:12]) >= number for folder in runs.glob("stages/train-*/checkpoints/step-???????"))

    ctrl_c_after(checkpoint(2))
    stopped = CliRunner().invoke(app, ["run", str(lifted.path), *changes])
    assert stopped.exit_code == 130
    errors = stopped.stderr
    assert "stopping after this batch; press Ctrl-C again to stop at once" in errors
    assert errors.rstrip().endswith("stopped; the same command goes on from here")
    assert "Traceback" not in errors
    assert (runs / "long" / "plan.yaml").is_file(), "the run's own folder is there also after a stop"

    code, _, errors = when(polydistill(lifted.path, *changes), checkpoint(5), signal.SIGKILL)
    assert code == -signal.SIGKILL
    assert "train: going on after step" in errors

    capsys.readouterr()
    assert ran(read_plan(str(lifted.path), list(changes)))[0] == ["train", "choose", "measure", "measure", "served", "report"]
    assert "train: going on after step" in capsys.readouterr().err
    for name, result, _ in space.finished:
        mine = runs / "stages" / result.folder.name
        assert mine.is_dir(), f"{name} has another identity in another folder"
        if name != "report":
            assert bytes_of(mine) == bytes_of(result.folder), name
    trained = next(result.folder for name, result, _ in space.finished if name == "train")
    losses = [
        [(event["step"], event["loss"]) for event in read_events(folder / "beside" / "events.jsonl")]
        for folder in (trained, runs / "stages" / trained.name)
    ]
    assert losses[0] == losses[1]
    assert len(losses[0]) > 10


def test_a_full_disk_ends_in_a_sentence(lifted: Any):
    with tiny_disk.full(100_000):
        ended = CliRunner().invoke(app, ["train", str(lifted.path), "train.learning_rate=1.0e-3", "name=full"])
    assert ended.exit_code == 1
    assert "cannot be written: " in ended.stderr
    assert ended.stderr.rstrip().endswith("what was finished is kept; the same command goes on from here")
    assert "Traceback" not in ended.stderr


def test_a_run_killed_while_it_answers_goes_on_to_the_same_rows(lifted: Any, tmp_path: Path):
    changes = (f"runs={tmp_path / 'runs'}", "model.transformers.batch_size=1")
    store = tmp_path / "runs" / "store" / "engine.sqlite"
    code, _, _ = when(polydistill(lifted.path, *changes), store.exists, signal.SIGKILL)
    assert code == -signal.SIGKILL
    assert not list(tmp_path.glob("runs/stages/train-*"))
    plan = read_plan(str(lifted.path), list(changes))
    assert (plan.folder / "answer").is_symlink(), "a stage can be looked into from the run's folder as soon as it begins"
    space = Workspace(plan.runs, until="mix")
    with working(space), pytest.raises(Exception, match="mix-"):
        run(plan)
    for name, result, _ in space.finished:
        assert bytes_of(result.folder) == bytes_of(lifted.folder(name)), name
    assert sum(1 for shard in result.folder.glob("rows-*") for _ in read_shard(shard)) > 10
