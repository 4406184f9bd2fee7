"""Questions from files on the disk."""

import json
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet
from pydantic import ValidationError

from polydistill.ask import AskSettings, ask
from polydistill.engines.transformers import Transformers
from polydistill.records import Lang
from polydistill.sources import BadInput, Languages
from polydistill.sources.file import File
from polydistill.stage import Workspace

LANGUAGES = Languages(Lang("eng"), (Lang("spa"),))
ROWS = [
    {"instruction": "What is a fjord?", "input": "", "output": "A long inlet."},
    {"instruction": "Translate.", "input": "water", "output": "agua"},
    {"instruction": "What is a moor?", "input": "", "output": ""},
]


def questions(path: Path, **settings: Any) -> list[str]:
    return [row.payload.question.text for row in File(path=path, **settings).read(LANGUAGES)]


def jsonl(path: Path, rows: list[dict[str, Any]] = ROWS) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def test_jsonl_json_and_parquet_give_the_same_questions(tmp_path: Path) -> None:
    jsonl(tmp_path / "rows.jsonl")
    (tmp_path / "rows.json").write_text(json.dumps(ROWS, indent=1))
    parquet.write_table(pyarrow.Table.from_pylist(ROWS), tmp_path / "rows.parquet")
    found = [
        [(row.id, row.payload) for row in File(path=tmp_path / f"rows.{ending}").read(LANGUAGES)]
        for ending in ("jsonl", "json", "parquet")
    ]
    assert found[0] == found[1] == found[2]
    assert [payload.question.text for _, payload in found[0]] == ["What is a fjord?", "Translate.\n\nwater", "What is a moor?"]
    assert [payload.answer and payload.answer.text for _, payload in found[0]] == ["A long inlet.", "agua", None]


def test_rows_name_their_file(tmp_path: Path) -> None:
    row = next(iter(File(path=jsonl(tmp_path / "rows.jsonl")).read(LANGUAGES)))
    assert row.lineage.source == "file rows.jsonl"
    assert row.lineage.author == "reference"
    assert row.id == row.lineage.question


def test_a_language_of_its_own(tmp_path: Path) -> None:
    row = next(iter(File(path=jsonl(tmp_path / "rows.jsonl"), lang="fr").read(LANGUAGES)))
    assert {turn.lang for turn in row.payload.turns} == {"fra"}


def test_the_limit_stops_before_what_is_broken_later(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "rows.jsonl")
    path.write_text(path.read_text() + "broken\n")
    assert len(questions(path, questions=3)) == 3
    assert File(path=path, questions=3).total() == 3
    assert File(path=path).total() is None
    with pytest.raises(BadInput, match=r"rows\.jsonl, line 4: broken JSON"):
        questions(path)


def test_good_rows_come_before_the_error_and_all_of_them_when_skipping(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = jsonl(tmp_path / "rows.jsonl")
    first, second, third = path.read_text().splitlines()
    path.write_text(f'{first}\n{{\n{second}\n[]\n{first}\n{third}\n{{"instr')
    stream = File(path=path).read(LANGUAGES)
    assert next(stream).payload.question.text == "What is a fjord?"
    with pytest.raises(BadInput, match=r"line 2: broken JSON"):
        next(stream)
    assert len(questions(path, on_error="skip")) == 3
    said = capsys.readouterr().err
    assert "1 broken JSON (line 2), 1 not an object (line 4), 1 repeated question (line 5), 1 cut off (line 7)" in said


def test_skipped_rows_are_counted_beside_the_questions(tmp_path: Path, space: Workspace, random_model: Path) -> None:
    path = jsonl(tmp_path / "rows.jsonl")
    path.write_text(path.read_text() + "{\n" + path.read_text())
    model = Transformers(path=str(random_model))
    found = ask(AskSettings(source=File(path=path, on_error="skip"), model=model, rich="eng"))
    assert len(found) == 3
    assert json.loads((found.folder / "beside/left_out.json").read_text()) == {"broken JSON": 1, "repeated question": 3}


def test_no_good_row_at_all_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text("{\n{\n")
    with pytest.raises(BadInput, match=r"rows\.jsonl: no row could be used: 2 broken JSON \(line 1, 2\)"):
        questions(tmp_path / "rows.jsonl", on_error="skip")


def test_parquet_counts_rows(tmp_path: Path) -> None:
    rows = [{"question": "a"}, {"question": "a"}]
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "rows.parquet")
    with pytest.raises(BadInput, match=r"rows\.parquet, row 2: repeated question \(it came before on row 1\)"):
        questions(tmp_path / "rows.parquet")


def test_the_nearest_file_is_named(tmp_path: Path) -> None:
    jsonl(tmp_path / "alpaca.jsonl")
    with pytest.raises(FileNotFoundError, match=r"did you mean .*/alpaca\.jsonl"):
        questions(tmp_path / "alpacca.jsonl")


def test_settings_are_checked() -> None:
    for wrong in ({"questions": 0}, {"on_error": "ignore"}, {"lang": "Spanisch"}, {"paths": "x"}):
        with pytest.raises(ValidationError):
            File(**{"path": "rows.jsonl", **wrong})


def test_a_large_file_is_streamed(tmp_path: Path) -> None:
    import tracemalloc

    path = tmp_path / "rows.jsonl"
    with path.open("w") as file:
        for n in range(2000):
            file.write(json.dumps({"question": f"{n} {'x' * 10_000}"}) + "\n")
    tracemalloc.start()
    assert sum(1 for _ in File(path=path).read(LANGUAGES)) == 2000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 << 20 < path.stat().st_size
