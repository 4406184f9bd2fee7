import math

import pytest
import sacrebleu

from polydistill.component import find
from polydistill.records import Lang

DocumentationQa = find("evaluators", "documentation_qa")
ENG, SPA, HIN = Lang("eng"), Lang("spa"), Lang("hin")


def guide(tools, pages, lang="spa"):
    rows = []
    for page in pages:
        rows.append(tools.pair(page, f"Title of {page}", f"Título de {page}", "title", lang))
        rows.append(tools.pair(page, f"Explains {page} at length.", f"Explica {page} por extenso.", "description", lang))
    return rows


def test_bits_of_the_human_description_after_the_question(tools):
    page = tools.pages_of("test")[0]
    engine = tools.Scripted(says=lambda q: "Explica algo.", nats=lambda q, t: -1.5 * math.log(2) * len(t))
    bits_en, chrf_en, bits_es, chrf_es = DocumentationQa(pages=tools.Given(rows=tuple(guide(tools, [page]))))(
        engine, [ENG, SPA], []
    )
    assert (bits_en.name, bits_en.headline, bits_en.higher_is_better) == ("documentation_qa_bits", True, False)
    assert bits_es.value == pytest.approx(1.5)
    assert (bits_es.items[0].id, bits_es.items[0].weight) == (page, len(f"Explica {page} por extenso."))
    assert (bits_es.combine, chrf_es.combine) == ("mean", "chrf")
    assert (
        bits_es.items[0].prompt
        == f"Una página de la guía de usuario se titula «Título de {page}». Di en una frase qué explica."
    )
    assert bits_es.items[0].reference == f"Explica {page} por extenso."
    assert chrf_en.headline is chrf_es.headline is False
    expected = sacrebleu.corpus_chrf(["Explica algo."], [[f"Explica {page} por extenso."]], word_order=2).score
    assert chrf_es.value == pytest.approx(expected)
    assert engine.sampling[0].max_tokens == 40
    assert engine.sampling[0].temperature == 0


def test_pages_that_do_not_count(tools):
    first, second, third, fourth, fifth = tools.pages_of("test")[:5]
    train = tools.pages_of("train")[0]
    rows = [
        *guide(tools, [first, train]),
        tools.pair(second, "Only a title", "Solo un título", "title"),
        tools.pair(third, "Left as it was", "Dejado", "title"),
        tools.pair(third, "Untranslated text", "Untranslated text", "description"),
        tools.pair(fourth, "Said elsewhere", "Dicho", "title"),
        tools.pair(fourth, f"explains {train} at length.", "Otra cosa", "description"),
        tools.pair(fifth, f"Title of {train}", f"Título de {train}", "title"),
        tools.pair(fifth, "A title may be a trained one.", "Un título puede ser conocido.", "description"),
        tools.pair(first, "A paragraph", "Un párrafo"),
    ]
    scores = DocumentationQa(pages=tools.Given(rows=tuple(rows)))(tools.Scripted(), [ENG, SPA], [])
    assert {frozenset(item.id for item in score.items) for score in scores} == {frozenset({first, fifth})}


def test_the_same_pages_in_every_language_first(tools):
    pages = tools.pages_of("test")
    both, english_only = pages[:2], pages[2:]
    rows = [*guide(tools, both), *guide(tools, both, "cat"), *guide(tools, english_only, "cat")]
    scores = DocumentationQa(pages=tools.Given(rows=tuple(rows)), items=2, generated=1)(
        tools.Scripted(), [ENG, SPA, Lang("cat")], []
    )
    assert {frozenset(item.id for item in score.items) for score in scores if score.headline} == {frozenset(both)}
    assert [score.n for score in scores if not score.headline] == [1, 1, 1]


def test_a_language_without_a_question_is_asked_with_the_bare_title(tools):
    page = tools.pages_of("test")[0]
    engine = tools.Scripted()
    *_, bits_hi, _ = DocumentationQa(pages=tools.Given(rows=tuple(guide(tools, [page], "hin"))))(engine, [ENG, HIN], [])
    assert bits_hi.items[0].prompt == f"Título de {page}"
    assert "bare title" in bits_hi.note
