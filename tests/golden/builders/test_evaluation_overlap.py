"""The filter `evaluation_overlap` at its edges."""

from tiny_rows import names_in, pair, text

from polydistill.builders import Filter
from polydistill.builders.evaluation_overlap import EvaluationOverlap
from polydistill.records import Row

TEN = "uno dos tres cuatro cinco seis siete ocho nueve diez"


def reasons(one: Filter, *rows: Row) -> list[str]:
    return [row.rejected for row in one(rows)]


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
