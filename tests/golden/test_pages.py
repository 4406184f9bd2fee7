"""Pages: a title and a description of one page belong together, in each pair of languages."""

from tiny_rows import CAT, ENG, SPA

from polydistill.pages import pages
from polydistill.records import Lang, Lineage, Parallel, Row


def said(page: str, note: str, source: str, target: str, lang: Lang = SPA, rejected: str = "") -> Row:
    payload = Parallel(source=source, target=target, source_lang=ENG, target_lang=lang, note=note)
    return Row(id=f"{page}-{note}-{lang}", lineage=Lineage(question=page), payload=payload, rejected=rejected)


def test_a_page_has_its_title_and_its_description_in_both_languages():
    rows = [
        said("a", "title", "Fonts", "Tipos"), said("b", "title", "Sound", "Sonido"), said("a", "paragraph", "x", "y"),
        said("b", "description", "Hear it.", "Óyelo."), said("a", "description", "Read it.", "Léelo."),
    ]  # fmt: skip
    found = list(pages(rows))
    assert [page.id for page in found] == ["b", "a"]
    assert found[1].titles == {ENG: "Fonts", SPA: "Tipos"}
    assert found[1].descriptions == {ENG: "Read it.", SPA: "Léelo."}


def test_each_language_has_its_own_page():
    rows = [said("a", note, "x", lang, lang) for lang in (SPA, CAT) for note in ("title", "description")]
    assert [page.target for page in pages(rows)] == [SPA, CAT]


def test_a_page_without_both_is_none():
    assert not list(pages([said("a", "title", "x", "y"), said("b", "description", "x", "y")]))
    assert not list(pages([said("a", "title", "x", "y"), said("a", "description", "x", "y", rejected="copied_source")]))


def test_a_question_holds_the_title_and_is_the_same_paraphrase_in_every_language():
    rows = [said(page, note, "Fonts", "Tipos") for page in "abcdefgh" for note in ("title", "description")]
    asked = [(page.question(ENG), page.question(SPA)) for page in pages(rows)]
    assert all("“Fonts”" in english and "«Tipos»" in spanish for english, spanish in asked)
    assert len(set(asked)) == len({english for english, _ in asked}) > 2


def test_without_a_prompt_the_bare_title_is_asked():
    thai = Lang("tha")
    rows = [said("a", note, "Fonts", "แบบอักษร", thai) for note in ("title", "description")]
    assert next(pages(rows)).question(thai) == "แบบอักษร"
