"""The filter `evaluation_overlap` at its edges."""

from pathlib import Path

import pytest
from tiny_rows import ENG, SPA, names_in, pair, text

from polydistill.builders import Filter
from polydistill.builders.evaluation_overlap import EvaluationOverlap
from polydistill.declaration import declaration
from polydistill.records import Lang, Row
from polydistill.sources.parallel import Parallel
from polydistill.sources.text import Text

TEN = "uno dos tres cuatro cinco seis siete ocho nueve diez"


def reasons(one: Filter, *rows: Row, languages: tuple[Lang, ...] = ()) -> list[str]:
    return [row.rejected for row in one(rows, languages)]


def test_a_run_of_words_that_is_held_out_keeps_a_training_row_out():
    held, train = names_in("test", 1)[0], names_in("train", 1)[0]
    development = names_in("development", 1)[0]
    for name in (held, development):
        rows = [text(name, f"Hoy: {TEN}!"), text(train, f"Ayer, {TEN.upper()}.")]
        assert reasons(EvaluationOverlap(), *rows) == ["", "evaluation_overlap"]
        assert reasons(EvaluationOverlap(n=11), *rows) == ["", ""]
    assert reasons(EvaluationOverlap(), text(train, TEN), text(f"{train}x", TEN)) == ["", ""]
    nine = " ".join(TEN.split()[:9])
    assert reasons(EvaluationOverlap(), text(held, nine), text(train, nine)) == ["", ""]
    assert reasons(EvaluationOverlap(n=9), text(held, nine), pair(train, nine, "x")) == ["", "evaluation_overlap"]


def test_characters_are_counted_twice_where_no_spaces_part_words():
    held, train = names_in("test", 1)[0], names_in("train", 1)[0]
    whole = "山の上にある小さな村には古い寺がひとつある"
    assert reasons(EvaluationOverlap(), text(held, whole), text(train, f"昔{whole[:20]}")) == ["", "evaluation_overlap"]
    assert reasons(EvaluationOverlap(), text(held, whole), text(train, f"昔{whole[:19]}")) == ["", ""]


def test_the_declaration_in_the_languages_of_the_run_is_known_from_the_start():
    train = names_in("train", 1)[0]
    rows = [text(train, f"Así es: {declaration(SPA)['udhr/11']}"), text(train, "Nadie lo sabe.")]
    rows.append(pair(train, declaration(ENG)["udhr/11"], "x"))
    assert reasons(EvaluationOverlap(), *rows, languages=(ENG, SPA)) == ["evaluation_overlap", "", "evaluation_overlap"]
    assert reasons(EvaluationOverlap(), *rows, languages=(ENG, Lang("cat"))) == ["", "", "evaluation_overlap"]
    assert reasons(EvaluationOverlap(), *rows, languages=(Lang("swe"), Lang("isl"))) == ["", "", ""]


def test_every_row_of_further_texts_is_known(tmp_path: Path):
    train = names_in("train", 1)[0]
    (tmp_path / "mine.es.txt").write_text(f"{TEN}\n\nOtra cosa.")
    (tmp_path / "pairs.tsv").write_text("a b c d e f g h i j\tx\n")
    texts = (Text(path=tmp_path / "mine.{lang}.txt"), Parallel(path=tmp_path / "pairs.tsv"))
    rows = [text(train, f"Hoy: {TEN}."), text(train, "Otra cosa."), pair(train, "A b c d e f g h i j!", "y")]
    found = reasons(EvaluationOverlap(texts=texts), *rows, languages=(ENG, SPA))
    assert found == ["evaluation_overlap", "", "evaluation_overlap"]
    assert reasons(EvaluationOverlap(), *rows, languages=(ENG, SPA)) == ["", "", ""]


def test_further_texts_that_are_missing_are_found_before_the_run(tmp_path: Path):
    one = EvaluationOverlap(texts=(Text(path=tmp_path / "mine.txt"),))
    with pytest.raises(FileNotFoundError, match=r"mine\.txt"):
        one.check((ENG, SPA))
