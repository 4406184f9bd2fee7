"""A stage runs once, goes on where it was, and leaves whole results or none."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from polydistill.component import Beside, Settings
from polydistill.records import Lang, Lineage, Row, Text
from polydistill.stage import (
    AfterStage,
    Artifact,
    PartDone,
    Rows,
    Stopped,
    Workspace,
    WouldRun,
    is_finished,
    map_rows,
    only_runner,
    pause,
    read_shard,
    stage,
    working,
    workspace,
    write_rows,
    write_shard,
)  # fmt: skip
from polydistill.storage.files import replacing, write_json


class Numbers(Settings):
    """How many rows, and what they say."""

    count: int = 10
    """Rows."""
    word: str = "a"
    """What they say."""
    speed: Beside[int] = 1
    """Decides nothing."""


def row(number: int, text: str = "a") -> Row:
    return Row(id=f"r{number}", lineage=Lineage(question=f"q{number}"), payload=Text(text=text, lang=Lang("spa")))


RAN: list[str] = []


@pytest.fixture(autouse=True)
def nothing_ran() -> None:
    RAN.clear()


@stage()
def count(settings: Numbers, *, out: Path) -> Rows:
    RAN.append("count")
    return write_rows(out, (row(number, settings.word) for number in range(settings.count)), shard_rows=4)


@stage()
def shout(settings: Numbers, rows: Rows, *, out: Path) -> Rows:
    RAN.append("shout")

    def louder(some: list[Row]) -> list[Row]:
        RAN.append(f"batch {some[0].id}")
        if settings.word == "break" and some[0].id == "r6":
            raise OSError("the disk is full")
        if settings.word == "stop" and some[0].id == "r3":
            workspace().stopping = True
        return [one.but(payload=Text(text=one.payload.text.upper(), lang="spa")) for one in some]

    return map_rows(louder, rows, out, shard_rows=3)


def contents(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file() and "beside" not in path.parts]
    return {path.name: path.read_bytes() for path in files if ".lock" not in path.name}


# Once


def test_a_stage_runs_once(space: Workspace, capsys: pytest.CaptureFixture[str]):
    first, again = count(Numbers()), count(Numbers())
    assert RAN == ["count"]
    assert first.folder == again.folder
    assert [one.id for one in again] == [f"r{number}" for number in range(10)]
    assert len(again) == 10
    assert [(name, there) for name, _, there in space.finished] == [("count", False), ("count", True)]
    assert f"count: kept from {first.folder.name}" in capsys.readouterr().err


def test_the_folder_is_named_by_settings_inputs_and_version(space: Workspace):
    first = count(Numbers())
    assert count(Numbers(speed=7)).folder == first.folder
    assert count(Numbers(word="b")).folder != first.folder
    over = shout(Numbers(), first)
    assert shout(Numbers(), count(Numbers(word="b"))).folder != over.folder
    assert shout(Numbers(count=3), first).folder != over.folder
    newer = stage(version=2)(count.__wrapped__)(Numbers())
    assert newer.folder != first.folder
    assert newer.digest == first.digest


def test_an_input_counts_by_its_content_not_by_its_name(space: Workspace):
    """The same rows by other settings are the same input."""
    first, other = count(Numbers(count=5, word="b")), count(Numbers(count=5, word="b", speed=2))
    same = stage(version=9)(count.__wrapped__)(Numbers(count=5, word="b"))
    assert same.folder != first.folder == other.folder
    assert shout(Numbers(), first).folder == shout(Numbers(), same).folder


def test_what_lies_beside_decides_nothing(space: Workspace):
    @stage()
    def noted(settings: Numbers, *, out: Path) -> Artifact:
        write_json(out / "beside" / "time.json", time.time())
        write_json(out / "value.json", settings.word)
        return Artifact(out)

    one, other = noted(Numbers()), noted(Numbers(count=11))
    assert one.folder != other.folder
    assert one.digest == other.digest
    assert set(one.manifest["files"]) == {"value.json"}
    settings = json.loads((one.folder / "beside" / "settings.json").read_text())["settings"]
    assert settings == {"count": 10, "word": "a"}


def test_a_manifest_lists_files_with_their_checksums(space: Workspace):
    found = count(Numbers())
    files = found.manifest["files"]
    assert set(files) == {"rows-000000.jsonl", "rows-000001.jsonl", "rows-000002.jsonl"}
    for name, about in files.items():
        data = (found.folder / name).read_bytes()
        assert about == {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    assert found.manifest["rows"] == 10


def test_stages_need_an_open_run():
    with pytest.raises(RuntimeError, match="no run is open: use"):
        count(Numbers())


def test_only_looking_runs_nothing(space: Workspace, tmp_path: Path):
    count(Numbers())
    space.only_look = True
    with pytest.raises(WouldRun) as would:
        shout(Numbers(), count(Numbers()))
    assert (would.value.stage, RAN) == ("shout", ["count"])
    assert not would.value.folder.exists()


def test_until_ends_after_its_stage(space: Workspace):
    space.until = "count"
    with pytest.raises(AfterStage) as done:
        shout(Numbers(), count(Numbers()))
    assert len(done.value.result) == 10
    assert RAN == ["count"]


# Going on


def test_a_stage_that_broke_goes_on_after_its_last_whole_batch(space: Workspace):
    rows = count(Numbers())
    with pytest.raises(OSError, match="the disk is full"):
        shout(Numbers(word="break"), rows)
    (folder,) = space.root.glob("stages/shout-*")
    assert not is_finished(folder)
    assert sorted(p.name for p in folder.glob("*.jsonl")) == ["rows-000000.jsonl", "rows-000001.jsonl"]
    RAN.clear()
    with pytest.raises(OSError, match="the disk is full"):
        shout(Numbers(word="break"), rows)
    assert RAN == ["shout", "batch r6"]


def test_a_stopped_run_goes_on_to_the_same_bytes(space: Workspace, tmp_path: Path):
    rows = count(Numbers())
    with pytest.raises(Stopped):
        shout(Numbers(word="stop"), rows)
    assert RAN == ["count", "shout", "batch r0", "batch r3"]
    RAN.clear()
    space.stopping = False
    found = shout(Numbers(word="stop"), rows)
    assert RAN == ["shout", "batch r6", "batch r9"]
    with working(Workspace(tmp_path / "other")) as other:
        rows = count(Numbers())
        whole = map_rows(
            lambda some: [one.but(payload=Text(text="A", lang="spa")) for one in some], rows, other.root / "x-1", 3
        )
    assert {n: b for n, b in contents(found.folder).items() if n != "manifest.json"} == contents(whole.folder)


def test_what_an_interrupted_writer_left_is_removed(space: Workspace):
    rows = count(Numbers())
    with pytest.raises(OSError, match="full"):
        shout(Numbers(word="break"), rows)
    (folder,) = space.root.glob("stages/shout-*")
    (folder / "rows-000002.jsonl.77.tmp").write_text("half a ro")
    (folder / "step-1.tmp").mkdir()
    (folder / "step-1.tmp" / "whole.json.77.tmp").write_text("{")
    with pytest.raises(OSError, match="full"):
        shout(Numbers(word="break"), rows)
    assert list(folder.rglob("*.tmp")) == []


def test_rows_that_are_written_once_leave_no_older_shards(space: Workspace):
    folder = space.root / "stages" / "x"
    folder.mkdir(parents=True)
    write_shard(folder, 7, [row(99)])
    assert [one.id for one in write_rows(folder, [row(1), row(2)], shard_rows=1)] == ["r1", "r2"]


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path):
    path = tmp_path / "a.txt"
    path.write_text("before")
    with pytest.raises(ZeroDivisionError), replacing(path) as file:  # noqa: PT012
        file.write("half")
        file.flush()
        assert path.read_text() == "before"
        raise ZeroDivisionError
    assert path.read_text() == "before"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]
    with replacing(path) as file:
        file.write("after")
    assert path.read_text() == "after"


def test_a_stop_is_noticed_between_batches(space: Workspace):
    pause()
    os.kill(os.getpid(), signal.SIGINT)
    with pytest.raises(Stopped):
        pause()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGTERM)


def test_handlers_are_given_back(tmp_path: Path):
    before = signal.getsignal(signal.SIGINT)
    with working(Workspace(tmp_path)):
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before


def test_a_run_works_outside_the_main_thread(tmp_path: Path):
    found: list[int] = []

    def run() -> None:
        with working(Workspace(tmp_path)):
            found.append(len(count(Numbers())))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert found == [10]


# Several workers


def test_two_workers_write_one_workers_bytes(tmp_path: Path):
    with working(Workspace(tmp_path / "one")):
        alone = shout(Numbers(), count(Numbers()))
    for part in (1, 0):
        with working(Workspace(tmp_path / "two", part=(part, 2), until="shout")):
            with pytest.raises(PartDone if part else AfterStage) as done:
                shout(Numbers(), count(Numbers()))
    assert str(done.value.result.folder).endswith(alone.folder.name)
    assert contents(done.value.result.folder) == contents(alone.folder)
    assert RAN.count("count") == 2, "the stage before is done once, by the first worker"


def test_a_worker_says_how_much_is_done(tmp_path: Path):
    with working(Workspace(tmp_path, part=(1, 2), until="shout")):
        with pytest.raises(PartDone, match=r"2 of 4 shards of shout-\w+ are done"):
            shout(Numbers(), count(Numbers()))


def test_workers_leave_each_others_files_alone(tmp_path: Path):
    with working(Workspace(tmp_path, part=(0, 2), until="shout")), pytest.raises(PartDone):
        shout(Numbers(), count(Numbers()))
    (folder,) = tmp_path.glob("stages/shout-*")
    writing, own = folder / "rows-000002.jsonl.77.tmp", folder / "rows-000001.jsonl.78.tmp"
    writing.write_text("half")
    own.write_text("half, by a worker of this part that was killed")
    with only_runner(folder, (0, 2)), working(Workspace(tmp_path, part=(1, 2), until="shout")):
        with pytest.raises(AfterStage) as done:
            shout(Numbers(), count(Numbers()))
    assert writing.exists()
    assert not own.exists()
    assert set(done.value.result.manifest["files"]) == {f"rows-00000{number}.jsonl" for number in range(4)}


# Locks


def holding(folder: Path) -> subprocess.Popen[str]:
    """A process that works on a folder until it is killed."""
    code = f"""
import sys, time
from pathlib import Path
from polydistill.stage import only_runner
with only_runner(Path({str(folder)!r})):
    print("held", flush=True)
    time.sleep(60)
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_runner_is_refused_and_a_dead_ones_lock_is_free(tmp_path: Path):
    owner = holding(tmp_path)
    try:
        holder = rf"\(host \S+, process {owner.pid}, since [\d: -]+\)"
        said = rf"another run is working on {tmp_path.name} {holder}; wait for it or stop it"
        with pytest.raises(RuntimeError, match=said), only_runner(tmp_path):
            pass
        with pytest.raises(RuntimeError, match="another run is working"), only_runner(tmp_path, (0, 2)):
            pass
    finally:
        owner.send_signal(signal.SIGKILL)
        owner.wait()
    with only_runner(tmp_path):
        pass


def test_each_part_has_one_worker(tmp_path: Path):
    with only_runner(tmp_path, (0, 2)), only_runner(tmp_path, (1, 2)):
        for part in ((0, 2), None):
            with pytest.raises(RuntimeError, match="another run is working"), only_runner(tmp_path, part):
                pass


KILLED = """
import sys, time
from pathlib import Path
from polydistill.component import Settings
from polydistill.records import Lang, Lineage, Row, Text
from polydistill.stage import Rows, Workspace, map_rows, stage, working, write_rows

class S(Settings):
    pass

@stage()
def begin(settings: S, *, out: Path) -> Rows:
    return write_rows(out, (Row(id=f"r{n}", lineage=Lineage(), payload=Text(text="a" * 999, lang="spa")) for n in range(120)))

@stage()
def slow(settings: S, rows: Rows, *, out: Path) -> Rows:
    def work(some):
        time.sleep(float(sys.argv[2]))
        return [row.but(payload=Text(text=f"{row.id} {row.payload.text}", lang="spa")) for row in some]
    return map_rows(work, rows, out, 3)

with working(Workspace(Path(sys.argv[1]))):
    print(slow(S(), begin(S())).digest)
"""


def test_a_run_killed_at_any_time_goes_on_to_the_same_bytes(tmp_path: Path):
    def run(folder: str, pause: float) -> subprocess.Popen[str]:
        given = [sys.executable, "-c", KILLED, str(tmp_path / folder), str(pause)]
        return subprocess.Popen(given, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    whole, kills = run("whole", 0).communicate()[0], 0
    for wanted in (1, 14, 30):
        process = run("killed", 0.04)
        while process.poll() is None and len(list((tmp_path / "killed").glob("stages/slow-*/rows-*.jsonl"))) < wanted:
            time.sleep(0.002)
        kills += process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert kills == 3
    assert run("killed", 0).communicate()[0] == whole
    folders = [next((tmp_path / name).glob("stages/slow-*")) for name in ("whole", "killed")]
    assert contents(folders[0]) == contents(folders[1])
    assert sum(1 for shard in folders[1].glob("rows-*") for _ in read_shard(shard)) == 120
