"""The generated pages are what the code gives now."""

from pathlib import Path

from polydistill import catalogue

DOCS = Path(__file__).parents[1] / "docs"


def test_components_page_is_current():
    assert (DOCS / "components.md").read_text("utf-8") == catalogue.components(), "run: make docs"


def test_papers_page_is_current():
    assert (DOCS / "papers.md").read_text("utf-8") == catalogue.papers(), "run: make docs"
