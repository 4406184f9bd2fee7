"""Nothing is paid for twice."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest
import tiny_disk

from polydistill.answer import AnswerSettings, answer
from polydistill.ask import AskSettings, ask
from polydistill.engines import Answer, Engine, OpenEngine, Sampling
from polydistill.paid import paying
from polydistill.records import Chat, Lang, Turn
from polydistill.sources.file import File
from polydistill.stage import Workspace, working
from polydistill.storage import store as store_module
from polydistill.storage.store import Failed, Store
from polydistill.translate import TranslateSettings, translate
from polydistill.translators import OpenTranslator, Translator


class Counting(Engine):
    """Answers with the question, and counts."""

    tag: str = "a"
    """Part of its identity."""
    opened: ClassVar[list[str]] = []
    asked: ClassVar[list[str]] = []

    @contextmanager
    def open(self) -> Iterator[OpenEngine]:
        self.opened.append(self.tag)
        yield OpenCounting()


class OpenCounting(OpenEngine):
    template = "t"

    def answer(self, chats: Sequence[Chat], sampling: Sampling, seeds: Sequence[int] | None = None) -> list[Answer]:
        Counting.asked += [chat.question.text for chat in chats]
        drawn = seeds or [sampling.seed] * len(chats)
        tail = f" drawn {{}} of {sampling.temperature}" if sampling.temperature else ""
        return [Answer(f"You ask: {c.question.text}{tail.format(s)}.", True) for c, s in zip(chats, drawn, strict=True)]

    def score(self, chats: Sequence[Chat | None], texts: Sequence[str]) -> list[float]:
        Counting.asked += texts
        return [-float(len(text)) for text in texts]

    def room(self, chats: Sequence[Chat]) -> list[int]:
        return [100 for _ in chats]

    def count(self, texts: Sequence[str]) -> list[int]:
        return [len(text) for text in texts]


class CountingTranslator(Translator):
    """Says every sentence backwards, and counts."""

    said: ClassVar[list[str]] = []

    @contextmanager
    def open(self) -> Iterator[OpenTranslator]:
        yield OpenCountingTranslator()

    def check(self, source: Lang, target: Lang) -> None:
        pass


class OpenCountingTranslator(OpenTranslator):
    def translate(self, texts: Sequence[str], source: Lang, target: Lang) -> list[str | None]:
        CountingTranslator.said += texts
        return [" ".join(word[::-1] for word in text.rstrip("?.").split()) + text[-1] for text in texts]


@pytest.fixture(autouse=True)
def counters() -> None:
    Counting.opened.clear()
    Counting.asked.clear()
    CountingTranslator.said.clear()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    kept = Store(tmp_path / "store" / "a.sqlite")
    yield kept
    kept.close()


def question(text: str) -> Chat:
    return Chat(turns=(Turn(role="user", text=text, lang=Lang("eng")),))


def test_each_item_is_paid_for_once(store: Store):
    paid: list[int] = []

    def pay(items: list[int]) -> list[int]:
        paid.extend(items)
        return [item * item for item in items]

    assert store.through("square", [3, 1, 3], pay) == [9, 1, 9]
    assert store.through("square", [1, 2, 3, 2], pay) == [1, 4, 9, 4]
    assert paid == [3, 1, 2]
    assert store.through("square", [], pay) == []


def test_who_pays_is_part_of_the_key(store: Store):
    assert store.through({"by": "a"}, [1], lambda items: ["a"]) == ["a"]
    assert store.through({"by": "b"}, [1], lambda items: ["b"]) == ["b"]
    assert store.through({"by": "a"}, [1], lambda items: ["c"]) == ["a"]


def test_none_is_asked_again(store: Store):
    assert store.through("x", [1, 2], lambda items: [None, "b"]) == [None, "b"]
    asked: list[int] = []
    assert store.through("x", [1, 2], lambda items: asked.extend(items) or ["a"]) == ["a", "b"]
    assert asked == [1]


def test_one_result_an_item_or_an_error(store: Store):
    with pytest.raises(ValueError, match="zip"):
        store.through("x", [1, 2], lambda items: ["a"])
    assert store.through("x", [1, 2], lambda items: ["a", "b"]) == ["a", "b"]


def test_more_keys_than_a_query_takes(store: Store):
    numbers = list(range(40_000))
    assert store.through("x", numbers, lambda items: items) == numbers
    assert store.through("x", numbers, lambda items: 1 / 0) == numbers


def test_values_are_any_json(store: Store):
    values = [["ñ\u2028\x00", True], {"a": [1.5, None]}, "", 0, False]
    assert store.through("x", list(range(5)), lambda items: values) == values
    assert store.through("x", list(range(5)), lambda items: 1 / 0) == values


def test_what_was_kept_outlives_a_killed_process(tmp_path: Path):
    code = f"""
import os, signal
from pathlib import Path
from polydistill.storage.store import Failed, Store
store = Store(Path({str(tmp_path / "a.sqlite")!r}))
store.through("x", [1, 2], lambda items: ["a", "b"])
store._writer.execute("BEGIN IMMEDIATE")
store._writer.execute("INSERT INTO kept VALUES ('half', '1', 0)")
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", code]).returncode == -9
    store = Store(tmp_path / "a.sqlite")
    assert store.through("x", [1, 2], lambda items: 1 / 0) == ["a", "b"]
    assert store.get(["half"]) == {}
    store.close()


def test_a_full_disk_is_said_and_loses_nothing_that_was_kept(store: Store, tmp_path: Path):
    store.through("x", [1], lambda items: ["a"])
    long = ["b" * 100_000]
    said = r"a\.sqlite cannot be written: {}; make room if its disk is full"
    store._writer.execute("PRAGMA max_page_count=6")
    with pytest.raises(OSError, match=said.format("database or disk is full")):
        store.through("x", [2], lambda items: long)
    store._writer.execute("PRAGMA max_page_count=1000000")
    with tiny_disk.full(), pytest.raises(OSError, match=said.format("disk I/O error")):
        store.through("x", [2], lambda items: long)
    with tiny_disk.full(10), pytest.raises(OSError, match=r"b\.sqlite cannot be written"):
        Store(tmp_path / "b.sqlite")
    assert store.through("x", [1, 2], lambda items: long) == ["a", *long], "the same store goes on when there is room"
    store.close()
    again = Store(store.path)
    assert again.through("x", [1, 2], lambda items: 1 / 0) == ["a", *long]
    again.close()


def test_a_merge_that_finds_no_room_is_done_later(tmp_path: Path):
    path = tmp_path / "a.sqlite"
    Store(path).close()
    store = Store(path)
    store.through("x", [1], lambda items: ["b" * 100_000])
    with tiny_disk.full(50_000), pytest.raises(OSError, match=r"cannot be written: disk I/O error"):
        store.close()
    assert len(files(tmp_path)) > 1
    again = Store(path)
    assert again.through("x", [1], lambda items: 1 / 0) == ["b" * 100_000]
    assert files(tmp_path) == ["a.lock", "a.sqlite", "a.sqlite-shm", "a.sqlite-wal"]
    again.close()


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# Several processes


def test_a_process_has_a_file_of_its_own_until_it_ends(tmp_path: Path):
    path = tmp_path / "a.sqlite"
    one, other = Store(path), Store(path)
    one.through("x", [1], lambda items: ["a"])
    other.through("x", [2], lambda items: ["b"])
    own = [name for name in files(tmp_path) if name.endswith(".sqlite") and name != "a.sqlite"]
    assert len(own) == 2
    third = Store(path)
    assert third.get([]) == {}
    assert all(name in files(tmp_path) for name in own), "what is at work is left alone"
    for store in (one, other, third):
        store.close()
    assert files(tmp_path) == ["a.lock", "a.sqlite"]
    last = Store(path)
    assert last.through("x", [1, 2], lambda items: 1 / 0) == ["a", "b"]
    last.close()


def test_a_store_that_only_reads_makes_no_file(store: Store):
    assert store.through("x", [], lambda items: 1 / 0) == []
    assert store.get(["a"]) == {}
    assert not [path for path in store.path.parent.glob("a.*.sqlite")]


@pytest.mark.parametrize("kind", ["nfs4", "fuse.sshfs", "ext4"])
def test_a_network_file_system_is_said_and_has_no_shared_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], kind: str
):
    monkeypatch.setattr(store_module, "_mounts", lambda: {"/": "ext4", str(tmp_path): kind, str(tmp_path / "other"): "nfs4"})
    store = Store(tmp_path / "store" / "a.sqlite")
    store.through("x", [1], lambda items: ["a"])
    assert ("is on a network file system" in capsys.readouterr().err) == (kind != "ext4")
    assert any(name.endswith("-wal") for name in files(tmp_path / "store")) == (kind == "ext4")
    store.close()


# Failures


def test_a_lasting_failure_is_not_paid_for_again(store: Store):
    asked: list[int] = []

    def pay(items: list[int]) -> list[Any]:
        asked.extend(items)
        return [Failed("refused") if item % 2 else item for item in items]

    assert store.through("x", [1, 2, 3], pay) == [Failed("refused"), 2, Failed("refused")]
    assert store.through("x", [1, 2, 3, 4], pay) == [Failed("refused"), 2, Failed("refused"), 4]
    assert asked == [1, 2, 3, 4]
    assert store.through("x", [1, 2], pay, again=True) == [Failed("refused"), 2]
    assert asked == [1, 2, 3, 4, 1]


def test_a_passing_failure_is_tried_again_so_many_times(tmp_path: Path):
    asked: list[int] = []
    for _ in range(5):
        store = Store(tmp_path / "a.sqlite")
        assert store.through("x", [1], lambda items: asked.extend(items) or [Failed("busy", lasting=False)])[0].why == "busy"
        store.close()
    assert asked == [1] * 3


def test_what_succeeds_in_the_end_is_no_failure(tmp_path: Path):
    for found in (Failed("busy", lasting=False), "a"):
        store = Store(tmp_path / "a.sqlite")
        assert store.through("x", [1], lambda items, found=found: [found]) == [found]
        store.close()
    store = Store(tmp_path / "a.sqlite")
    assert store.through("x", [1], lambda items: 1 / 0) == ["a"]
    store.close()


# Damage


def test_a_damaged_store_is_named_and_not_overwritten(tmp_path: Path):
    path = tmp_path / "a.sqlite"
    store = Store(path)
    store.through("x", list(range(2000)), lambda items: [f"value {item}" * 9 for item in items])
    store.close()
    whole = path.read_bytes()
    for spoilt in (b"x" * 5000, whole[:100] + b"\xff" * 4000 + whole[4100:], whole[: len(whole) // 2]):
        path.write_bytes(spoilt)
        with pytest.raises(OSError, match=r"a\.sqlite is damaged \(.*; save what it holds with: sqlite3 .* or move it away"):
            read_all(path)
        assert path.read_bytes()[:100] == spoilt[:100]


def read_all(path: Path) -> None:
    store = Store(path)
    try:
        store.through("x", list(range(2000)), lambda items: 1 / 0)
    finally:
        store.close()


def test_another_program_s_file_is_named(tmp_path: Path):
    database = sqlite3.connect(tmp_path / "a.sqlite")
    database.execute("CREATE TABLE kept (other)")
    database.close()
    with pytest.raises(OSError, match="is damaged"):
        read_all(tmp_path / "a.sqlite")


def test_a_value_that_is_no_json_is_named(store: Store):
    store.through("x", [1], lambda items: ["a"])
    store._writer.execute("UPDATE kept SET value = '{'")
    with pytest.raises(OSError, match="is damaged"):
        store.through("x", [1], lambda items: 1 / 0)


# Lots


def test_lots_are_kept_one_by_one(store: Store):
    paid: list[list[int]] = []

    def pay(items: list[int]) -> list[int]:
        paid.append(items)
        return [item * item if item != 3 else None for item in items]

    def then() -> None:
        if len(paid) == 2:
            raise KeyboardInterrupt

    store.through("square", [4], lambda items: [16])
    with pytest.raises(KeyboardInterrupt):
        store.through("square", [0, 1, 4, 0, 2, 3, 5, 6, 7], pay, 2, then)
    assert store.through("square", [0, 1, 4, 0, 2, 3, 5, 6, 7], pay, 3) == [0, 1, 16, 0, 4, None, 25, 36, 49]
    assert paid == [[0, 1], [2, 3], [3, 5, 6], [7]]


def test_several_processes_may_open_and_keep_at_once(tmp_path: Path):
    code = """
import sys
from pathlib import Path
from polydistill.storage.store import Failed, Store
Path(sys.argv[2]).touch()
while not Path(sys.argv[3]).exists():
    pass
store = Store(Path(sys.argv[1]))
for number in range(60):
    store.through("x", [number, number + 1], lambda items: [item * 2 for item in items])
"""
    ready, go = [tmp_path / "ready0", tmp_path / "ready1", tmp_path / "ready2"], tmp_path / "go"
    command = [sys.executable, "-c", code, str(tmp_path / "a.sqlite")]
    running = [subprocess.Popen([*command, str(one), str(go)]) for one in ready]
    while not all(one.exists() for one in ready):
        assert all(process.poll() is None for process in running)
    go.touch()
    assert [process.wait(60) for process in running] == [0, 0, 0]
    Store(tmp_path / "a.sqlite").close()
    database = sqlite3.connect(tmp_path / "a.sqlite")
    assert database.execute("SELECT count(*) FROM kept").fetchone() == (61,)
    database.close()


# Engines and translators through the store


def test_an_engine_is_loaded_only_when_something_must_be_paid_for(space: Workspace):
    greedy = Sampling(max_tokens=5)
    for _ in range(2):
        with paying(Counting()) as engine:
            assert [a.text for a in engine.answer([question("a?"), question("b?")], greedy)] == ["You ask: a?.", "You ask: b?."]
            assert engine.score([None, question("a?")], ["x", "yy"]) == [-1.0, -2.0]
    assert Counting.opened == ["a"]
    assert Counting.asked == ["a?", "b?", "x", "yy"]


def test_every_setting_that_decides_an_answer_is_part_of_its_key(space: Workspace):
    with paying(Counting()) as engine:
        for sampling in (
            Sampling(max_tokens=5), Sampling(max_tokens=6), Sampling(temperature=1), Sampling(temperature=1, top_p=0.5),
            Sampling(temperature=1, seed=1),
        ):  # fmt: skip
            engine.answer([question("a?")], sampling)
        assert Counting.asked == ["a?"] * 5
        engine.answer([question("a?")], Sampling(max_tokens=5, seed=9))  # nothing is drawn, so the seed says nothing
        assert len(Counting.asked) == 5
        engine.answer([question("a?")] * 2, Sampling(temperature=1), [1, 2])
        engine.answer([question("a?")] * 2, Sampling(temperature=1), [2, 3])
        assert len(Counting.asked) == 8
    with paying(Counting(tag="b")) as engine:
        engine.answer([question("a?")], Sampling(max_tokens=5))
    assert len(Counting.asked) == 9


def test_seeds_go_to_the_items_they_belong_to(space: Workspace):
    def answers(texts: list[str], seeds: list[int]) -> list[str]:
        with paying(Counting()) as engine:
            return [a.text for a in engine.answer([question(text) for text in texts], Sampling(temperature=1), seeds)]

    one, two = answers(["a?"], [1]), answers(["b?", "a?", "a?"], [7, 1, 2])
    assert two[1] == one[0] == "You ask: a? drawn 1 of 1.0."
    assert [two[0], two[2]] == ["You ask: b? drawn 7 of 1.0.", "You ask: a? drawn 2 of 1.0."]


def test_an_earlier_turn_is_part_of_what_was_said(space: Workspace):
    earlier = question("a?").answered("b", Lang("eng")).turns
    with paying(Counting()) as engine:
        engine.answer([question("c?"), Chat(turns=(*earlier, *question("c?").turns))], Sampling())
        engine.score([question("c?"), question("c?").answered("its answer is not said before it", Lang("eng"))], ["d", "d"])
    assert Counting.asked == ["c?", "c?", "d"]


def test_growing_from_20_to_40_questions_pays_for_20(tmp_path: Path):
    path = tmp_path / "questions.jsonl"
    path.write_text("".join(f'{{"question": "What is number {number}?"}}\n' for number in range(40)))
    engine: Any = Counting()
    with working(Workspace(tmp_path / "runs")):
        for questions in (20, 40):
            asked = ask(AskSettings(source=File(path=path), questions=questions, model=engine, rich="eng"))
            answered = answer(AnswerSettings(model=engine, rich="eng"), asked)
            translated = translate(TranslateSettings(translator=CountingTranslator(), rich="eng", targets=("spa",)), answered)
            assert len(answered) == len(translated) == questions
            assert len(Counting.asked) == questions
            assert len(CountingTranslator.said) == 2 * questions  # each a question and its answer
    assert len(set(Counting.asked)) == 40
    assert len(set(CountingTranslator.said)) == 80
