"""Questions about pages: what is asked, who answers, and which pages are taken."""

from pathlib import Path

import pytest
from tiny_rows import ENG, SPA

from polydistill.records import Lang
from polydistill.sources import BadInput, Languages
from polydistill.sources.mallard import Mallard
from polydistill.sources.page_questions import PageQuestions

PAGE = (
    """<page xmlns="http://projectmallard.org/1.0/" id="{id}"><info><desc>{desc}</desc></info><title>{title}</title></page>"""
)
SAID = {
    "C": {"fonts": ("Fonts", "Choose how letters look."), "sound": ("Sound", "Hear what happens.")},
    "es": {"fonts": ("Tipos", "Elija cómo se ven las letras.")},
}


def asked(folder: Path, into: str = "spa") -> PageQuestions:
    for lang, pages in SAID.items():
        for name, (title, desc) in pages.items():
            file = folder / lang / "guide" / f"{name}.page"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(PAGE.format(id=name, title=title, desc=desc), "utf-8")
    return PageQuestions(pages=Mallard(folder=folder, documents=("guide",)), translated_into=Lang(into))


def test_people_answer_in_the_rich_language_what_is_asked_about_a_translated_page(tmp_path: Path):
    (row,) = asked(tmp_path).read(Languages(ENG))
    assert "“Fonts”" in row.payload.question.text
    assert row.payload.answer.text == "Choose how letters look."
    assert row.payload.answer.lang == ENG
    assert row.lineage.author == "people"
    assert row.lineage.question == "page-guide/fonts"


def test_the_question_is_the_pages_own_so_that_its_split_is_the_same(tmp_path: Path):
    source = asked(tmp_path)
    (row,) = source.read(Languages(ENG))
    assert row.lineage.question in {one.lineage.question for one in source.pages.read(Languages(ENG, (SPA,)))}


def test_no_page_in_the_language_is_said(tmp_path: Path):
    with pytest.raises(BadInput, match="no pages in German"):
        list(asked(tmp_path, "deu").read(Languages(ENG)))
    (tmp_path / "es" / "guide" / "fonts.page").write_text(PAGE.format(id="fonts", title="", desc=""), "utf-8")
    source = PageQuestions(pages=Mallard(folder=tmp_path, documents=("guide",)), translated_into=SPA)
    with pytest.raises(BadInput):
        list(source.read(Languages(ENG)))
