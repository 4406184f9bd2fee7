"""A finished folder is held against its manifest whenever it is used again."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from polydistill.component import Settings
from polydistill.records import Lang, Lineage, Row, Text
from polydistill.stage import Rows, Workspace, map_rows, stage, write_rows, write_shard
from polydistill.storage.files import make_folder, write_json
from polydistill.storage.manifest import damage, finish, is_finished, reopen


class Numbers(Settings):
    """How many rows."""

    count: int = 6
    """Rows."""


def row(number: int) -> Row:
    return Row(id=f"r{number}", lineage=Lineage(question=f"q{number}"), payload=Text(text=f"row {number}", lang=Lang("spa")))


WORKED: list[str] = []


@stage()
def first(settings: Numbers, *, out: Path) -> Rows:
    WORKED.append("first")
    return write_rows(out, map(row, range(settings.count)), shard_rows=3)


@stage()
def second(settings: Numbers, rows: Rows, *, out: Path) -> Rows:
    def work(some: list[Row]) -> list[Row]:
        WORKED.append(some[0].id)
        return some

    return map_rows(work, rows, out, shard_rows=2)


@pytest.fixture(autouse=True)
def nothing_worked() -> None:
    WORKED.clear()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A finished folder with two shards, and something beside."""
    folder = tmp_path / "stage-1"
    make_folder(folder)
    write_shard(folder, 0, [row(0), row(1)])
    write_shard(folder, 1, [row(2)])
    write_json(folder / "beside" / "note.json", "decides nothing")
    finish(folder, {})
    return folder


def longer(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\n")


def other(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"row", b"RAW"))


def shorter(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 5)


BROKEN = {
    "longer": longer,
    "other": other,
    "shorter": shorter,
    "missing": Path.unlink,
    "empty": lambda path: os.truncate(path, 0),
}


def test_what_is_as_it_was_written_is_no_damage(folder: Path):
    assert damage(folder) == {}
    os.utime(folder / "rows-000000.jsonl", (1, 1))
    assert damage(folder) == {}, "another time of change alone is none"
    (folder / "beside" / "seen.json").write_text("[tor")
    assert damage(folder) == {}
    (folder / "notes.txt").write_text("somebody's own")
    (folder / "beside" / "note.json").unlink()
    assert damage(folder) == {}


@pytest.mark.parametrize("how", BROKEN)
def test_every_damage_is_found(folder: Path, how: str):
    BROKEN[how](folder / "rows-000001.jsonl")
    assert list(damage(folder)) == ["rows-000001.jsonl"]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("", "cannot be read"), ("{", "cannot be read"), ("[]", "cannot be read"), ("{}", "cannot be read"),
        ('{"digest": "0", "rows": 3, "files": {}}', "does not agree with itself"),
        ('{"digest": "0", "rows": 3, "files": {"a": 3}}', "cannot be read"),
    ],
)  # fmt: skip
def test_a_damaged_manifest_is_found(folder: Path, text: str, wrong: str):
    (folder / "manifest.json").write_text(text)
    assert damage(folder) == {"manifest.json": wrong}


def test_a_changed_digest_in_the_manifest_is_found(folder: Path):
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"]["rows-000000.jsonl"]["sha256"] = "0" * 64
    write_json(folder / "manifest.json", manifest)
    assert damage(folder) == {"manifest.json": "does not agree with itself"}


def test_another_number_of_rows_in_the_manifest_is_found(folder: Path):
    assert damage(folder) == {}
    manifest = json.loads((folder / "manifest.json").read_text())
    write_json(folder / "manifest.json", {**manifest, "rows": 7})
    assert damage(folder) == {"manifest.json": "states 7 rows where there are 3"}


def test_a_damaged_folder_is_unfinished_and_loses_nothing(folder: Path):
    shorter(folder / "rows-000001.jsonl")
    damaged = (folder / "rows-000001.jsonl").read_bytes()
    reopen(folder, damage(folder))
    assert not is_finished(folder)
    assert (folder / "beside" / "damaged" / "rows-000001.jsonl").read_bytes() == damaged
    assert (folder / "beside" / "damaged" / "manifest.json").is_file()
    assert (folder / "rows-000000.jsonl").is_file(), "what is right stays"
    assert not (folder / "rows-000001.jsonl").exists()


@pytest.mark.parametrize("how", BROKEN)
def test_what_was_damaged_is_made_again_and_nothing_else_is(space: Workspace, capsys: pytest.CaptureFixture[str], how: str):
    rows = first(Numbers())
    before = second(Numbers(), rows)
    kept = {path.name: path.read_bytes() for path in before.folder.glob("*.json*")}
    WORKED.clear()
    BROKEN[how](before.folder / "rows-000001.jsonl")
    again = second(Numbers(), first(Numbers()))
    assert WORKED == ["r2"]
    assert {path.name: path.read_bytes() for path in again.folder.glob("*.json*")} == kept
    assert f"{again.folder.name}: rows-000001.jsonl " in capsys.readouterr().err


def test_a_damaged_stage_that_is_made_again_leaves_those_after_it(space: Workspace):
    done = second(Numbers(), first(Numbers()))
    shorter(first(Numbers()).folder / "rows-000000.jsonl")
    WORKED.clear()
    assert second(Numbers(), first(Numbers())).folder == done.folder
    assert WORKED == ["first"]


def test_a_foreign_shard_is_not_read(space: Workspace):
    rows = first(Numbers())
    write_shard(rows.folder, 9, [row(99)])
    assert [one.id for one in first(Numbers())] == [f"r{number}" for number in range(6)]


def test_a_torn_shard_of_an_unfinished_stage_is_made_again(space: Workspace):
    rows = first(Numbers())
    found = second(Numbers(), rows)
    whole = {path.name: path.read_bytes() for path in found.folder.glob("*.jsonl")}
    (found.folder / "manifest.json").unlink()
    shorter(found.folder / "rows-000002.jsonl")
    WORKED.clear()
    assert {path.name: path.read_bytes() for path in second(Numbers(), rows).folder.glob("*.jsonl")} == whole
    assert WORKED == ["r4"]


@pytest.mark.parametrize("spoil", [lambda line: line[:-9], lambda line: b'{"id": 1}\n', lambda line: b"\xff\n"])
def test_a_line_that_is_no_row_is_said_with_its_place(folder: Path, spoil: Callable[[bytes], bytes]):
    path = folder / "rows-000000.jsonl"
    path.write_bytes(b"".join([path.read_bytes().splitlines(keepends=True)[0], spoil(path.read_bytes().splitlines(True)[1])]))
    with pytest.raises(ValueError, match=r"rows-000000.jsonl, line 2: no row; move stage-1 away, and the same command"):
        list(Rows(folder))
