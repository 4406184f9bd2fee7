import pytest

from polydistill.evaluators._items import Mistakes, english_names, file_in, files_of
from polydistill.records import Lang
from polydistill.sources import BadInput


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("spa", "spanish"), ("srp", "serbian_cyrillic"), ("srp-Latn", "serbian_latin"), ("zho", "chinese_simplified"),
        ("zho-Hant", "chinese_traditional"), ("gla", "scottish_gaelic"), ("por-BR", "portuguese"), ("orm", "oromo"),
    ],
)  # fmt: skip
def test_names_of_published_files(code, name):
    assert name in english_names(Lang(code))


def test_a_file_by_its_name_or_its_code(tmp_path):
    (tmp_path / "serbian_latin_test.jsonl").write_text("x")
    (tmp_path / "es_test.jsonl").write_text("x")
    path = tmp_path / "{lang}_test.jsonl"
    assert file_in(path, Lang("srp-Latn")).name == "serbian_latin_test.jsonl"
    assert file_in(path, Lang("spa")).name == "es_test.jsonl"
    with pytest.raises(FileNotFoundError, match="Serbian"):
        file_in(path, Lang("srp"))
    assert list(files_of(path)) == ["es_test.jsonl", "serbian_latin_test.jsonl"]


def test_all_mistakes_are_told_at_once_with_the_first_ids():
    mistakes = Mistakes("f.jsonl")
    mistakes.refuse()
    for n in range(7):
        mistakes.add("twice", f"q{n}")
    mistakes.add("without text", "r")
    with pytest.raises(BadInput) as refused:
        mistakes.refuse()
    assert str(refused.value) == "f.jsonl: twice: 7 (q0, q1, q2, q3, q4, ...); without text: 1 (r); mend or remove them"
