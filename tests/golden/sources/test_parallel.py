"""Pairs from TMX, TSV, aligned plain files and rows of objects."""

import json
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet

from polydistill.reading import counting_skipped
from polydistill.records import Lang, Row, digest
from polydistill.sources import BadInput, Languages
from polydistill.sources.parallel import Parallel

ENG, SPA, CAT = Lang("eng"), Lang("spa"), Lang("cat")

TMX = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE tmx SYSTEM "tmx14.dtd">
<tmx version="1.4"><header srclang="en"/><body>
<tu tuid="u1"><tuv xml:lang="en-US"><seg>It <hi>rains</hi>.</seg></tuv><tuv xml:lang="ES"><seg>Llueve.</seg></tuv></tu>
<tu><tuv lang="en"><seg><bpt i="1">&lt;b&gt;</bpt>Stop<ept i="1">&lt;/b&gt;</ept> &amp; go</seg></tuv>
 <tuv xml:lang="es-ES"><seg>Para <ph>{0}</ph>y sigue</seg></tuv><tuv xml:lang="ca"><seg>Atura't</seg></tuv></tu>
<tu><tuv xml:lang="en"><seg>Only here</seg></tuv></tu>
<tu><tuv xml:lang="en"><seg>Empty</seg></tuv><tuv xml:lang="es"><seg> </seg></tuv></tu>
</body></tmx>
"""


def rows_of(path: Path, *targets: Lang, **settings: Any) -> list[Row]:
    return list(Parallel(path=path, **settings).read(Languages(ENG, targets or (SPA,))))


def pairs(path: Path, *targets: Lang, **settings: Any) -> list[tuple[str, str]]:
    return [(row.payload.source, row.payload.target) for row in rows_of(path, *targets, **settings)]


def write(path: Path, content: str) -> Path:
    path.write_text(content, "utf-8")
    return path


def jsonl(path: Path, *rows: dict[str, Any]) -> Path:
    return write(path, "".join(json.dumps(row) + "\n" for row in rows))


# TMX


def test_tmx(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path / "memory.tmx", TMX)
    rows = rows_of(path)
    assert [(row.payload.source, row.payload.target) for row in rows] == [
        ("It rains.", "Llueve."),
        ("Stop & go", "Para y sigue"),
    ]
    assert (rows[0].payload.source_lang, rows[0].payload.target_lang) == (ENG, SPA)
    assert "left out 1 without spa (line 7), 1 with an empty side (line 8)" in capsys.readouterr().err
    assert pairs(path, CAT) == [("Stop & go", "Atura't")]
    assert len(rows_of(path, SPA, CAT)) == 3


def test_a_unit_id_groups_and_text_does_where_there_is_none(tmp_path: Path) -> None:
    first, second = rows_of(write(tmp_path / "memory.tmx", TMX))
    assert first.lineage.question == "p-" + digest(["memory.tmx", "u1"])[:12]
    assert second.lineage.question == "p-" + digest("Stop & go")[:12]
    assert first.id == first.lineage.question + "-spa-4"
    assert first.lineage.source == "parallel memory.tmx"


def test_tmx_without_the_language_says_which_it_has(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"memory\.tmx holds no eng-swa pair; its keys are ES, ca, en, en-US, es, es-ES, id"):
        rows_of(write(tmp_path / "memory.tmx", TMX), Lang("swa"))


def test_a_half_written_tmx_keeps_its_whole_units(tmp_path: Path) -> None:
    path = write(tmp_path / "memory.tmx", TMX[: TMX.index("Stop")])
    with pytest.raises(BadInput, match=r"memory\.tmx, line \d: broken XML"):
        rows_of(path)
    assert pairs(path, on_error="skip") == [("It rains.", "Llueve.")]


def test_tmx_with_entities_is_refused(tmp_path: Path) -> None:
    evil = TMX.replace('SYSTEM "tmx14.dtd"', '[<!ENTITY x SYSTEM "file:///etc/hostname">]')
    with pytest.raises(BadInput, match="entity 'x' is refused"):
        rows_of(write(tmp_path / "memory.tmx", evil), on_error="skip")


# TSV


def test_tsv_without_a_header(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tsv", 'It "rains".\tLlueve.\n\nIt snows. \tNieva.\r\n')
    assert pairs(path) == [('It "rains".', "Llueve."), ("It snows.", "Nieva.")]


def test_a_third_column_is_what_the_pair_belongs_to(tmp_path: Path) -> None:
    rows = rows_of(write(tmp_path / "a.tsv", "a\tb\tpage 1\nc\td\tpage 1\ne\tf\tpage 2\n"))
    assert rows[0].lineage.question == rows[1].lineage.question == "p-" + digest(["a.tsv", "page 1"])[:12]
    assert rows[2].lineage.question != rows[0].lineage.question
    assert len({row.id for row in rows}) == 3


@pytest.mark.parametrize("header", ["id\tes\tnote\ten", "id\ttarget\tnote\tsource", "id\tspa_Latn\tnote\ten-US"])
def test_a_header_names_the_columns(tmp_path: Path, header: str) -> None:
    rows = rows_of(write(tmp_path / "a.tsv", f"{header}\n7\tLlueve.\tx\tIt rains.\n"))
    assert [(row.payload.source, row.payload.target) for row in rows] == [("It rains.", "Llueve.")]
    assert rows[0].lineage.question == "p-" + digest(["a.tsv", "7"])[:12]


def test_several_targets_from_named_columns(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tsv", "en\tes\tca\nIt rains.\tLlueve.\tPlou.\n")
    rows = rows_of(path, CAT, SPA)
    assert [(row.payload.target_lang, row.payload.target) for row in rows] == [(CAT, "Plou."), (SPA, "Llueve.")]
    assert rows[0].lineage.question == rows[1].lineage.question
    assert rows[0].id != rows[1].id


def test_several_targets_from_columns_without_names_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tsv", "It rains.\tLlueve.\n")
    with pytest.raises(BadInput, match=r"a\.tsv does not say which language its targets are; name them by code, or set target"):
        rows_of(path, SPA, CAT)
    assert pairs(path, SPA, CAT, target_lang="spa") == [("It rains.", "Llueve.")]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a\tb\nc\n", r"a\.tsv, line 2: wrong number of columns \(1, where there should be 2\)"),
        ("a\n", r"line 1: wrong number of columns \(1, where there should be 2\)"),
        ("a\tb\tc\td\n", r"line 1: .*\(4, where there should be 3; name them in the first line, such as id, eng, spa\)"),
        ("a\tb\nc\t\xe9\n", r"line 2: not UTF-8 \(byte 3 is 0xe9"),
    ],
)
def test_broken_columns(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "a.tsv"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(BadInput, match=said):
        rows_of(path)


def test_good_columns_after_a_broken_first_line(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tsv", "a title\na\tb\nc\td\te\n")
    assert pairs(path, on_error="skip") == [("a", "b")]


# Plain files, line by line


def test_aligned_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "c.en.txt").write_bytes("It rains.\u2028\r\n\nIt snows.".encode())
    (tmp_path / "c.es.txt").write_bytes(b"\xef\xbb\xbfLlueve.\n\nNieva.\n")
    rows = rows_of(tmp_path / "c.{lang}.txt")
    assert [(row.payload.source, row.payload.target) for row in rows] == [("It rains.", "Llueve."), ("It snows.", "Nieva.")]
    assert rows[1].id.endswith("-spa-3")
    assert "1 with an empty side (line 2)" in capsys.readouterr().err


def test_unequal_line_counts_are_refused_before_the_first_pair(tmp_path: Path) -> None:
    write(tmp_path / "c.en.txt", "a\nb\nc\n")
    write(tmp_path / "c.es.txt", "a\nb")
    stream = Parallel(path=tmp_path / "c.{lang}.txt").read(Languages(ENG, (SPA,)))
    with pytest.raises(BadInput, match=r"c\.en\.txt has 3 lines, .*c\.es\.txt has 2: .*; on_error: skip reads up to where"):
        next(stream)


@pytest.mark.parametrize(("half", "kept", "said"), [
    ("uno\ndos\n", [("one", "uno"), ("two", "dos")], {"without a partner": 2}),
    ("uno\ndos\ntr", [("one", "uno"), ("two", "dos")], {"without a partner": 1, "cut off": 1}),
])  # fmt: skip
@pytest.mark.parametrize("swapped", [False, True])
def test_a_half_written_aligned_file_keeps_its_whole_lines(
    tmp_path: Path, half: str, kept: list[tuple[str, str]], said: dict[str, int], swapped: bool
) -> None:
    write(tmp_path / f"c.{'es' if swapped else 'en'}", "one\ntwo\nthree\nfour")
    write(tmp_path / f"c.{'en' if swapped else 'es'}", half)
    with counting_skipped() as skipped:
        found = pairs(tmp_path / "c.{lang}", on_error="skip")
    assert found == ([(two, one) for one, two in kept] if swapped else kept)
    assert skipped() == said


def test_aligned_files_of_equal_length_need_no_last_line_end(tmp_path: Path) -> None:
    write(tmp_path / "c.en", "one\ntwo")
    write(tmp_path / "c.es", "uno\ndos")
    assert pairs(tmp_path / "c.{lang}", on_error="skip") == [("one", "uno"), ("two", "dos")]


def test_a_limit_still_says_what_was_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "c.en", "one\ntwo\nthree\n")
    (tmp_path / "c.es").write_bytes(b"\xff\ndos\ntres\n")
    assert pairs(tmp_path / "c.{lang}", on_error="skip", rows=1) == [("two", "dos")]
    assert "c.es: left out 1 not UTF-8 (line 1)" in capsys.readouterr().err


def test_a_bad_line_takes_its_partner_with_it(tmp_path: Path) -> None:
    write(tmp_path / "c.en", "one\ntwo\nthree\n")
    (tmp_path / "c.es").write_bytes(b"uno\n\xff\ntres\n")
    with pytest.raises(BadInput, match=r"c\.es, line 2: not UTF-8"):
        rows_of(tmp_path / "c.{lang}")
    assert pairs(tmp_path / "c.{lang}", on_error="skip") == [("one", "uno"), ("three", "tres")]


def test_one_plain_file_is_told_how_to_go_on(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"c\.txt is one plain file; put \{lang\} in its name"):
        rows_of(write(tmp_path / "c.txt", "a\n"))


def test_a_missing_side_lists_the_languages(tmp_path: Path) -> None:
    write(tmp_path / "c.es.txt", "a\n")
    write(tmp_path / "c.fr.txt", "a\n")
    with pytest.raises(FileNotFoundError, match=r"for English \(eng\); languages there: es, fr"):
        rows_of(tmp_path / "c.{lang}.txt")


# Rows of objects


@pytest.mark.parametrize(
    "row",
    [
        {"en": "It rains.", "es": "Llueve."},
        {"eng": "It rains.", "spa_Latn": "Llueve.", "id": 7},
        {"source": "It rains.", "target": "Llueve."},
        {"translation": {"en": "It rains.", "es": "Llueve."}},
        {"source": "a web page", "en": "It rains.", "es": "Llueve."},
    ],
)
def test_objects(tmp_path: Path, row: dict[str, Any]) -> None:
    assert pairs(jsonl(tmp_path / "a.jsonl", row)) == [("It rains.", "Llueve.")]
    write(tmp_path / "a.json", json.dumps([row]))
    assert pairs(tmp_path / "a.json") == [("It rains.", "Llueve.")]
    parquet.write_table(pyarrow.Table.from_pylist([row]), tmp_path / "a.parquet")
    assert pairs(tmp_path / "a.parquet") == [("It rains.", "Llueve.")]


def test_the_key_id_is_indonesian_when_that_is_wanted(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "a.jsonl", {"en": "It rains.", "id": "Hujan."})
    (row,) = rows_of(path, Lang("ind"))
    assert row.payload.target == "Hujan."
    assert row.lineage.question == "p-" + digest("It rains.")[:12]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"en": "a", "es": 3}, r"a\.jsonl, line 2: not text \(en and es must hold text\)"),
        ({"en": "a", "es": None}, "line 2: not text"),
        ({"en": "a", "es": "b\ud800"}, "line 2: broken text"),
        ({"en": "a\0", "es": "b"}, "line 2: broken text"),
    ],
)
def test_sides_that_are_no_text(tmp_path: Path, row: dict[str, Any], said: str) -> None:
    path = jsonl(tmp_path / "a.jsonl", {"en": "x", "es": "y"}, row)
    with pytest.raises(BadInput, match=said):
        rows_of(path)
    assert pairs(path, on_error="skip") == [("x", "y")]


# All of them


def test_a_file_a_target(tmp_path: Path) -> None:
    write(tmp_path / "en-es.tsv", "It rains.\tLlueve.\n")
    write(tmp_path / "en-ca.tsv", "It rains.\tPlou.\n")
    rows = rows_of(tmp_path / "en-{lang}.tsv", SPA, CAT)
    assert [(row.payload.target_lang, row.payload.target) for row in rows] == [(SPA, "Llueve."), (CAT, "Plou.")]
    assert rows[0].lineage.question == rows[1].lineage.question
    write(tmp_path / "en-ca.tsv", "It rains.\n")
    with pytest.raises(BadInput, match=r"en-ca\.tsv, line 1"):
        rows_of(tmp_path / "en-{lang}.tsv", SPA, CAT)


def test_other_languages_and_a_limit_for_each_target(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "a.jsonl", *({"fr": f"f{n}", "es": f"s{n}", "ca": f"c{n}"} for n in range(3)))
    assert pairs(path, SPA, CAT, source_lang="fra", rows=2) == [("f0", "s0"), ("f1", "s1"), ("f0", "c0"), ("f1", "c1")]


def test_without_a_target_there_is_nothing_to_read(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "a.jsonl", {"en": "a", "es": "b"})
    with pytest.raises(BadInput, match="no target language is given; set target_lang"):
        list(Parallel(path=path).read(Languages(ENG)))
    assert len(list(Parallel(path=path, target_lang="spa").read(Languages(ENG)))) == 1
