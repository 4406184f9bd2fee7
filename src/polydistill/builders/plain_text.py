"""Authentic text as it is, every token of it learned."""

from collections.abc import Iterable, Iterator

from pydantic import NonNegativeFloat

from ..component import Count
from ..records import Row, Text
from ..texts import words
from . import TrainingBuilder, by_people


class PlainText(TrainingBuilder):
    """Plain text by people, without a question: further pre-training on a share of the tokens.

    Taken from plain text and from the sides of parallel text. It moves the likelihood of authentic text most, in the
    target language and, from the other side, in the rich one; it counters what machine translation does to the language.

    Paper: none; in place of more of SDRRL's completion rows (arXiv 2402.12204).
    """

    target: NonNegativeFloat = 0.1
    """Share of the training tokens in the target languages."""
    rich: NonNegativeFloat = 0.0
    """Share of the training tokens in the rich language, from the other side of parallel text."""
    min_words: Count = 8
    """Shorter texts are left out."""

    def shares(self) -> dict[str, float]:
        return {"plain": self.target, "plain_rich": self.rich}

    def __call__(self, rows: Iterable[Row]) -> Iterator[Row]:
        for row, text, lang, is_source in by_people(rows):
            if (self.rich if is_source else self.target) and len(words(text)) >= self.min_words:
                builder = "plain_rich" if is_source else "plain"
                payload = Text(text=text, lang=lang)
                yield row.but(id=f"{row.id}-{builder}", payload=payload, lineage={"builder": builder, "author": "people"})
