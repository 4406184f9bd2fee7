from collections import Counter

import pytest

from polydistill.evaluators._people import by_people, cut, on_people
from polydistill.languages.language_id import identifier
from polydistill.records import Lang, Lineage, Row, Text

ENG, SPA, POR, GLG, HRV, SERBIAN = (Lang(code) for code in ("eng", "spa", "por", "glg", "hrv", "sr-Latn"))
LID = identifier()
BETTER = "a GlotLID file as language_fidelity's identifier may do better"
DECLARATION = {
    HRV: [
        "Sva ljudska bića rađaju se slobodna i jednaka u dostojanstvu i pravima. Ona su obdarena razumom i sviješću i "
        "treba da jedno prema drugome postupaju u duhu bratstva.",
        "Svakome su dostupna sva prava i slobode navedene u ovoj Deklaraciji bez razlike bilo koje vrste, kao što su "
        "rasa, boja, spol, jezik, vjera, političko ili drugo mišljenje, nacionalno ili društveno porijeklo, imovina, "
        "rođenje ili drugi pravni položaj.",
        "Nitko ne smije biti držan u ropstvu ili ropskom odnosu; ropstvo i trgovina robljem zabranjuju se u svim svojim "
        "oblicima.",
        "Nitko ne smije biti podvrgnut mučenju ili okrutnom, nečovječnom ili ponižavajućem postupku ili kažnjavanju.",
    ],
    SERBIAN: [
        "Sva ljudska bića rađaju se slobodna i jednaka u dostojanstvu i pravima. Ona su obdarena razumom i svešću i treba "
        "jedni prema drugima da postupaju u duhu bratstva.",
        "Svakom pripadaju sva prava i slobode proglašene u ovoj Deklaraciji bez ikakvih razlika u pogledu rase, boje, "
        "pola, jezika, veroispovesti, političkog ili drugog mišljenja, nacionalnog ili društvenog porekla, imovine, "
        "rođenja ili drugih okolnosti.",
        "Niko se ne sme držati u ropstvu ili potčinjenosti: ropstvo i trgovina robljem zabranjeni su u svim oblicima.",
        "Niko ne sme biti podvrgnut mučenju ili svirepom, nečovečnom ili ponižavajućem postupku ili kazni.",
    ],
}
"""Articles 1, 2, 4 and 5."""


def tried(*languages, texts=None):
    return on_people(languages, texts or by_people(None, languages), LID)


def test_text_is_cut_into_lines_of_5_to_25_words_in_turn():
    words = [f"w{n}" for n in range(80)]
    lines = list(cut({"a": " ".join(words), "b": "one two three four five six."}))
    # 5 + 10 + 15 + 20 + 25 words, then the last 5; the next text goes on with 10, of which there are 6.
    assert [(key, len(line.split())) for key, line in lines] == [
        ("a", 5), ("a", 10), ("a", 15), ("a", 20), ("a", 25), ("a", 5), ("b", 6),
    ]  # fmt: skip
    assert " ".join(line for key, line in lines if key == "a").split() == words
    assert lines[-1][1] == "one two three four five six"


def test_ends_that_are_too_short_are_left_out():
    assert [line for _, line in cut({"a": "one two three four five six seven eight nine"})] == ["one two three four five"]
    assert list(cut({"a": "one two", "b": ""})) == []


def test_scripts_without_spaces_are_cut_by_characters_with_their_marks():
    text = "ทุกคนย่อมมีสิทธิและอิสรภาพบรรดาที่กำหนดไว้ในปฏิญญานี้"
    lines = [line for _, line in cut({"a": text})]
    assert "".join(lines) == text
    assert lines[0] == "ทุกคนย่อมมีสิท"  # ten characters, four of them with a mark above or below


def test_a_language_that_is_told_apart_has_no_warning():
    found = tried(ENG, SPA)
    assert found[ENG].value == 1
    assert (found[ENG].warning, found[SPA].warning) == ("", "")
    assert found[SPA].value > 0.97
    assert found[SPA].note.startswith(f"of {found[SPA].n} lines by people in Spanish lid.176 recognises 9")


def test_galician_is_taken_for_its_neighbours_and_the_warning_says_how_often():
    score = tried(ENG, GLG)[GLG]
    said = Counter(item.answered_in for item in score.items)
    assert score.value == said["glg"] / score.n
    assert score.n == len(score.items) > 100
    assert 0.5 < score.value < 0.9
    (neighbour, times), *_ = [pair for pair in said.most_common() if pair[0] not in ("glg", "unknown")]
    assert neighbour in ("por", "spa")
    assert times / score.n > 0.1
    assert f"recognises {score.value:.1%} and takes {times / score.n:.1%} for {Lang(neighbour).english_name}" in score.warning
    assert score.warning.startswith("Language fidelity in Galician is in doubt")


def test_a_language_is_in_doubt_too_where_another_of_the_plan_passes_for_it():
    score = tried(ENG, POR, GLG)[POR]
    galician = tried(ENG, GLG)[GLG]
    passing = sum(item.answered_in == "por" for item in galician.items) / galician.n
    assert score.value > 0.95
    assert score.warning.endswith(f"; of lines in Galician it takes {passing:.1%} for Portuguese; {BETTER}")
    assert tried(ENG, POR)[POR].warning == ""


def test_a_region_is_no_neighbour_of_its_own_language():
    assert tried(POR, Lang("pt-BR"))[Lang("pt-BR")].warning == ""


def test_croatian_and_serbian(tools):
    rows = tuple(
        Row(id=f"{lang}-{n}", lineage=Lineage(question=f"p{n}"), payload=Text(text=text, lang=lang))
        for lang, texts in DECLARATION.items() for n, text in enumerate(texts)
    )  # fmt: skip
    texts = by_people(tools.Given(rows=rows), [HRV, SERBIAN])
    assert {lang: sorted(own.values()) for lang, own in texts.items()} == {
        lang: sorted(texts) for lang, texts in DECLARATION.items()
    }
    found = tried(HRV, SERBIAN, texts=texts)
    assert "Serbian" in found[HRV].warning
    assert "Croatian" in found[SERBIAN].warning
    assert found[HRV].value < 0.8
    assert found[SERBIAN].value < 0.5


def test_a_language_that_the_identifier_does_not_know_has_only_its_warning():
    klingon = Lang("tlh")
    score = tried(ENG, klingon)[klingon]
    assert (score.n, score.value, score.standard_error, score.items) == (0, 0, None, ())
    assert score.warning == "Language fidelity in Klingon is not measurable: lid.176 does not know it; " + BETTER
    written = on_people([klingon], {klingon: {"a": "tlhIngan maH taHjaj tlhIngan maH taHjaj"}}, LID)[klingon]
    assert (written.n, written.value, written.warning) == (1, 0, score.warning)


@pytest.mark.parametrize("texts", [{}, {Lang("tha"): {}}])
def test_a_known_language_without_text_has_no_score(texts):
    assert on_people([Lang("tha")], texts, LID) == {}
