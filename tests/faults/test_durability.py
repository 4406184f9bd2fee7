"""What a kill cannot show: that every byte was on the disk before something said so. Read off the order of writes and syncs."""

from pathlib import Path
from typing import Any

import pytest
from tiny_faults import STAGES, Fault

pytestmark = pytest.mark.faults


class Disk:
    """What a loss of power could take: contents since their last sync, and names since their folder's."""

    def __init__(self) -> None:
        self.contents: set[str] = set()
        self.names: set[str] = set()
        self.known: set[str] = set()

    def does(self, kind: str, path: str, from_: str) -> None:
        match kind:
            case "write" | "truncate":
                self.contents.add(path)
            case "open" if path not in self.known:
                self.names.add(path)
            case "mkdir":
                self.names.add(path)
            case "sync":
                hidden = {name for name in self.known if name.startswith(f"{Path(path).parent}/.tmp")}
                if path not in self.known and hidden:  # safetensors renames what it wrote past the C library
                    self.moved(hidden.pop(), path)
                self.contents.discard(path)
                self.names -= {name for name in self.names if str(Path(name).parent) == path}
            case "link":
                self.names.add(path)
                self.contents |= {path} & {path if from_ in self.contents else ""}
            case "rename":
                self.moved(from_, path)
        self.known.add(path)

    def moved(self, from_: str, path: str) -> None:
        for state in (self.contents, self.names, self.known):
            moved = {name for name in state if name == from_ or name.startswith(f"{from_}/")}
            state -= moved
            state |= {path + name.removeprefix(from_) for name in moved}
        self.names.add(path)

    def at_risk(self, folder: str) -> set[str]:
        """What could still be lost of a folder's files, its own name among its parent's aside."""
        return {
            name.removeprefix(folder) for name in self.contents | self.names
            if name.startswith(f"{folder}/") and "/beside" not in name and "/.lock" not in name and not name.endswith(".tmp")
        }  # fmt: skip


def closings(journal: Path, last: str) -> list[tuple[str, set[str], bool]]:
    """Each file of this name that closed a folder: what was at risk then, and whether it was so itself at the end."""
    disk, found = Disk(), []
    for line in journal.read_text("utf-8").splitlines():
        kind, path, from_ = line.split("\t")
        if kind == "rename" and Path(path).name == last:
            folder = str(Path(path).parent)
            found.append((path, disk.at_risk(folder) | ({last} & {last if from_ in disk.contents else ""})))
        disk.does(kind, path, from_)
    return [(path, risk, path in disk.names or str(Path(path).parent) in disk.names) for path, risk in found]


@pytest.mark.parametrize("stage", STAGES)
def test_a_manifest_is_written_when_all_else_is_on_the_disk(stage: str, whole: Any):
    found = closings(whole.journals[stage], "manifest.json")
    assert len(found) == (3 if stage == "evaluate" else 1)
    for path, at_risk, itself in found:
        assert not at_risk, path
        assert not itself, f"{path} was not synced after it got its name"


def test_a_checkpoint_gets_its_name_when_all_of_it_is_on_the_disk(whole: Any, tmp_path: Path):
    world, journal = whole.state("train", tmp_path / "world"), tmp_path / "journal"
    assert world.run("train", "train.checkpoint_minutes=0", fault=Fault(world.runs, 0, journal=str(journal))).code == 0
    disk, steps = Disk(), 0
    for line in journal.read_text("utf-8").splitlines():
        kind, path, from_ = line.split("\t")
        if kind == "rename" and Path(path).name.startswith("step-"):
            steps += 1
            assert from_.endswith(".tmp")
            lost = {name for name in disk.contents | disk.names if name.startswith(f"{from_}/")}
            assert not lost, path
        disk.does(kind, path, from_)
    assert steps == 5


def test_a_rename_before_its_sync_is_found(tmp_path: Path):
    """The reader of journals itself: bytes, a file's name and a folder's name that are not on the disk yet."""
    journal = tmp_path / "journal"
    whole = [
        "mkdir\t/s/x",
        "sync\t/s",
        "open\t/s/x/a",
        "write\t/s/x/a",
        "sync\t/s/x/a",
        "open\t/s/x/m.tmp",
        "write\t/s/x/m.tmp",
    ]
    whole += ["sync\t/s/x/m.tmp", "sync\t/s/x", "rename\t/s/x/manifest.json\t/s/x/m.tmp", "sync\t/s/x"]
    wanted = {
        None: (set(), False),
        "sync\t/s/x/a": ({"/a"}, False),
        "sync\t/s/x/m.tmp": ({"manifest.json"}, False),
        "sync\t/s": (set(), True),
    }
    for left, found in wanted.items():
        lines = [line if line.startswith("rename") else f"{line}\t" for line in whole if line != left]
        journal.write_text("\n".join(lines), "utf-8")
        assert [each[1:] for each in closings(journal, "manifest.json")] == [found], left
