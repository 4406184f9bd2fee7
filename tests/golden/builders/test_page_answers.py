"""Answers about pages by people, in either language."""

from tiny_rows import CAT, ENG, SPA

from polydistill.builders.page_answers import PageAnswers
from polydistill.records import Lang, Lineage, Parallel, Row


def page(name: str, lang: Lang) -> list[Row]:
    said = {"title": ("Fonts", "Tipos"), "description": ("Read it.", "Léelo.")}
    return [
        Row(id=f"{name}-{note}-{lang}", lineage=Lineage(question=name),
            payload=Parallel(source=one, target=other, source_lang=ENG, target_lang=lang, note=note))
        for note, (one, other) in said.items()
    ]  # fmt: skip


def test_a_page_is_asked_about_and_answered_in_the_target_language():
    (row,) = PageAnswers()(page("a", SPA))
    assert row.payload.question.lang == row.payload.answer.lang == SPA
    assert "«Tipos»" in row.payload.question.text
    assert row.payload.answer.text == "Léelo."
    assert row.lineage.builder == "page"
    assert row.lineage.author == "people"


def test_in_the_rich_language_a_page_stands_once_however_many_translations_it_has():
    rows = list(PageAnswers(target=1, rich=1)([*page("a", SPA), *page("a", CAT)]))
    assert [(row.lineage.builder, str(row.payload.answer.lang)) for row in rows] == [
        ("page", "spa"), ("page_rich", "eng"), ("page", "cat"),
    ]  # fmt: skip
    assert len({row.id for row in rows}) == 3


def test_what_has_no_share_is_not_made():
    assert [row.lineage.builder for row in PageAnswers(target=0, rich=1)(page("a", SPA))] == ["page_rich"]
