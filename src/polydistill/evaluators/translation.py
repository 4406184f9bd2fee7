"""Translation of held-out sentences, both ways."""

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from ..component import Count
from ..engines import OpenEngine, Sampling
from ..prompts import language_name, prompt_language, prompts
from ..records import Chat, Lang, Row, Split, Turn, digest
from ..sources import Source
from . import PROSE, Evaluator, Item, Score, choose, heldout_rows, note, readable, sides
from ._overlap import bleu, chrf

UNITS = {"chrf": "chrF++", "bleu": "BLEU"}


class Translation(Evaluator):
    """chrF++ and BLEU, both in [0, 100], of greedy translations between the rich language and each target.

    ``translation_from_eng_chrf`` in Spanish is English into Spanish, ``translation_from_spa_chrf`` in English the way back.
    The instruction is in the language of the text (English where it has none) and is worded as no training prompt is. Titles,
    headings, descriptions and what stands, nearly word for word, in another split as well are left out.

    Paper: see `evaluators._overlap`.
    Checked: against sacrebleu.
    """

    version: ClassVar[int] = 3

    pairs: Source
    """Where the human translations come from: parallel rows between the rich language and the targets."""
    items: Count = 16
    """Texts each way; the same ones for every target as far as they exist."""
    split: Split = "test"
    """Which texts to measure on; ``development`` for tuning."""
    longest: Count = 160
    """The longest text on either side, in characters, so that ``max_tokens`` is enough for its translation."""
    max_tokens: Count = 64
    """The longest translation, in tokens."""

    def __call__(self, engine: OpenEngine, languages: Sequence[Lang], heldout: Iterable[Row]) -> list[Score]:
        rich = languages[0]
        found = self._pairs(languages)
        scores = []
        for target, pairs in found.items():
            chosen = choose(pairs, list(found.values()), self.items)
            for source, into, of in ((rich, target, 0), (target, rich, 1)):
                if chosen:
                    texts, humans = [pairs[key][of] for key in chosen], [pairs[key][1 - of] for key in chosen]
                    scores += self._one_way(engine, source, into, chosen, texts, humans)
        return scores

    def _one_way(
        self, engine: OpenEngine, source: Lang, into: Lang, keys: list[str], texts: list[str], humans: list[str]
    ) -> list[Score]:
        asked_in = prompt_language("translate_heldout", source)
        template = prompts("translate_heldout", source)[0]
        names = {"source": language_name(source, asked_in), "target": language_name(into, asked_in)}
        asked = [template.format(text=text, **names) for text in texts]
        chats = [Chat(turns=(Turn(role="user", text=question, lang=asked_in),)) for question in asked]
        answers = [answer.text for answer in engine.answer(chats, Sampling(max_tokens=self.max_tokens))]
        scores = []
        for name, measured in (("chrf", chrf(answers, humans)), ("bleu", bleu(answers, humans))):
            results = zip(keys, asked, answers, humans, measured.items, strict=True)
            scores.append(Score(
                name=f"translation_from_{source}_{name}", lang=into, value=measured.value, unit=UNITS[name],
                higher_is_better=True, n=len(keys), standard_error=measured.standard_error, combine=name,
                note=f"greedy; asked in {asked_in.english_name}; {measured.signature}; standard error by bootstrap over texts",
                items=tuple(
                    Item(id=i, value=v, group=i.rpartition("/")[0], prompt=q, answer=a, reference=h)
                    for i, q, a, h, v in results
                ),
            ))  # fmt: skip
        return scores

    def _pairs(self, languages: Sequence[Lang]) -> dict[Lang, dict[str, tuple[str, str]]]:
        """(rich text, target text) by a key that all targets share, for each target."""
        rich = languages[0]
        found: dict[Lang, dict[str, tuple[str, str]]] = {target: {} for target in languages[1:]}
        for row in heldout_rows(self.pairs, languages, self.split):
            said = sides(row)
            other = next((lang for lang in said if lang != rich), rich)
            if rich in said and other in found and note(row) in PROSE and 0 < max(map(len, said.values())) <= self.longest:
                found[other].setdefault(f"{row.lineage.question}/{digest(said[rich])[:8]}", (said[rich], said[other]))
        return found

    def sizes(self, languages: Sequence[Lang]) -> dict[str, tuple[str, int]]:
        return {
            f"translation_from_{source}_{name}": (unit, self.items)
            for source in languages for name, unit in UNITS.items()
        }  # fmt: skip

    def check(self, languages: Sequence[Lang]) -> None:
        readable(self.pairs, languages)

    def about(self) -> dict[str, Any]:
        return {"pairs": self.pairs.name()}
