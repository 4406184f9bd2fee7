from tiny_rows import ENG, SPA, chat, pair, text

from polydistill.builders.translation_rows import TranslationRows
from polydistill.prompts import prompts
from polydistill.records import Lang

PAIR = pair("p", "It rains.", "Llueve.")


def test_each_pair_once_in_each_direction():
    there, back = TranslationRows()([PAIR])
    assert (there.id, back.id) == ("p-spa-translate_to_target", "p-spa-translate_to_rich")
    assert (there.payload.answer.text, there.payload.answer.lang) == ("Llueve.", SPA)
    assert (back.payload.answer.text, back.payload.answer.lang) == ("It rains.", ENG)
    assert "It rains." in there.payload.question.text
    assert "Llueve." not in there.payload.question.text
    assert (there.lineage.author, there.lineage.question) == ("people", "p")
    assert [row.lineage.builder for row in TranslationRows(to_target=0)([PAIR])] == ["translate_to_rich"]
    assert [row.lineage.builder for row in TranslationRows(to_rich=0)([PAIR])] == ["translate_to_target"]


def test_instructions_are_paraphrased_in_both_languages():
    names = {"eng": ("English", "Spanish"), "spa": ("inglés", "español")}
    expected = {
        said.format(source=names[lang][0], target=names[lang][1], text="It rains.")
        for lang in names for said in prompts("translate", Lang(lang))
    }  # fmt: skip
    found = {row.payload.question.text for n in range(300) for row in TranslationRows(to_rich=0)([PAIR.but(id=f"p{n}")])}
    assert found == expected


def test_braces_in_a_text_stay():
    there, back = TranslationRows()([pair("p", "Press {key}.", "Pulse {key} {0}.")])
    assert "Press {key}." in there.payload.question.text
    assert "Pulse {key} {0}." in back.payload.question.text


def test_only_parallel_text_is_taken():
    assert list(TranslationRows()([chat("q", ENG, "Why?", "So."), text("t", "Llueve."), PAIR.reject("loop")])) == []
