"""A run's own folder: its plan, links to its stages' results, the report and the exported student."""

import os
import shutil
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from .plan import Plan
from .stage import BESIDE, Workspace
from .storage.files import make_folder, replacing, sync, write_json


def keep(plan: Plan, space: Workspace) -> None:
    """The run's own folder: its plan, and links to the results of its stages."""
    folder = plan.folder
    make_folder(folder)
    with replacing(folder / "plan.yaml") as file:
        file.write(as_yaml(plan.written()))
    write_json(folder / "stages.json", [[name, result.folder.name, there] for name, result, there in space.finished])
    for name, result, _ in space.finished[space.round_at :]:
        show(plan, name, result.folder)
        if name == "report":
            export(folder / "model", folder / "choose" / "model", result.folder / "README.md")
            for file in ("report.html", "scores.json"):
                link(folder / file, result.folder / file)


def show(plan: Plan, stage: str, result: Path) -> None:
    """Links a stage's folder into the run's own; done as it begins, so that its rows and events can be followed."""
    make_folder(plan.folder)
    if stage not in ("measure", "served"):  # two measurements of a run; the report holds them all
        link(plan.folder / stage, result)
    if stage == "train":
        link(plan.folder / "events.jsonl", result / BESIDE / "events.jsonl")


def export(folder: Path, model: Path, card: Path) -> None:
    """The student as a plain folder with its model card; the weights are hard links and take no room."""
    if folder.is_symlink() or (folder.exists() and not _exported(folder)):
        raise FileExistsError(f"{folder} is no model that a run has put there; move it away, then run the same command")
    unfinished, before = folder.with_name("model.tmp"), folder.with_name("model.old.tmp")
    for left in (unfinished, before):  # by a run that was killed here
        shutil.rmtree(left, ignore_errors=True)
    unfinished.mkdir()
    for file in (*model.iterdir(), card):
        # Small files may be edited, so they are copies.
        same_disk = file.stat().st_dev == unfinished.stat().st_dev
        (os.link if file.suffix == ".safetensors" and same_disk else shutil.copy2)(file, unfinished / file.name)
        sync(unfinished / file.name)
    sync(unfinished)
    if folder.exists():
        os.replace(folder, before)  # a folder is removed file by file: a kill would leave one that is nobody's
    os.replace(unfinished, folder)
    sync(folder.parent)
    shutil.rmtree(before, ignore_errors=True)


def _exported(folder: Path) -> bool:
    """Whether a folder holds a model with the card that a report wrote."""
    card = folder / "README.md"
    return card.is_file() and "\nMade with polydistill " in card.read_text("utf-8", "replace")


def link(name: Path, target: Path) -> None:
    """A relative link, replaced when it points elsewhere."""
    temporary = name.with_name(f"{name.name}.{os.getpid()}.tmp")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(os.path.relpath(target, name.parent))
    os.replace(temporary, name)


def as_yaml(value: Any) -> str:
    """A plan's tree as YAML."""
    writer, text = YAML(), StringIO()
    writer.default_flow_style = False
    writer.dump(value, text)
    return text.getvalue()
