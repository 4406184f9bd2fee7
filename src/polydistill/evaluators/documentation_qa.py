"""Questions about pages of documentation, answered by people in every language."""

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, NamedTuple

from ..component import Count
from ..engines import OpenEngine, Sampling
from ..prompts import prompt_language, prompts
from ..records import Chat, Lang, Row, Split, Turn
from ..sources import Source
from . import Evaluator, Item, Score, bits, choose, heldout_rows, note, ratio, readable, sides
from ._overlap import chrf_score


class Page(NamedTuple):
    """A page with the question about it and the description that people wrote."""

    id: str
    chat: Chat
    human: str


class DocumentationQa(Evaluator):
    """How well the model says in a sentence what a page explains, against the description that people wrote for it.

    Asked with the page's title, in the page's language. ``documentation_qa_bits``: bits per character of the human
    description as the answer, ``sum -log2 p(description | question) / sum characters``; the headline, as it moves
    long before the wording of generated answers does. ``documentation_qa_chrf``: chrF++ in [0, 100] of the greedy answer
    against the description. A page counts in a language if it has title and description there and the description is
    neither the rich language's nor one that stands, nearly word for word, in another split too.

    Paper: for chrF++ see `evaluators._overlap`.
    Checked: by hand on a model that gives every character one bit; against sacrebleu.
    """

    version: ClassVar[int] = 3

    pages: Source
    """Where the pages come from: parallel rows noted ``title`` and ``description``, with the page as their question."""
    items: Count = 100
    """Pages a language; the same ones in every language as far as they exist."""
    generated: Count = 32
    """Pages of these to generate an answer for."""
    split: Split = "test"
    """Which pages to measure on; ``development`` for tuning."""
    max_tokens: Count = 40
    """The longest answer, in tokens."""

    def __call__(self, engine: OpenEngine, languages: Sequence[Lang], heldout: Iterable[Row]) -> list[Score]:
        found = self._pages(languages)
        scores = []
        for lang in languages:
            own = prompt_language("documentation_qa", lang).alpha3 == lang.alpha3
            template = prompts("documentation_qa", lang)[0] if own else "{title}"
            asked = "" if own else f"no question is shipped in {lang.english_name}: asked with the bare title; "
            pages = []
            for page in choose(found[lang], list(found.values()), self.items):
                title, human = found[lang][page]
                turn = Turn(role="user", text=template.format(title=title), lang=lang)
                pages.append(Page(page, Chat(turns=(turn,)), human))
            if pages:
                scores += [
                    self._bits(engine, lang, pages, asked),
                    self._generated(engine, lang, pages[: self.generated], asked),
                ]
        return scores

    def _bits(self, engine: OpenEngine, lang: Lang, pages: Sequence[Page], asked: str) -> Score:
        spent = bits(engine, [page.chat for page in pages], [page.human for page in pages])
        value, error = ratio(spent, [len(page.human) for page in pages])
        return Score(
            name="documentation_qa_bits", lang=lang, value=value, unit="bits per character", higher_is_better=False,
            n=len(pages), standard_error=error, headline=True, note=f"{asked}human descriptions of {self.split} pages",
            items=tuple(
                Item(
                    id=page.id, value=b / len(page.human), weight=len(page.human),
                    prompt=page.chat.question.text, reference=page.human,
                )
                for page, b in zip(pages, spent, strict=True)
            ),
        )  # fmt: skip

    def _generated(self, engine: OpenEngine, lang: Lang, pages: Sequence[Page], asked: str) -> Score:
        chats = [page.chat for page in pages]
        answers = [answer.text for answer in engine.answer(chats, Sampling(max_tokens=self.max_tokens))]
        ids, human = [page.id for page in pages], [page.human for page in pages]
        return chrf_score("documentation_qa_chrf", lang, ids, chats, answers, human, f"{asked}greedy")

    def _pages(self, languages: Sequence[Lang]) -> dict[Lang, dict[str, tuple[str, str]]]:
        """Title and description by page, by language."""
        parts: dict[Lang, dict[str, dict[str, str]]] = {lang: {} for lang in languages}
        for row in heldout_rows(self.pages, languages, self.split):
            said, part = sides(row), note(row)
            untranslated = len(set(said.values())) < len(said)
            if part == "title" or (part == "description" and not untranslated):
                for lang in parts.keys() & said.keys():
                    parts[lang].setdefault(row.lineage.question, {}).setdefault(part, said[lang].strip())
        return {
            lang: {page: (p["title"], p["description"]) for page, p in pages.items() if p.get("title") and p.get("description")}
            for lang, pages in parts.items()
        }

    def sizes(self, languages: Sequence[Lang]) -> dict[str, tuple[str, int]]:
        return {
            "documentation_qa_bits": ("bits per character", self.items),
            "documentation_qa_chrf": ("chrF++", min(self.generated, self.items)),
        }

    def check(self, languages: Sequence[Lang]) -> None:
        readable(self.pages, languages)

    def about(self) -> dict[str, Any]:
        return {"pages": self.pages.name()}
