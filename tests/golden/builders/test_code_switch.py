from pathlib import Path

import pytest
from pydantic import ValidationError
from tiny_rows import CAT, ENG, SPA, chat

from polydistill.builders.code_switch import CodeSwitch
from polydistill.prompts import prompts

ONE = chat("q", ENG, "I like bread. Why is it good? Tell me.", "So.")
OTHER = chat("q", SPA, "Me gusta el pan. ¿Por qué es bueno? Dímelo.", "Así.")
PIECES = [("I like bread.", "Me gusta el pan."), ("Why is it good?", "¿Por qué es bueno?"), ("Tell me.", "Dímelo.")]


def mixed(number: int, **settings: object) -> str:
    (row,) = CodeSwitch(**settings)([ONE.but(id=f"q{number}"), OTHER.but(id=f"q{number}-spa")])
    assert row.lineage.builder == "code_switch_sentence"
    assert (row.payload.answer.text, row.payload.answer.lang) == ("Así.", SPA)
    return row.payload.question.text


def test_some_sentences_and_never_all_stand_in_their_translation():
    instructions = {said.format(language="español") for said in prompts("answer_in", SPA)}
    seen = set()
    for number in range(60):
        text = mixed(number)
        (instruction,) = {said for said in instructions if text.endswith(f" {said}")}
        body = text.removesuffix(f" {instruction}")
        chosen = tuple(number for number, (_, other) in enumerate(PIECES) if other in body)
        assert body == " ".join(other if number in chosen else one for number, (one, other) in enumerate(PIECES))
        seen.add(chosen)
    assert seen == {(0,), (1,), (2,), (0, 1), (0, 2), (1, 2)}


@pytest.mark.parametrize("fraction", [0.0, 1.0])
def test_at_the_ends_one_sentence_is_replaced(fraction: float):
    for number in range(20):
        assert sum(other in mixed(number, fraction=fraction) for _, other in PIECES) == 1


def test_a_question_of_one_sentence_stays_out():
    assert list(CodeSwitch()([chat("q", ENG, "Why?", "So."), chat("q", SPA, "¿Por qué?", "Así.")])) == []


def test_sentences_that_do_not_line_up_stay_out():
    assert list(CodeSwitch()([ONE, chat("q", SPA, "Me gusta el pan. ¿Por qué?", "Así.")])) == []


def test_by_word_the_dictionary_replaces_some_words_and_never_all_it_knows(tmp_path: Path):
    (tmp_path / "words.tsv").write_text("like\tgusta\nis\tes\n")
    found = set()
    for number in range(20):
        (row,) = CodeSwitch(by="word", dictionary=tmp_path / "words.tsv")(
            [ONE.but(id=f"q{number}"), OTHER.but(id=f"q{number}-spa")]
        )
        assert row.lineage.builder == "code_switch_word"
        found.add(row.payload.question.text[: len("I gusta bread. Why is it good? Tell me.")].strip())
    assert found == {"I gusta bread. Why is it good? Tell me.", "I like bread. Why es it good? Tell me."}


def test_by_word_each_target_language_has_its_own_dictionary(tmp_path: Path):
    (tmp_path / "words.es.tsv").write_text("like\tgusta\nbread.\tpan.\n")
    (tmp_path / "words.ca.tsv").write_text("like\tagrada\nbread.\tpa.\n")
    builder = CodeSwitch(by="word", dictionary=tmp_path / "words.{lang}.tsv", fraction=0.5)
    spanish, catalan = builder([ONE, OTHER, chat("q", CAT, "M'agrada el pa.", "Així.")])
    assert ("gusta" in spanish.payload.question.text) != ("pan." in spanish.payload.question.text)
    assert ("agrada" in catalan.payload.question.text) != ("pa." in catalan.payload.question.text)


@pytest.mark.parametrize(
    "settings", [{"by": "word"}, {"dictionary": "words.tsv"}, {"by": "sentence", "dictionary": "words.tsv"}]
)
def test_words_need_a_dictionary_and_sentences_none(settings: dict[str, str]):
    with pytest.raises(ValidationError, match="give both by: word and dictionary: FILE, or neither"):
        CodeSwitch(**settings)


def test_the_dictionary_counts_by_its_content(tmp_path: Path):
    (tmp_path / "words.tsv").write_text("a\tb\n")
    builder = CodeSwitch(by="word", dictionary=tmp_path / "words.tsv")
    before = builder.identity()
    (tmp_path / "words.tsv").write_text("a\tc\nd\te\n")
    assert builder.identity() != before
