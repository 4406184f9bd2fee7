import json

import pytest

from polydistill.component import find
from polydistill.records import Lang, split_of
from polydistill.sources import BadInput, Languages

Multiway = find("sources", "multiway")
ENG, SPA, ARA = Lang("eng"), Lang("spa"), Lang("ara")
BOTH = Languages(ENG, (SPA,))


def plus(id, code, text, script="Latn", **more):
    """A row as FLORES+ has it."""
    return {
        "id": id, "iso_639_3": code, "iso_15924": script, "glottocode": "stan1288", "text": text, "url": f"https://w/{id // 2}",
        "domain": "wikinews", "topic": "x", "has_image": "no", "has_hyperlink": "no", "last_updated": "1.0", **more,
    }  # fmt: skip


def written(path, *rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return path


def said(source, languages=BOTH):
    return [(row.payload.source, row.payload.target) for row in source.read(languages)]


def test_one_file_a_language_joined_by_id(tmp_path, capsys):
    written(tmp_path / "eng_Latn.jsonl", *(plus(n, "eng", f"one {n}") for n in range(4)))
    written(tmp_path / "spa_Latn.jsonl", *(plus(n, "spa", f"uno {n}") for n in (3, 1, 0)))
    written(tmp_path / "arb_Arab.jsonl", plus(0, "arb", "واحد", "Arab"))
    source = Multiway(path=tmp_path / "{lang}.jsonl")
    assert said(source) == [("one 0", "uno 0"), ("one 1", "uno 1"), ("one 3", "uno 3")]
    assert "left out 1 not in both eng and spa: 2" in capsys.readouterr().err
    rows = list(source.read(Languages(ENG, (SPA, ARA))))
    assert [row.payload.target_lang for row in rows] == [SPA] * 3 + [ARA]
    # Sentences 0 and 1 are of one document and stay together, in every language.
    assert len({row.lineage.question for row in rows}) == 2
    assert rows[0].lineage.question == rows[1].lineage.question == rows[3].lineage.question
    assert split_of(rows[0].lineage.question) in ("train", "development", "test")


def test_all_languages_in_one_file(tmp_path):
    rows = [plus(0, "eng", "one"), plus(0, "spa", "uno"), plus(0, "fra", "un")]
    assert said(Multiway(path=written(tmp_path / "devtest.jsonl", *rows))) == [("one", "uno")]


def test_parquet_of_the_older_release(tmp_path):
    import pyarrow
    from pyarrow import parquet

    for code, text in (("eng_Latn", "one"), ("spa_Latn", "uno")):
        (tmp_path / code).mkdir()
        table = pyarrow.table({"id": [1], "URL": ["https://w/1"], "sentence": [text]})
        parquet.write_table(table, tmp_path / code / "devtest-00000-of-00001.parquet")
    assert said(Multiway(path=tmp_path / "{lang}/devtest-00000-of-00001.parquet")) == [("one", "uno")]


def test_the_folder_of_flores_200_is_read_by_parallel(tmp_path):
    for code, text in (("eng_Latn", "one\ntwo\n"), ("spa_Latn", "uno\ndos\n")):
        (tmp_path / f"{code}.devtest").write_text(text, "utf-8")
    source = find("sources", "parallel")(path=tmp_path / "{lang}.devtest")
    assert said(source) == [("one", "uno"), ("two", "dos")]


ONE = plus(0, "eng", "one")


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ([ONE, ONE], "line 2: id 0 stands twice in eng"),
        ([{**ONE, "text": ""}], "line 1: a row needs id and text"),
        ([{**ONE, "id": None}], "line 1: a row needs id and text"),
        ([{"id": 1, "text": "one"}], "line 1: no iso_639_3"),
        ([plus(0, "fra", "un"), plus(0, "deu", "eins")], r"nothing in English \(eng\); languages there: deu, fra"),
        ([ONE, plus(1, "spa", "dos")], "no id stands in both eng and spa"),
    ],
)
def test_bad_files_are_refused(tmp_path, rows, sentence):
    with pytest.raises(BadInput, match=sentence):
        list(Multiway(path=written(tmp_path / "d.jsonl", *rows)).read(BOTH))


def test_a_file_of_another_language_than_its_name_says(tmp_path):
    written(tmp_path / "eng_Latn.jsonl", ONE)
    written(tmp_path / "spa_Latn.jsonl", ONE)
    with pytest.raises(BadInput, match="line 1: the row says it is in eng_Latn, the file's name spa"):
        list(Multiway(path=tmp_path / "{lang}.jsonl").read(BOTH))
    english = "The river rises in the mountains of the north and flows for three hundred miles to the sea."
    written(tmp_path / "spa_Latn.jsonl", {"id": 0, "text": english})
    with pytest.raises(BadInput, match=r"said to be in Spanish \(spa\), but 1 of 1 items \(0\) are in another"):
        list(Multiway(path=tmp_path / "{lang}.jsonl").read(BOTH))


def test_what_is_missing_is_named(tmp_path):
    written(tmp_path / "eng_Latn.jsonl", ONE)
    with pytest.raises(FileNotFoundError, match=r"for Spanish \(spa\); languages there: eng_Latn"):
        list(Multiway(path=tmp_path / "{lang}.jsonl").read(BOTH))
    with pytest.raises(BadInput, match="no target language is given"):
        list(Multiway(path=tmp_path / "{lang}.jsonl").read(Languages(ENG)))
