"""Pages that people wrote and translated: their titles and descriptions, and what one asks about them."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from .prompts import prompt_language, prompts
from .records import Lang, Parallel, Row, seed_of


class Page(NamedTuple):
    """A page's title and description in two languages."""

    row: Row
    """The row of its description."""
    rich: Lang
    target: Lang
    titles: dict[Lang, str]
    descriptions: dict[Lang, str]

    @property
    def id(self) -> str:
        """What its translations share."""
        return self.row.lineage.question

    def question(self, lang: Lang) -> str:
        """Asks what the page is about: one of several paraphrases, the same for a page in every language.

        The bare title where no prompts are shipped in the language.
        """
        title = self.titles[lang]
        if prompt_language("page_questions", lang).alpha3 != lang.alpha3:
            return title
        choices = prompts("page_questions", lang)
        return choices[seed_of(self.id, "page_questions") % len(choices)].format(title=title)


def pages(rows: Iterable[Row]) -> Iterator[Page]:
    """The pages whose ``Parallel`` rows hold a title and a description, one for each pair of languages."""
    open_pages: dict[tuple[str, Lang], dict[str, tuple[Row, Parallel]]] = {}
    for row in rows:
        said = row.payload
        if row.rejected or said.type != "parallel" or said.note not in ("title", "description"):
            continue
        found = open_pages.setdefault((row.lineage.question, said.target_lang), {})
        found.setdefault(said.note, (row, said))
        if len(found) == 2:
            (_, title), (described, text) = found.pop("title"), found.pop("description")
            rich, target = text.source_lang, text.target_lang
            yield Page(
                described, rich, target, {rich: title.source, target: title.target}, {rich: text.source, target: text.target}
            )
