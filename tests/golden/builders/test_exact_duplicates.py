"""The filter `exact_duplicates` at its edges."""

from tiny_rows import CAT, ENG, SPA, chat, pair, text

from polydistill.builders.exact_duplicates import ExactDuplicates
from polydistill.records import Row


def reasons(*rows: Row) -> list[str]:
    return [row.rejected for row in ExactDuplicates()(rows)]


def test_case_and_white_space_make_no_difference():
    said = ["Why is it so?", "why is  it so? ", "\tWHY IS IT\nSO?", "Why is it so", "Why is itso?", "Straße", "STRASSE"]
    out = "exact_duplicate"
    assert reasons(*(text(f"t{n}", one) for n, one in enumerate(said))) == ["", out, out, "", "", "", out]


def test_the_question_decides_and_not_the_answer():
    rows = [chat("a", ENG, "Why?", "So."), chat("b", ENG, "why?", "Another."), chat("c", ENG, "Who?", "So.")]
    assert reasons(*rows) == ["", "exact_duplicate", ""]


def test_each_kind_and_language_has_its_own_texts():
    said = "Universal"
    rows = [
        chat("a", ENG, said, "So."), chat("a", SPA, said, "Así."), text("t", said), text("u", said, CAT),
        pair("p", "one", said), pair("q", said, "other", CAT), pair("r", "two", said, CAT), pair("s", "three", said),
        text("v", said, CAT),
    ]  # fmt: skip
    assert reasons(*rows) == ["", "", "", "", "", "", "", "exact_duplicate", "exact_duplicate"]


def test_a_row_that_is_out_is_not_remembered():
    rows = [text("t", "one").reject("loop"), text("u", "one"), text("v", "one")]
    assert reasons(*rows) == ["loop", "", "exact_duplicate"]


def test_a_text_with_half_a_surrogate_pair_is_a_text():
    assert reasons(text("t", "a\ud800"), text("u", "A\ud800"), text("v", "a")) == ["", "exact_duplicate", ""]
