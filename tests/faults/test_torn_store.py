"""The store of results and the cache of digests, torn by hand: used, paid for again or said to be damaged; never believed."""

import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiny_faults
from tiny_faults import KILLED, Fault, World
from tiny_tearing import cut, ends_well

pytestmark = pytest.mark.faults

Torn = Callable[[Path], object]


def rewritten(path: Path, *statements: str) -> None:
    """Another content, written by SQLite itself."""
    with sqlite3.connect(path) as database:
        for statement in statements:
            database.execute(statement)
    database.close()


def random_bytes(path: Path, at: int, size: int) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(bytes(range(1, 256)) * (size // 255))


STORES: dict[str, tuple[Torn, bool]] = {
    "empty": (lambda p: cut(p, 0), True),
    "gone": (lambda p: p.unlink(), True),
    "a log of other bytes beside it": (
        lambda p: p.with_name(f"{p.name}-wal").write_bytes(b"\x37\x7f\x06\x82" + b"x" * 5000),
        True,
    ),
    "an index of its log beside it": (lambda p: p.with_name(f"{p.name}-shm").write_bytes(b"y" * 32768), True),
    "a journal of other bytes beside it": (lambda p: p.with_name(f"{p.name}-journal").write_bytes(b"z" * 5000), True),
    "half": (lambda p: cut(p, 0.5), False),
    "no database": (lambda p: p.write_bytes(b"not a database at all " * 500), False),
    "other bytes in its middle": (lambda p: random_bytes(p, 8192, 8160), False),
    "a table of another shape": (lambda p: rewritten(p, "DROP TABLE kept", "CREATE TABLE kept (a, b)"), False),
    "values that are no JSON": (lambda p: rewritten(p, "UPDATE kept SET value = substr(value, 1, 5)"), False),
    "a folder in its place": (lambda p: [p.unlink(), p.mkdir()], False),
}
"""What is torn, and whether the run goes on to its end; else it says what is wrong."""


@pytest.mark.parametrize("what", STORES)
def test_a_store(what: str, whole: Any, place: Path, figures: dict[str, int]):
    torn, goes_on = STORES[what]
    world = whole.state("evaluate", place)
    for path in world.runs.glob("stages/answer-*"):
        shutil.rmtree(path)  # what it holds is needed again
    store = world.runs / "store" / "engine.sqlite"
    torn(store)
    if goes_on:
        ends_well(world, whole)
    else:
        ended = world.run()
        assert ended.in_words, ended.errors
        assert ended.code == 1
        assert str(store) in ended.errors, ended.errors
        shutil.rmtree(world.runs / "store")
        ends_well(world, whole)
    figures["torn artefacts"] = figures.get("torn artefacts", 0) + 1


def test_what_a_killed_writer_kept_is_used(whole: Any, place: Path):
    """Its own file is merged by the next run, with its log; a damaged one is said."""
    world = whole.state("answer", place)
    journal = whole.journals["answer"].read_text("utf-8").splitlines()
    at = next(number for number, line in enumerate(journal, 1) if line.split("\t")[1].endswith("rows-000006.jsonl"))
    assert world.run("answer", fault=Fault(world.runs, at)).code == KILLED
    own = [path for path in world.runs.glob("store/engine.*.sqlite")]
    assert own, "every writer has a file of its own"
    calls = world.counted()
    for shard in world.stage("answer").glob("rows-*"):
        shard.unlink()
    ends_well(world, whole)
    asked = Counter({item: n for item, n in world.counted().items() if item in calls})
    assert asked == calls, "nothing is paid for twice"
    assert not any(path.exists() for path in own)


CACHED: dict[str, Torn] = {
    "empty": lambda p: cut(p, 0),
    "half": lambda p: cut(p, 0.5),
    "other text": lambda p: p.write_text("../../x"),
    "other bytes": lambda p: p.write_bytes(b"\xff\xfe"),
    "a folder": lambda p: [p.unlink(), p.mkdir()],
}


@pytest.mark.parametrize("what", CACHED)
def test_a_remembered_digest(what: str, whole: Any, place: Path, figures: dict[str, int]):
    """It is made anew: the model has the identity that it had."""
    world, home = whole.world.at(place, whole.world.runs.parent), place / "home"
    shutil.copytree(whole.world.plan.parent / ".cache", home / ".cache")
    digests = list(home.glob(".cache/polydistill/digests/*"))
    assert len(digests) > 3
    for path in digests:
        CACHED[what](path)
    ended = world.run(environment={"HOME": str(home)})
    assert ended.in_words, ended.errors
    assert ended.code == whole.code, ended.errors
    assert len(list(world.runs.glob("stages/*"))) == len(list(whole.world.runs.glob("stages/*"))), "a model of another identity"
    assert tiny_faults.results(world.runs) == tiny_faults.results(whole.world.runs)
    figures["torn artefacts"] = figures.get("torn artefacts", 0) + 1


def test_a_remembered_check(whole: Any, place: Path):
    """What was noted of a model that is in order decides nothing but that."""
    world: World = whole.world.at(place, whole.world.runs.parent)
    home = place / "home"
    shutil.copytree(whole.world.plan.parent / ".cache", home / ".cache")
    for path in home.glob(".cache/polydistill/checked/*"):
        cut(path, 0)
    assert world.run(environment={"HOME": str(home)}).code == whole.code
