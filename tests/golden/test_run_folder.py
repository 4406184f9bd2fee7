"""A run's own folder: links to its stages, the exported student, the plan."""

import os
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from tiny_plan import GOOD

from polydistill.plan import Plan, read_plan
from polydistill.run_folder import as_yaml, export, keep, link, show
from polydistill.stage import Artifact, Workspace

CARD = "# A model\n\nMade with polydistill 0 by self-distillation.\n"


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    (tmp_path / "plan.yaml").write_text(f"{GOOD}name: mine\nruns: {tmp_path}/runs\n")
    return read_plan(str(tmp_path / "plan.yaml"))


@pytest.fixture
def student(tmp_path: Path) -> Path:
    """A student as it lies in its stage's folder, with a card beside it."""
    folder = tmp_path / "stages" / "choose-1" / "model"
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"weights")
    (folder / "config.json").write_text("{}")
    (tmp_path / "README.md").write_text(CARD)
    return folder


def test_a_link_is_relative_and_points_anew(tmp_path: Path):
    (tmp_path / "stages" / "mix-1").mkdir(parents=True)
    name = tmp_path / "mine" / "mix"
    name.parent.mkdir()
    for target in ("mix-0", "mix-1"):
        link(name, tmp_path / "stages" / target)
    assert os.readlink(name) == "../stages/mix-1"
    assert name.is_dir()
    assert list(name.parent.iterdir()) == [name]


@pytest.mark.parametrize(
    ("stage", "links"),
    [("mix", {"mix"}), ("train", {"train", "events.jsonl"}), ("measure", set()), ("served", set())],
)
def test_a_stage_can_be_looked_into_as_soon_as_it_begins(plan: Plan, stage: str, links: set[str]):
    result = plan.runs / "stages" / f"{stage}-1"
    show(plan, stage, result)
    assert {path.name for path in plan.folder.iterdir()} == links
    if stage == "train":
        assert os.readlink(plan.folder / "events.jsonl") == "../stages/train-1/beside/events.jsonl"


def test_the_student_is_a_folder_of_its_own_that_takes_no_room(tmp_path: Path, student: Path):
    exported = tmp_path / "mine" / "model"
    (tmp_path / "mine" / "model.tmp").mkdir(parents=True)  # of an export that was killed
    (tmp_path / "mine" / "model.tmp" / "half").write_text("")
    export(exported, student, tmp_path / "README.md")
    assert {file.name for file in exported.iterdir()} == {"model.safetensors", "config.json", "README.md"}
    assert (exported / "model.safetensors").samefile(student / "model.safetensors")
    assert not (exported / "config.json").samefile(student / "config.json"), "it may be edited"
    assert list((tmp_path / "mine").iterdir()) == [exported]


def test_a_runs_own_model_is_replaced_whole(tmp_path: Path, student: Path):
    exported = tmp_path / "model"
    export(exported, student, tmp_path / "README.md")
    (exported / "left_over.bin").write_text("")
    export(exported, student, tmp_path / "README.md")
    assert not (exported / "left_over.bin").exists()


def test_what_is_no_model_of_a_run_is_not_replaced(tmp_path: Path, student: Path):
    own, linked = tmp_path / "own", tmp_path / "linked"
    own.mkdir()
    (own / "README.md").write_text("mine")
    linked.symlink_to(student)
    for folder in (own, linked):
        with pytest.raises(FileExistsError, match="is no model that a run has put there; move it away"):
            export(folder, student, tmp_path / "README.md")
    assert [file.name for file in own.iterdir()] == ["README.md"]
    assert (student / "config.json").is_file()


def test_the_folder_of_a_run_that_went_as_far_as_its_report(plan: Plan, tmp_path: Path, student: Path):
    report = tmp_path / "stages" / "report-1"
    report.mkdir()
    for name, text in (("README.md", CARD), ("report.html", "<html></html>"), ("scores.json", "{}")):
        (report / name).write_text(text)
    space = Workspace(plan.runs)
    space.finished += [("choose", Artifact(student.parent), True), ("report", Artifact(report), False)]
    keep(plan, space)
    assert read_plan(str(plan.folder / "plan.yaml")) == plan
    assert (plan.folder / "stages.json").read_text().split() == [
        "[", "[", '"choose",', '"choose-1",', "true", "],", "[", '"report",', '"report-1",', "false", "]", "]",
    ]  # fmt: skip
    assert (plan.folder / "report.html").read_text() == "<html></html>"
    assert (plan.folder / "scores.json").is_symlink()
    assert (plan.folder / "model" / "README.md").read_text() == CARD
    assert (plan.folder / "choose" / "model" / "config.json").is_file()


def test_a_run_that_was_stopped_early_has_its_plan(plan: Plan):
    keep(plan, Workspace(plan.runs))
    assert {file.name for file in plan.folder.iterdir()} == {"plan.yaml", "stages.json"}


def test_a_plan_as_yaml_reads_back():
    tree = {"from": "nob", "to": ["no", "1e3"], "share": 0.25, "path": None}
    assert YAML(typ="safe").load(as_yaml(tree)) == tree
