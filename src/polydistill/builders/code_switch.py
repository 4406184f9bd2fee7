"""Questions and answers in which some sentences or words are in the other language."""

import random
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

from pydantic import NonNegativeFloat

from ..component import Fraction
from ..dictionaries import read_dictionary
from ..guard import split
from ..prompts import language_name, prompt_language, prompts
from ..records import Chat, Row, Turn, seed_of
from . import TrainingBuilder, by_question


class CodeSwitch(TrainingBuilder):
    """The question in two languages at once, the answer wholly in the target language.

    By sentence: a fraction of the question's sentences stands in its translation, taken from the pieces that the
    translation was made in. By word: a fraction of its words, from a dictionary. A question of one sentence stays out
    by sentence. An instruction says which language to answer in, so that mixed input does not teach mixed output.

    Paper: Zhang et al. 2024, SDRRL, arXiv 2402.12204 (code switching is named; its level was not at hand).
    Departs: answers are never mixed, because mixed answers teach the wrong language.
    """

    by: Literal["sentence", "word"] = "sentence"
    """What is replaced."""
    fraction: Fraction = 0.5
    """How much of it, on average; at least one piece and never all."""
    share: NonNegativeFloat = 0.03
    """Share of the training tokens."""
    dictionary: Path | None = None
    """By word: a TSV of source word and target word."""

    def shares(self) -> dict[str, float]:
        return {"code_switch": self.share}

    def __call__(self, rows: Iterable[Row]) -> Iterator[Row]:
        words = read_dictionary(self.dictionary) if self.by == "word" and self.dictionary else {}
        for first, *others in by_question(rows):
            for other in others:
                mixed = self._mixed(first, other, words)
                if mixed is not None:
                    yield mixed

    def _mixed(self, first: Row, other: Row, words: dict[str, str]) -> Row | None:
        asked, translated, reply = first.payload.question, other.payload.question, other.payload.answer
        pieces = split(asked.text) if self.by == "sentence" else asked.text.split(" ")
        replaced = list(translated.pieces) if self.by == "sentence" else [words.get(p.casefold(), p) for p in pieces]
        if len(pieces) != len(replaced):
            return None
        differing = [i for i, (a, b) in enumerate(zip(pieces, replaced, strict=True)) if a != b]
        if len(differing) < 2:
            return None
        draw = random.Random(seed_of("code_switch", other.id))
        some = {i for i in differing if draw.random() < self.fraction}
        if not some or len(some) == len(differing):
            some = {draw.choice(differing)}
        text = ("" if self.by == "sentence" else " ").join(b if i in some else a for i, (a, b) in enumerate(zip(pieces, replaced, strict=True)))
        choices = prompts("answer_in", reply.lang)
        instruction = draw.choice(choices).format(language=language_name(reply.lang, prompt_language("answer_in", reply.lang)))
        turn = Turn(role="user", text=f"{text.rstrip()} {instruction}", lang=asked.lang)
        turns = tuple(turn if t is asked else t for t in first.payload.asked.turns)
        return other.but(
            id=f"{other.id}-switched",
            payload=Chat(turns=turns).answered(reply.text, reply.lang, other.payload.ended),
            lineage={"builder": "code_switch"},
        )
