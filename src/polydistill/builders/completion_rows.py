"""Authentic sentences cut in two: the model completes them."""

import random
from collections.abc import Iterable, Iterator

from pydantic import NonNegativeFloat

from ..prompts import prompts
from ..records import Chat, Lang, Row, Turn, seed_of
from ..texts import unspaced, words
from . import TrainingBuilder, by_people


class CompletionRows(TrainingBuilder):
    """Authentic text cut in two at a word, with an instruction to go on.

    Taken from plain target-language text and from the sides of parallel text; each text once, cut between 30 and 60 %
    of its words, or characters where no spaces part words. Texts under ``min_words`` stay out.

    Paper: Zhang et al. 2024, SDRRL, arXiv 2402.12204 (sentence completion).
    """

    target: NonNegativeFloat = 0.1
    """Share of the training tokens in the target languages."""
    rich: NonNegativeFloat = 0.0
    """Share of the training tokens in the rich language, from the other side of parallel text."""
    min_words: int = 8
    """Shorter texts are left out."""

    def shares(self) -> dict[str, float]:
        return {"complete": self.target, "complete_rich": self.rich}

    def __call__(self, rows: Iterable[Row]) -> Iterator[Row]:
        for row, text, lang, is_source in by_people(rows):
            if self.rich if is_source else self.target:
                yield from self._cut(row, text, lang, "complete_rich" if is_source else "complete")

    def _cut(self, row: Row, text: str, lang: Lang, builder: str) -> Iterator[Row]:
        found = words(text)
        if len(found) < self.min_words:
            return
        draw = random.Random(seed_of(row.id, builder))
        parts = list(text) if unspaced(found) else text.split(" ")
        at = max(1, round(len(parts) * draw.uniform(0.3, 0.6)))
        glue = "" if unspaced(found) else " "
        begin, rest = glue.join(parts[:at]), glue.join(parts[at:])
        if not begin.strip() or not rest.strip():
            return
        prompt = draw.choice(prompts("complete", lang)).format(text=begin)
        chat = Chat(turns=(Turn(role="user", text=prompt, lang=lang),)).answered(rest, lang)
        yield row.but(id=f"{row.id}-{builder}", payload=chat, lineage={"builder": builder, "author": "people"})
