"""Reading JSONL, JSON, Parquet and lines: what comes out, and what is said of what cannot."""

import json
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from polydistill import reading
from polydistill.reading import LeftOut, count_lines, counting_skipped, existing, lines, objects, unwritable
from polydistill.sources import BadInput

TEXT = st.text(st.characters(exclude_categories=("Cs",)))
OBJECTS = st.lists(st.dictionaries(TEXT, TEXT | st.none() | st.integers() | st.lists(TEXT, max_size=2), max_size=3), min_size=1)
same_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rows.jsonl"


def stop(path: Path) -> list[tuple[int, Any]]:
    return list(objects(path, LeftOut(path, "stop")))


def skip(path: Path) -> tuple[list[tuple[int, Any]], dict[str, tuple[int, list[str]]]]:
    out = LeftOut(path, "skip")
    return list(objects(path, out)), out.reasons


# JSONL


def test_jsonl_numbers_lines_and_passes_over_blank_ones(path: Path) -> None:
    path.write_bytes(b'{"a": 1}\n\n  \r\n{"a": 2}\r\n{"a": 3}')
    assert stop(path) == [(1, {"a": 1}), (4, {"a": 2}), (5, {"a": 3})]


def test_a_byte_order_mark_is_dropped(path: Path) -> None:
    path.write_bytes(b'\xef\xbb\xbf{"a": 1}\n')
    assert stop(path) == [(1, {"a": 1})]
    path.write_bytes(b'\xef\xbb\xbf[{"a": 1}]')
    assert stop(path) == [(1, {"a": 1})]


def test_a_line_separator_of_unicode_ends_no_line(path: Path) -> None:
    path.write_text('{"a": "x\u2028y\u0085z"}\n', "utf-8")
    assert stop(path) == [(1, {"a": "x\u2028y\u0085z"})]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"a": 1}\n{"a": }\n{"a": 3}\n', r"rows\.jsonl, line 2: broken JSON \(Expecting value, column 7\)"),
        (b'{"a": 1}\n{"a": 2}\n{"a": "ha', r"line 3: cut off"),
        (b'{"a": 1}\n[1, 2]\n', r"line 2: not an object \(a list\)"),
        (b'{"a": 1}\n"text"\n', r"line 2: not an object \(a str\)"),
        (b'{"a": 1}\n{"a": "caf\xe9"}\n', r"line 2: not UTF-8 \(byte 11 is 0xe9; .*iconv"),
        (b'{"a": 1}\n{"a": "caf\xc3', r"line 2: cut off \(the file ends inside a character, after byte 10\)"),
        (b'{"a": 1}\n\0\0\0\0\n', r"line 2: broken JSON"),
        (b'{"a": 1}\n' + b"[" * 100_000 + b"\n", r"line 2: broken JSON \(too deep or too large\)"),
        (b'{"a": 1}\n{"a": ' + b"9" * 5000 + b"}\n", r"line 2: broken JSON \(too deep or too large\)"),
    ],
)
def test_a_bad_line_is_named_or_left_out(path: Path, content: bytes, said: str) -> None:
    path.write_bytes(content)
    with pytest.raises(BadInput, match=said) as caught:
        stop(path)
    assert "on_error: skip" in str(caught.value)
    rows, reasons = skip(path)
    assert rows[0] == (1, {"a": 1})
    assert len(rows) + sum(count for count, _ in reasons.values()) == len([x for x in content.split(b"\n") if x])


def test_what_is_left_out_is_counted_with_its_first_lines(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path.write_text("x\n{}\n" + "x\n" * 3 + "[]\n")
    out = LeftOut(path, "skip")
    assert list(objects(path, out)) == [(2, {})]
    assert out.text() == "4 broken JSON (line 1, 3, 4, ...), 1 not an object (line 6)"
    out.say()
    assert f"{path}: left out 4 broken JSON" in capsys.readouterr().err


def test_nothing_left_out_is_not_said(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    LeftOut(path, "stop").say()
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("content", [b"", b"\n \n", b"[]", b"\xef\xbb\xbf"])
def test_an_empty_file_is_said(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(BadInput, match=r"rows\.jsonl is empty"):
        stop(path)


def test_a_line_without_end_is_refused_before_it_is_held(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LONGEST_LINE", 1 << 20)
    path.write_bytes(b'{"a": 1}\n{"a": "' + b"x" * (2 << 20) + b'"}\n')
    with pytest.raises(BadInput, match="line 2: longer than 1 MiB"):
        stop(path)


@same_folder
@given(rows=OBJECTS)
def test_every_way_to_write_objects_reads_the_same(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8", newline="")
    assert stop(path) == list(enumerate(rows, 1))
    path.write_text("\r\n".join(json.dumps(row) for row in rows), "utf-8", newline="")
    assert stop(path) == list(enumerate(rows, 1))
    path.write_text("[" + "\n,".join(json.dumps(row, ensure_ascii=False) for row in rows) + "]", "utf-8", newline="")
    assert stop(path) == list(enumerate(rows, 1))
    path.write_text(json.dumps(rows, indent=3), "utf-8")
    assert [row for _, row in stop(path)] == rows


@same_folder
@given(rows=OBJECTS, cut=st.integers(min_value=1))
def test_a_file_cut_anywhere_keeps_its_whole_rows(path: Path, rows: list[dict[str, Any]], cut: int) -> None:
    whole = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
    left = whole[: 1 + cut % len(whole)]
    path.write_bytes(left)
    found, reasons = skip(path)
    ended = left.count(b"\n")
    assert found[:ended] == list(enumerate(rows[:ended], 1))
    assert len(found) - ended + sum(count for count, _ in reasons.values()) == (not left.endswith(b"\n"))


@same_folder
@given(content=st.binary(min_size=1, max_size=200))
def test_any_bytes_give_rows_or_a_clear_refusal(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    rows, refusal = [], f"{path} was read"
    try:
        rows = stop(path)
    except BadInput as error:
        refusal = str(error)
    assert str(path) in refusal
    assert all(isinstance(row, dict) for _, row in rows)


# A JSON list


def test_a_json_list_numbers_the_lines_its_objects_begin_on(path: Path) -> None:
    path.write_text('\n[\n {"a": 1}, {"a": 2},\n {"a":\n 3}\n]\n')
    assert stop(path) == [(3, {"a": 1}), (3, {"a": 2}), (4, {"a": 3})]


@pytest.mark.parametrize(
    ("content", "said", "kept"),
    [
        ('[{"a": 1},\n {"a": 2},\n {"a"', r"line 3: cut off|line 3: broken JSON", 2),
        ('[{"a": 1},\n {"a": 2}\n', r"line 3: cut off", 2),
        ('[{"a": 1},\n {"a": 2} {"a": 3}]', r"line 2: broken JSON \(Expecting ',' or ']', column 11\)", 2),
        ('[{"a": 1}]\n{"a": 2}', r"line 2: broken JSON \(Text after the list", 1),
        ('[{"a": 1},\n 7]', r"line 2: not an object \(a int\)", 1),
    ],
)
def test_a_broken_json_list(path: Path, content: str, said: str, kept: int) -> None:
    path.write_text(content)
    with pytest.raises(BadInput, match=said):
        stop(path)
    rows, reasons = skip(path)
    assert [row["a"] for _, row in rows] == list(range(1, kept + 1))
    assert sum(count for count, _ in reasons.values()) == 1


def test_a_json_list_in_another_encoding_names_line_and_byte(path: Path) -> None:
    path.write_bytes(b'[{"a": 1},\n {"a": "\xe9"}]')
    for read in (stop, skip):
        with pytest.raises(BadInput, match=r"line 2: not UTF-8 \(byte 9 is 0xe9\).*read whole, so on_error: skip cannot leave"):
            read(path)


def test_a_json_list_too_large_to_hold_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LARGEST_JSON", 5)
    path.write_text('[{"a": 1}]')
    with pytest.raises(BadInput, match=r"make it JSONL with: jq -c"):
        stop(path)


def test_one_object_over_several_lines_is_explained(tmp_path: Path) -> None:
    (tmp_path / "rows.json").write_text('{\n "a": 1\n}')
    with pytest.raises(BadInput, match=r"line 1: broken JSON .*a \.json file holds a list of objects"):
        stop(tmp_path / "rows.json")


# Parquet


def test_parquet_is_known_by_content_and_streamed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "ROWS_AT_ONCE", 2)
    rows = [{"a": n, "b": [{"from": "human", "value": "x"}] if n % 2 else None} for n in range(5)]
    parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    assert stop(path) == list(enumerate(rows, 1))


def test_a_half_written_parquet_is_refused_whole(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    parquet.write_table(pyarrow.Table.from_pylist([{"a": "x" * 100}] * 50), path)
    path.write_bytes(path.read_bytes()[:-20])
    for read in (stop, skip):
        with pytest.raises(BadInput, match=r"rows\.parquet cannot be read as Parquet after row 0: .*written whole"):
            read(path)


def test_a_parquet_that_is_none_and_an_empty_one(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    path.write_text('{"a": 1}\n')
    with pytest.raises(BadInput, match="is not Parquet: it does not begin with PAR1"):
        stop(path)
    parquet.write_table(pyarrow.table({"a": pyarrow.array([], pyarrow.string())}), path)
    with pytest.raises(BadInput, match=r"rows\.parquet is empty"):
        stop(path)


# Files


def test_a_missing_file_is_named_with_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "questions.jsonl").write_text("{}")
    with pytest.raises(FileNotFoundError, match=r"no file .*qestions\.jsonl; did you mean .*/questions\.jsonl\?"):
        existing(tmp_path / "qestions.jsonl")
    with pytest.raises(FileNotFoundError, match=r"nothing in .* has a name like it"):
        existing(tmp_path / "zzz")
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*/nowhere"):
        existing(tmp_path / "nowhere/rows.jsonl")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("{}")
    with pytest.raises(BadInput, match=r"is a folder; give a file in it, such as .*/a\.jsonl"):
        existing(tmp_path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{}\n".encode("utf-16"), "is in UTF-16; convert it with: iconv -f UTF-16"),
        (b"\x1f\x8b\x08\x00", "is compressed; unpack it with: gunzip"),
        (b"PK\x03\x04rest", "is compressed; unpack it with: unzip"),
    ],
)
def test_what_is_no_plain_text_is_told_what_it_is(path: Path, content: bytes, said: str) -> None:
    path.write_bytes(content)
    with pytest.raises(BadInput, match=said):
        stop(path)


def test_home_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "a.jsonl").write_text("{}")
    assert existing(Path("~/a.jsonl")) == tmp_path / "a.jsonl"


def test_lines_keep_their_numbers_where_one_is_left_out(path: Path) -> None:
    path.write_bytes(b"\xef\xbb\xbfone\r\n\xff\nthree \n\nfive")
    out = LeftOut(path, "skip")
    assert list(lines(path, out)) == [(1, "one"), (3, "three "), (4, ""), (5, "five")]
    assert out.reasons == {"not UTF-8": (1, ["2"])}
    assert count_lines(path) == 5


@pytest.mark.parametrize(("text", "bad"), [("fjord \U0001f600", False), ("a\0b", True), ("a\ud800b", True), ("", False)])
def test_what_no_text_file_can_hold(text: str, bad: bool) -> None:
    assert unwritable(text) is bad


def test_skipped_rows_are_counted_by_reason_and_none_twice(path: Path, tmp_path: Path) -> None:
    path.write_text('{"a": 1}\n{\n[]\n{\n')
    (tmp_path / "other.jsonl").write_text('{\n{"a": 1}\n')
    with counting_skipped() as skipped:
        assert skipped() == {}
        for one in (path, path, tmp_path / "other.jsonl"):
            skip(one)
        assert skipped() == {"broken JSON": 3, "not an object": 1}
        LeftOut("x").add(1, "no mistake")
    skip(path)
    assert skipped() == {"broken JSON": 3, "not an object": 1}
