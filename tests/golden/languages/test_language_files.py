"""Files, folders, columns and keys named by a language."""

from pathlib import Path

import pytest

from polydistill.languages.language_files import by_content, every, in_language, language_named, named
from polydistill.records import Lang
from polydistill.sources import BadInput


@pytest.mark.parametrize(
    ("name", "lang"),
    [
        ("es", "spa"), ("spa", "spa"), ("spa_Latn", "spa"), ("EN", "eng"), ("en-US", "eng-US"), ("pt_BR", "por-BR"),
        ("zh_CN", "zho-CN"), ("sr@latin", "srp-Latn"), ("sr", "srp"), ("id", "ind"),
        ("source", None), ("text", None), ("", None), ("C", None), ("ca@valencia", None), ("7", None), ("es.bak", None),
    ],
)  # fmt: skip
def test_names_of_languages(name: str, lang: str | None) -> None:
    assert language_named(name) == lang


@pytest.mark.parametrize(
    ("lang", "names", "found"),
    [
        ("spa", ("en", "es", "ca"), "es"),
        ("spa", ("es", "spa"), "spa"),
        ("spa", ("es", "es_MX"), "es"),
        ("spa-MX", ("es", "es_MX"), "es_MX"),
        ("spa-MX", ("es", "ca"), "es"),
        ("por", ("pt_BR", "pt"), "pt"),
        ("por-BR", ("pt_BR", "pt"), "pt_BR"),
        ("por", ("pt_BR", "es"), "pt_BR"),
        ("zho", ("zh_TW", "zh_CN"), "zh_CN"),
        ("zho-Hant", ("zh_CN",), None),
        ("srp", ("sr@latin", "sr"), "sr"),
        ("srp-Latn", ("sr@latin", "sr"), "sr@latin"),
        ("srp-Latn", ("sr",), None),
        ("glg", ("pt", "es"), None),
        ("eng", ("id", "url", "EN-GB"), "EN-GB"),
        ("swa", (), None),
    ],
)
def test_the_name_of_a_language_among_others(lang: str, names: tuple[str, ...], found: str | None) -> None:
    assert named(Lang(lang), names) == found


def test_the_files_of_a_pattern(tmp_path: Path) -> None:
    for name in ("a.es.txt", "a.pt_BR.txt", "a.backup.txt", "a.txt", "b.es.txt", "a.es.txt.gz"):
        (tmp_path / name).write_text("x")
    (tmp_path / "a.ca.txt").mkdir()
    assert every(tmp_path / "a.{lang}.txt") == {"es": tmp_path / "a.es.txt", "pt_BR": tmp_path / "a.pt_BR.txt"}
    assert every(tmp_path / "c.{lang}.txt") == {}
    assert every(tmp_path / "nowhere/{lang}.txt") == {}
    assert every(tmp_path / "a.txt") == {"": tmp_path / "a.txt"}


def test_the_language_may_be_a_folder_or_stand_twice(tmp_path: Path) -> None:
    for name in ("en/text.en.txt", "es/text.es.txt", "ca/text.es.txt"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text("x")
    assert set(every(tmp_path / "{lang}/text.{lang}.txt")) == {"en", "es"}
    (tmp_path / "en-es.tsv").write_text("x")
    (tmp_path / "es-es.tsv").write_text("x")
    assert set(every(tmp_path / "{lang}-{lang}.tsv")) == {"es"}


def test_signs_of_patterns_are_plain_text(tmp_path: Path) -> None:
    (tmp_path / "a[1]+.es.txt").write_text("x")
    assert set(every(tmp_path / "a[1]+.{lang}.txt")) == {"es"}


def test_a_missing_language_lists_those_there(tmp_path: Path) -> None:
    for code in ("es", "ca"):
        (tmp_path / f"a.{code}.txt").write_text("x")
    assert in_language(tmp_path / "a.{lang}.txt", Lang("cat")).name == "a.ca.txt"
    with pytest.raises(FileNotFoundError, match=r"no file .*a\.\{lang\}\.txt for Swahili \(swa\); languages there: ca, es"):
        in_language(tmp_path / "a.{lang}.txt", Lang("swa"))
    with pytest.raises(FileNotFoundError, match="languages there: none"):
        in_language(tmp_path / "b.{lang}.txt", Lang("spa"))


def test_a_path_without_language_is_the_one_file(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    assert in_language(tmp_path / "a.txt", Lang("swa")) == tmp_path / "a.txt"
    with pytest.raises(BadInput, match="is a folder"):
        in_language(tmp_path, Lang("swa"))


def test_an_identity_by_content(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for folder in (one, other):
        folder.mkdir()
        (folder / "a.txt").write_text("x")
    plain = {"file": {"path": "somewhere", "lang": None}, "version": 1}
    first = by_content(plain, "path", {"": one / "a.txt"})
    assert first == by_content(plain, "path", {"": other / "a.txt"})
    assert first["version"] == 1
    assert first["file"]["lang"] is None
    assert plain["file"]["path"] == "somewhere"
    (other / "a.txt").write_text("longer")
    assert first != by_content(plain, "path", {"": other / "a.txt"})
    assert first != by_content(plain, "path", {"es": one / "a.txt"})
    with pytest.raises(FileNotFoundError, match=r"did you mean .*/a\.txt"):
        by_content(plain, "path", {"": one / "b.txt"})
    with pytest.raises(FileNotFoundError, match="no file for file's path somewhere"):
        by_content(plain, "path", {})
