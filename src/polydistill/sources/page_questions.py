"""Questions about pages of documentation, with what people wrote as reference answers."""

from collections.abc import Iterator
from typing import Any

from ..pages import pages
from ..records import Chat, Lang, Lineage, Row, Turn
from . import BadInput, Languages, Source


class PageQuestions(Source):
    """What is this page about? Asked with the page's title in the rich language; the reference is its description by people.

    One question a page, one of several paraphrases by the page's id, none of them the one that `documentation_qa` measures
    with. Taken are the pages that have title and description in ``translated_into`` as well, so that arms that learn from the
    human translation have the same questions as arms that do not.
    """

    pages: Source
    """Where the pages come from: parallel rows noted ``title`` and ``description``, with the page as their question."""
    translated_into: Lang
    """A language that the pages are translated into."""

    def read(self, languages: Languages) -> Iterator[Row]:
        found = 0
        for page in pages(self.pages.read(Languages(languages.rich, (self.translated_into,)))):
            found += 1
            asked = Turn(role="user", text=page.question(page.rich), lang=page.rich)
            chat = Chat(turns=(asked,)).answered(page.descriptions[page.rich], page.rich)
            yield Row(
                id=f"q-{page.id}", lineage=Lineage(question=page.id, source="page_questions", author="people"), payload=chat
            )
        if not found:
            raise BadInput(f"{self.pages.name()} has no page with title and description in {', '.join(languages)}")

    def about(self) -> dict[str, Any]:
        return self.pages.about()
