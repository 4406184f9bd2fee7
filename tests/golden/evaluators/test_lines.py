import pytest

from polydistill.evaluators._lines import judgeable, judged, label_of, language_of
from polydistill.languages.language_id import identifier
from polydistill.records import Lang

SPANISH = "La casa de mi abuela está cerca del río y tiene un jardín muy bonito."
ENGLISH = "The house of my grandmother is close to the river and has a nice garden."
LID = identifier()


@pytest.mark.parametrize(
    ("answer", "lines"),
    [
        ("one two three four\none two three four five", ["one two three four five"]),
        ("a, b. c! d? - ...", []),  # a lone dash is no word once punctuation is gone
        ("one—two three four five", ["one two three four five"]),
        ("one two three four five\nQ: six seven eight nine ten", ["one two three four five"]),
        ("一二三四五", []),
        ("一二三四五六", ["一二三四五六"]),
        ("", []),
    ],
)
def test_lines_that_are_judged(answer, lines):
    assert judgeable(answer) == lines


def test_by_spaces_is_the_authors_rule_in_every_script():
    assert judgeable("一二三四五六", by_spaces=True) == []
    assert judgeable("一 二 三 四 五", by_spaces=True) == ["一 二 三 四 五"]


def test_a_line_needs_the_label_and_the_score():
    assert label_of(SPANISH, LID) == "es"
    assert label_of("hm", LID) == ""
    assert label_of("1 2 3 4 5", LID) == ""


def test_a_wanted_language_keeps_its_script_and_region_and_others_are_what_the_label_says():
    assert language_of("pt", Lang("pt-BR"), LID) == "por-BR"
    assert language_of("pt", Lang("spa"), LID) == "por"
    assert language_of("sh", Lang("srp"), LID) == "srp-Latn"
    assert language_of("", Lang("spa"), LID) == "unknown"


@pytest.mark.parametrize(
    ("answer", "right", "passes", "answered_in"),
    [
        (f"{SPANISH}\nSí.\n{SPANISH}", 1, 1, "spa"),
        (ENGLISH, 0, 0, "eng"),
        (f"{SPANISH}\n{ENGLISH}", 0.5, 0, "mixed"),
        (f"{SPANISH}\n1 2 3 4 5", 0.5, 0, "mixed"),
        ("1 2 3 4 5", 0, 0, "unknown"),
        ("Sí, claro.", None, None, ""),
    ],
)
def test_an_answer(answer, right, passes, answered_in):
    found = judged(answer, Lang("spa"), LID)
    assert (found.right, found.passes, found.answered_in) == (right, passes, answered_in)
