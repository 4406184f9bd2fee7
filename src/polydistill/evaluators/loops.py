"""Answers that go round in circles or never end."""

from collections.abc import Iterable, Sequence

from ..component import Count
from ..engines import OpenEngine, Sampling
from ..records import Lang, Row
from ..texts import loops
from . import HELDOUT, Evaluator, Score, heldout_chats, shares


class Loops(Evaluator):
    """Shares in [0, 1] of answers to held-out questions; lower is better.

    ``looping_answers``: some run of 4 words stands in the answer at least 4 times (see `polydistill.texts.loops` for scripts
    without spaces). ``unfinished_answers``: the model had not ended the answer when the length limit cut it. An empty
    answer does neither.
    """

    items: Count = 40
    """Questions a language; the same ones in every language as far as they exist."""
    sampling: Sampling = HELDOUT
    """How answers are drawn."""

    def __call__(self, engine: OpenEngine, languages: Sequence[Lang], heldout: Iterable[Row]) -> list[Score]:
        scores = []
        for lang, asked in heldout_chats(heldout, languages, self.items).items():
            answers = engine.answer([held.chat for held in asked], self.sampling)
            texts = [answer.text for answer in answers]
            looping = [float(loops(text)) for text in texts]
            cut = [float(not answer.ended) for answer in answers]
            limit = f"limit {self.sampling.max_tokens} tokens"
            meaning = f"a 4-gram of words at least 4 times; {limit}"
            scores += shares("looping_answers", lang, asked, texts, looping, False, meaning)
            scores += shares("unfinished_answers", lang, asked, texts, cut, False, limit)
        return scores

    def sizes(self, languages: Sequence[Lang]) -> dict[str, tuple[str, int]]:
        return {"looping_answers": ("share", self.items), "unfinished_answers": ("share", self.items)}
