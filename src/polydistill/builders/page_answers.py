"""Questions about pages of documentation with the answers that people wrote, in the target language itself."""

from collections.abc import Iterable, Iterator

from pydantic import NonNegativeFloat

from ..pages import pages
from ..records import Chat, Row, Turn
from . import TrainingBuilder


class PageAnswers(TrainingBuilder):
    """What is this page about? Asked with the page's title, answered with the description by people, in one language.

    Made from parallel rows noted ``title`` and ``description``. In the target language this is what translated answers can
    at best become: no model and no translator has touched it.

    Checked: the questions are those of the source `page_questions`.
    """

    target: NonNegativeFloat = 1.0
    """Share of the training tokens in the target languages."""
    rich: NonNegativeFloat = 0.0
    """Share of the training tokens in the rich language."""

    def shares(self) -> dict[str, float]:
        return {"page": self.target, "page_rich": self.rich}

    def __call__(self, rows: Iterable[Row]) -> Iterator[Row]:
        rich_pages: set[str] = set()
        for page in pages(rows):
            wanted = [(page.target, "page")] if self.target else []
            if self.rich and page.id not in rich_pages:  # once, however many languages it is translated into
                rich_pages.add(page.id)
                wanted.append((page.rich, "page_rich"))
            for lang, builder in wanted:
                asked = Turn(role="user", text=page.question(lang), lang=lang)
                yield page.row.but(
                    id=f"{page.id}-{lang}-{builder}",
                    payload=Chat(turns=(asked,)).answered(page.descriptions[lang], lang),
                    lineage={"builder": builder, "author": "people"},
                )
