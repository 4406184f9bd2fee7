"""Files torn or replaced by hand, wherever a run reads again what it wrote: recovery, or one clear sentence."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiny_faults
from tiny_faults import KILLED, Fault, World
from tiny_tearing import cut, edit, ends_well, flip

pytestmark = pytest.mark.faults


def shard(world: World, stage: str = "answer", number: int = 3) -> Path:
    return world.stage(stage) / f"rows-{number:06d}.jsonl"


def manifest(stage: str) -> Callable[[World], Path]:
    return lambda world: world.stage(stage) / "manifest.json"


Tear = Callable[[World], object]

FINISHED: dict[str, Tear] = {
    "weights cut": lambda w: cut(w.stage("train") / "model" / "model.safetensors"),
    "weights of the student cut": lambda w: cut(w.stage("choose") / "model" / "model.safetensors"),
    "a bit of the weights": lambda w: flip(w.stage("train") / "model" / "model.safetensors"),
    "weights gone": lambda w: (w.stage("train") / "model" / "model.safetensors").unlink(),
    "config gone": lambda w: (w.stage("choose") / "model" / "config.json").unlink(),
    "a model gone": lambda w: shutil.rmtree(w.stage("choose") / "model"),
    "half a line": lambda w: cut(shard(w), 0.9),
    "no rows": lambda w: cut(shard(w), 0),
    "a shard gone": lambda w: shard(w).unlink(),
    "a shard of somebody else": lambda w: shutil.copy(shard(w), shard(w, number=99)),
    "funnel cut": lambda w: cut(w.stage("mix") / "funnel.json"),
    "scores cut": lambda w: cut(w.stage("measure") / "scores.jsonl"),
    "report gone": lambda w: (w.stage("report") / "report.html").unlink(),
    "manifest empty": lambda w: cut(manifest("answer")(w), 0),
    "manifest cut": lambda w: cut(manifest("mix")(w)),
    "manifest a list": lambda w: manifest("ask")(w).write_text("[]"),
    "manifest of another shape": lambda w: manifest("train")(w).write_text('{"digest": 1, "files": []}'),
    "manifest with another digest": lambda w: edit(manifest("translate")(w), digest="0" * 64),
    "manifest with another row count": lambda w: edit(manifest("answer")(w), rows=7),
    "manifest not UTF-8": lambda w: manifest("answer")(w).write_bytes(b"\xff\xfe{"),
    "manifest gone": lambda w: manifest("translate")(w).unlink(),
    "what was seen cut": lambda w: cut(w.stage("answer") / "beside" / "seen.json"),
    "what was seen of another shape": lambda w: (w.stage("answer") / "beside" / "seen.json").write_text("[1]"),
    "links that lead nowhere": lambda w: [dangle(w.runs / "tiny" / name) for name in ("answer", "events.jsonl", "report.html")],
    "a plan of the run cut": lambda w: cut(w.runs / "tiny" / "plan.yaml"),
    "its list of stages cut": lambda w: cut(w.runs / "tiny" / "stages.json"),
    "a model of the run cut": lambda w: cut(w.runs / "tiny" / "model" / "config.json"),
    "temporary folders": lambda w: [(w.runs / "tiny" / name).mkdir() for name in ("model.tmp", "model.old.tmp")],
    "locks of other bytes": lambda w: [lock.write_bytes(b"\xff\x00 host") for lock in w.runs.glob("stages/*/.lock")],
}
"""What is torn after a run has ended."""


def dangle(link: Path) -> None:
    link.unlink()
    link.symlink_to("nowhere/at/all")


@pytest.mark.parametrize("what", FINISHED)
def test_a_finished_run(what: str, whole: Any, place: Path, figures: dict[str, int]):
    world = whole.world.at(place, whole.world.runs.parent)
    FINISHED[what](world)
    ends_well(world, whole)
    report = world.runs / "tiny" / "report.html"
    assert "<html" in report.read_text("utf-8"), "the links of the run's folder lead to its results again"
    figures["torn artefacts"] = figures.get("torn artefacts", 0) + 1


def test_a_damaged_file_is_set_aside_and_said(whole: Any, place: Path):
    world = whole.world.at(place, whole.world.runs.parent)
    flip(world.stage("train") / "model" / "model.safetensors")
    said = ends_well(world, whole)
    assert "model/model.safetensors has another content than was written; it is made again" in said
    assert (world.stage("train") / "beside" / "damaged" / "model" / "model.safetensors").is_file()


def test_events_that_end_in_half_a_line(whole: Any, place: Path):
    world = whole.state("report", place)
    cut(world.stage("train") / "beside" / "events.jsonl", 0.95)
    ends_well(world, whole)


def test_a_plan_that_is_cut_is_no_plan(whole: Any, place: Path):
    world = whole.world.at(place, whole.world.runs.parent)
    cut(world.runs / "tiny" / "plan.yaml", 0.3)
    allowed = ("--allow", "faults.counting_engine", "--allow", "faults.counting_translator")
    ended = world.parent.run("run", world.runs / "tiny", *allowed, home=place)
    assert (ended.code, ended.in_words) == (2, True), ended


UNFINISHED: dict[str, Tear] = {
    "half a line": lambda w: cut(shard(w), 0.9),
    "other text": lambda w: shard(w).write_text("no row\n"),
    "no rows": lambda w: cut(shard(w), 0),
    "half of the rows": lambda w: shard(w).write_text("".join(shard(w).read_text().splitlines(keepends=True)[:2])),
    "a shard gone": lambda w: shard(w).unlink(),
    "the rows of another shard": lambda w: shutil.copy(shard(w, number=2), shard(w)),
    "temporary files": lambda w: [shutil.copy(shard(w), f"{shard(w)}.77.tmp"), (w.stage("answer") / "x.tmp").mkdir()],
    "notes of shards cut": lambda w: cut(w.stage("answer") / "beside" / "shards.jsonl", 0.7),
    "notes of shards of another shape": lambda w: (w.stage("answer") / "beside" / "shards.jsonl").write_text('[1]\n"a"\n{}\n'),
    "half a line of the questions": lambda w: cut(shard(w, "ask", 0), 0.9),
}
"""What is torn in a stage that was killed before its end."""


@pytest.mark.parametrize("what", UNFINISHED)
def test_a_stage_that_was_killed(what: str, whole: Any, place: Path, figures: dict[str, int]):
    world = whole.state("answer", place)
    journal = whole.journals["answer"].read_text("utf-8").splitlines()
    at = next(number for number, line in enumerate(journal, 1) if line.split("\t")[1].endswith("rows-000005.jsonl"))
    assert world.run("answer", fault=Fault(world.runs, at)).code == KILLED
    UNFINISHED[what](world)
    ends_well(world, whole)
    figures["torn artefacts"] = figures.get("torn artefacts", 0) + 1


Torn = Callable[[Path, Path], object]

CHECKPOINTS: dict[str, Torn] = {
    "weights cut": lambda new, old: cut(new / "weights-0000.safetensors"),
    "weights with a bit": lambda new, old: flip(new / "weights-0000.safetensors"),
    "optimiser gone": lambda new, old: (new / "optimizer-0000.safetensors").unlink(),
    "weights of another step": lambda new, old: shutil.copy(old / "weights-0000.safetensors", new / "weights-0000.safetensors"),
    "marker empty": lambda new, old: cut(new / "whole.json", 0),
    "marker of another shape": lambda new, old: (new / "whole.json").write_text('{"steps": "many"}'),
    "marker gone": lambda new, old: (new / "whole.json").unlink(),
    "folder empty": lambda new, old: [file.unlink() for file in new.iterdir()],
    "a file in its place": lambda new, old: [shutil.rmtree(new), new.write_text("")],
    "both cut": lambda new, old: [cut(folder / "weights-0000.safetensors") for folder in (new, old)],
    "other names": lambda new, old: new.rename(new.with_name("step-0000099")),
    "temporary folders": lambda new, old: shutil.copytree(new, new.with_name("step-0000005.tmp")),
}


@pytest.mark.parametrize("what", CHECKPOINTS)
def test_a_checkpoint(what: str, whole: Any, place: Path, figures: dict[str, int]):
    """The newest whole one is taken, and what was left out is said."""
    world, every_step = whole.state("train", place), "train.checkpoint_minutes=0"
    journal = place / "journal"
    assert world.run("train", every_step, fault=Fault(world.runs, 0, journal=str(journal))).code == 0
    lines = journal.read_text("utf-8").splitlines()
    at = next(number for number, line in enumerate(lines, 1) if line.startswith("mkdir") and "/step-0000005" in line)
    world = whole.state("train", place / "killed")
    assert world.run("train", every_step, fault=Fault(world.runs, at)).code == KILLED
    new, old = sorted(world.stage("train").glob("checkpoints/step-???????"), reverse=True)
    CHECKPOINTS[what](new, old)
    ended = world.run("train", every_step)
    assert (ended.code, ended.in_words) == (0, True), ended.errors
    wanted = {name: data for name, data in tiny_faults.results(whole.world.runs).items() if name.startswith("train-")}
    assert {name: data for name, data in tiny_faults.results(world.runs).items() if name.startswith("train-")} == wanted
    after = {"both cut": None, "other names": 4, "temporary folders": 4}.get(what, 3)
    assert ("going on after step" in ended.errors) == (after is not None), ended.errors
    assert after is None or f"going on after step {after}" in ended.errors, ended.errors
    figures["torn artefacts"] = figures.get("torn artefacts", 0) + 1
