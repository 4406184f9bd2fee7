"""Questions from data sets."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from polydistill.records import Lang
from polydistill.sources import BadInput, Languages
from polydistill.sources.hub import Hub

LANGUAGES = Languages(Lang("eng"), (Lang("spa"),))
COMMIT = "0123456789abcdef0123456789abcdef01234567"
ROWS = [{"question": "What is a fjord?", "answer": "A long inlet."}, {"question": ""}, {"question": "What is a moor?"}]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What `datasets` was asked for; it answers with ROWS."""
    calls: list[Any] = []

    def load_dataset(*given: Any, **named: Any) -> list[dict[str, Any]]:
        calls.append((given, named))
        if given[0] == "owner/broken":
            raise ValueError("Bad split: x. Available splits: ['train']\nmore")
        return ROWS

    module = ModuleType("datasets")
    module.load_dataset = load_dataset  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "datasets", module)
    return calls


def test_what_is_asked_for(asked: list[Any]) -> None:
    hub = Hub(dataset="owner/name", config="en", split="test", revision=COMMIT, on_error="skip")
    rows = list(hub.read(LANGUAGES))
    assert asked == [(("owner/name", "en"), {"split": "test", "revision": COMMIT, "streaming": True})]
    assert [row.payload.question.text for row in rows] == ["What is a fjord?", "What is a moor?"]
    assert rows[0].lineage.source == "hub owner/name 0123456789ab"
    assert rows[0].lineage.author == "reference"


def test_rows_are_counted(asked: list[Any]) -> None:
    with pytest.raises(BadInput, match="owner/name, train, row 2: empty question"):
        list(Hub(dataset="owner/name").read(LANGUAGES))
    assert len(list(Hub(dataset="owner/name", questions=1).read(LANGUAGES))) == 1


def test_a_revision_that_may_move_is_said(asked: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    next(Hub(dataset="owner/name").read(LANGUAGES))
    assert "'main' may move; revision: <commit>" in capsys.readouterr().err
    next(Hub(dataset="owner/name", revision=COMMIT).read(LANGUAGES))
    assert "may move" not in capsys.readouterr().err


def test_a_folder_has_no_revision_to_pin(asked: list[Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    next(Hub(dataset=str(tmp_path)).read(LANGUAGES))
    assert "may move" not in capsys.readouterr().err


def test_a_data_set_that_cannot_be_loaded(asked: list[Any]) -> None:
    with pytest.raises(BadInput, match=r"data set owner/broken \(config None, split x\): Bad split: x\. .*\['train'\]$"):
        list(Hub(dataset="owner/broken", split="x").read(LANGUAGES))


def test_without_the_extra_the_command_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(ModuleNotFoundError, match=r"datasets is not installed.*pip install 'polydistill\[hub\]'"):
        list(Hub(dataset="owner/name").read(LANGUAGES))


def test_the_library_itself_on_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    (tmp_path / "set").mkdir()
    (tmp_path / "set/train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))

    def read(**settings: Any) -> Iterator[Any]:
        return Hub(**{"dataset": str(tmp_path / "set"), "on_error": "skip", **settings}).read(LANGUAGES)

    assert [row.payload.question.text for row in read()] == ["What is a fjord?", "What is a moor?"]
    for wrong, said in (({"split": "tests"}, "train"), ({"config": "x"}, "default"), ({"dataset": str(tmp_path / "no")}, "no")):
        with pytest.raises(BadInput, match=said):
            list(read(**wrong))
