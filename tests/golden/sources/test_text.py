"""Plain text in the target languages."""

from pathlib import Path
from typing import Any

import pytest

from polydistill.records import Lang, digest
from polydistill.sources import BadInput, Languages
from polydistill.sources import text as module
from polydistill.sources.text import Text

ENG, SPA, CAT = Lang("eng"), Lang("spa"), Lang("cat")
STORY = "\ufeff\nUna línea\r\ny otra. \n \n\n\tSegundo párrafo.\n\nTercero"


def read(path: Path, *targets: Lang, **settings: Any) -> list[tuple[Lang, str]]:
    rows = Text(path=path, **settings).read(Languages(ENG, targets or (SPA,)))
    return [(row.payload.lang, row.payload.text) for row in rows]


def texts(path: Path, **settings: Any) -> list[str]:
    return [text for _, text in read(path, **settings)]


@pytest.fixture
def story(tmp_path: Path) -> Path:
    (tmp_path / "story.txt").write_bytes(STORY.encode())
    return tmp_path / "story.txt"


def test_paragraphs_and_lines(story: Path) -> None:
    assert texts(story) == ["Una línea\ny otra.", "Segundo párrafo.", "Tercero"]
    assert texts(story, by="line") == ["Una línea", "y otra.", "Segundo párrafo.", "Tercero"]
    assert texts(story, by="line", rows=2) == ["Una línea", "y otra."]


def test_ids_hold_the_text_the_language_and_the_line(story: Path) -> None:
    first, second, _ = Text(path=story).read(Languages(ENG, (SPA,)))
    assert first.lineage.question == "t-" + digest("Una línea\ny otra.")[:12]
    assert first.id == first.lineage.question + "-spa-2"
    assert second.id.endswith("-spa-6")
    assert first.lineage.source == "text story.txt"


def test_equal_texts_fall_into_one_split(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Hola.\n\nAdiós.\n\nHola.\n", "utf-8")
    rows = list(Text(path=tmp_path / "a.txt").read(Languages(ENG, (SPA,))))
    assert rows[0].lineage.question == rows[2].lineage.question != rows[1].lineage.question
    assert rows[0].id != rows[2].id


def test_each_target_has_its_file(tmp_path: Path) -> None:
    (tmp_path / "a.es.txt").write_text("Hola.")
    (tmp_path / "a.cat.txt").write_text("Bon dia.")
    assert read(tmp_path / "a.{lang}.txt", CAT, SPA) == [(CAT, "Bon dia."), (SPA, "Hola.")]
    assert read(tmp_path / "a.{lang}.txt", CAT, SPA, lang="spa") == [(SPA, "Hola.")]
    with pytest.raises(FileNotFoundError, match=r"Galician \(glg\); languages there: cat, es"):
        read(tmp_path / "a.{lang}.txt", CAT, Lang("glg"))


def test_one_file_for_two_languages_is_refused(story: Path) -> None:
    with pytest.raises(BadInput, match=r"one file for 2 target languages; put \{lang\} in its name, or set lang"):
        read(story, SPA, CAT)
    assert read(story, SPA, CAT, lang="cat")[0][0] == CAT


def test_bad_lines_are_named_or_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"Hola.\n\ncaf\xe9\na\0b\nbien\n")
    with pytest.raises(BadInput, match=r"a\.txt, line 3: not UTF-8 \(byte 4 is 0xe9"):
        texts(path)
    assert texts(path, on_error="skip") == ["Hola.", "bien"]
    assert "1 not UTF-8 (line 3), 1 broken text (line 4)" in capsys.readouterr().err


def test_empty_files(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("")
    with pytest.raises(BadInput, match="is empty"):
        texts(path)
    path.write_text(" \n\n")
    with pytest.raises(BadInput, match="holds no text"):
        texts(path)
    path.write_bytes(b"\xff\n\xfe\n")
    with pytest.raises(BadInput, match=r"holds no text: 2 not UTF-8 \(line 1, 2\)"):
        texts(path, on_error="skip")


def test_a_paragraph_without_end_is_refused(story: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST_TEXT", 12)
    with pytest.raises(BadInput, match=r"line 2: a text of more than 12 characters; .* by: line"):
        texts(story)


def test_the_identity_holds_every_file_of_the_pattern(tmp_path: Path) -> None:
    (tmp_path / "a.es.txt").write_text("Hola.")
    before = Text(path=tmp_path / "a.{lang}.txt").identity()
    (tmp_path / "a.ca.txt").write_text("Bon dia.")
    assert Text(path=tmp_path / "a.{lang}.txt").identity() != before
    with pytest.raises(FileNotFoundError):
        Text(path=tmp_path / "b.{lang}.txt").identity()
