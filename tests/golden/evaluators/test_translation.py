import pytest
import sacrebleu

from polydistill.component import find
from polydistill.prompts import prompts
from polydistill.records import Lang

Translation = find("evaluators", "translation")
ENG, SPA, CAT = Lang("eng"), Lang("spa"), Lang("cat")


def test_both_ways_as_sacrebleu_measures_them(tools):
    pages = tools.pages_of("test")[:4]
    rows = tuple(
        tools.pair(page, f"The white house of {page} is old.", f"La casa blanca de {page} es vieja.") for page in pages
    )
    says = {"Write": "La casa blanca es muy vieja.", "Escri": "The white house of page9 is old."}
    engine = tools.Scripted(says=lambda q: says[q[:5]])
    scores = {score.name: score for score in Translation(pairs=tools.Given(rows=rows))(engine, [ENG, SPA], [])}
    assert set(scores) == {f"translation_from_{code}_{name}" for code in ("eng", "spa") for name in ("chrf", "bleu")}
    into = scores["translation_from_eng_chrf"]
    assert {name: score.combine for name, score in scores.items()} == {name: name[-4:].strip("_") for name in scores}
    assert [item.group for item in into.items] == [item.id.split("/")[0] for item in into.items]
    assert {item.group for item in into.items} == set(pages)
    assert into.lang == SPA
    assert scores["translation_from_spa_bleu"].lang == ENG
    humans = [item.reference for item in into.items]
    assert sorted(humans) == sorted(f"La casa blanca de {page} es vieja." for page in pages)
    answers = [says["Write"]] * 4
    assert into.value == pytest.approx(sacrebleu.corpus_chrf(answers, [humans], word_order=2).score)
    assert scores["translation_from_eng_bleu"].value == pytest.approx(sacrebleu.corpus_bleu(answers, [humans]).score)
    assert "nw:2" in into.note
    assert "tok:13a" in scores["translation_from_eng_bleu"].note
    first = into.items[0]
    assert first.prompt.startswith("Write a Spanish version of the following text, which is in English:\n\nThe white house")
    back = scores["translation_from_spa_chrf"].items[0].prompt
    assert back.startswith("Escribe una versión en inglés del siguiente texto, que está en español:\n\nLa casa blanca")


def test_what_is_left_out(tools):
    page, other = tools.pages_of("test")[:2]
    rows = (
        tools.pair(page, "A title", "Un título", "title"),
        tools.pair(page, "x" * 41, "corto"),
        tools.pair(page, "short", "y" * 41),
        tools.pair(page, "kept text", "texto guardado"),
        tools.pair(other, "trained text", "texto visto"),
        tools.pair(tools.pages_of("train")[0], "trained text", "otra"),
        tools.pair(page, "in Catalan", "en català", lang="cat"),
    )
    scores = Translation(pairs=tools.Given(rows=rows), longest=40)(tools.Scripted(), [ENG, SPA], [])
    assert {item.reference for score in scores for item in score.items} == {"kept text", "texto guardado"}
    assert Translation(pairs=tools.Given(rows=()))(tools.Scripted(), [ENG, SPA], []) == []


def test_several_targets_are_named_apart_and_share_texts(tools):
    pages = tools.pages_of("test")[:6]
    rows = [tools.pair(page, f"Text {page}", f"Texto {page}") for page in pages]
    rows += [tools.pair(page, f"Text {page}", f"Text català {page}", lang="cat") for page in pages[2:]]
    scores = Translation(pairs=tools.Given(rows=tuple(rows)), items=4)(tools.Scripted(), [ENG, SPA, CAT], [])
    assert len({(score.name, score.lang) for score in scores}) == 8
    assert len({tuple(item.id for item in score.items) for score in scores}) == 1


def test_the_instruction_is_none_of_the_training_ones():
    for code in ["eng", "spa", "cat", "glg", "epo", "swa", "por", "fra", "deu", "ita"]:
        assert not set(prompts("translate_heldout", Lang(code))) & set(prompts("translate", Lang(code)))


def test_its_sizes_are_named_for_each_way(tools):
    sizes = Translation(pairs=tools.Given(rows=()), items=9).sizes([ENG, SPA])
    assert sizes == {
        "translation_from_eng_chrf": ("chrF++", 9), "translation_from_eng_bleu": ("BLEU", 9),
        "translation_from_spa_chrf": ("chrF++", 9), "translation_from_spa_bleu": ("BLEU", 9),
    }  # fmt: skip
