import pytest

from polydistill.languages.stated_language import in_other_languages, listed
from polydistill.records import Lang
from polydistill.sources import BadInput

SPA = Lang("spa")
SPANISH = "Toda persona tiene derecho a la libertad de opinión y de expresión, y a no ser molestada por ellas."
ENGLISH = "Everyone has the right to freedom of opinion and expression, and to hold opinions without interference."
GALICIAN = "Todo individuo ten dereito á liberdade de opinión e de expresión, e a non ser molestado por elas nunca."


def of(*texts):
    return {f"i{n}": [text] for n, text in enumerate(texts)}


def test_the_stated_language_is_no_doubt():
    assert in_other_languages(of(SPANISH, SPANISH), SPA, "f") == ""
    assert in_other_languages({}, SPA, "f") == ""
    assert in_other_languages(of("Madrid", "1492"), SPA, "f") == ""


def test_a_minority_is_counted_and_named():
    said = in_other_languages(of(SPANISH, ENGLISH, SPANISH, SPANISH), SPA, "f")
    assert said == "1 of 4 items hold text that is not in Spanish (spa): i1"


def test_every_text_of_an_item_counts():
    assert "i0" in in_other_languages({"i0": [SPANISH, ENGLISH], "i1": [SPANISH], "i2": [SPANISH]}, SPA, "f")


def test_half_is_a_doubt_and_more_than_half_the_wrong_file():
    assert in_other_languages(of(SPANISH, ENGLISH), SPA, "f")
    with pytest.raises(
        BadInput, match=r"^f is said to be in Spanish \(spa\), but 2 of 3 items \(i1, i2\) are in another language"
    ):
        in_other_languages(of(SPANISH, ENGLISH, ENGLISH), SPA, "f")


def test_short_texts_are_judged_together():
    short = ENGLISH.split(", ")[0].split()
    with pytest.raises(BadInput, match="its 11 items, read as one, are in another"):
        in_other_languages(of(*short, "hold opinions without interference"), SPA, "f")


def test_no_verdict_where_the_identifier_is_weak():
    assert in_other_languages(of(ENGLISH), Lang("yor"), "f") == ""
    assert in_other_languages(of(GALICIAN), SPA, "f") == ""


def test_only_the_first_ids_are_named():
    assert listed(["a", "b"]) == "a, b"
    assert listed(list("abcdef")) == "a, b, c, d, e, ..."
