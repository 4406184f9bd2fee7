"""Questions and answers in which some sentences or words are in the other language."""

import random
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import NonNegativeFloat, model_validator

from ..component import Fraction
from ..guard import split
from ..languages.dictionaries import read_dictionary
from ..languages.language_files import by_content, every, in_language
from ..prompts import language_name, prompt_language, prompts
from ..records import Chat, Lang, Row, Turn, seed_of
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
    """By word: a TSV of source word and target word; ``{lang}`` in it stands for any code of the target language."""

    @model_validator(mode="after")
    def _has_words(self) -> Self:
        if (self.by == "word") != (self.dictionary is not None):
            raise ValueError("by: word takes its words from a dictionary: give both by: word and dictionary: FILE, or neither")
        return self

    def shares(self) -> dict[str, float]:
        return {f"code_switch_{self.by}": self.share}

    def check(self, languages: Sequence[Lang]) -> None:
        for target in languages[1:] if self.dictionary else ():
            read_dictionary(in_language(self.dictionary, target))

    def identity(self) -> Any:
        own = super().identity()
        return by_content(own, "dictionary", every(self.dictionary)) if self.dictionary else own

    def __call__(self, rows: Iterable[Row]) -> Iterator[Row]:
        for first, *others in by_question(rows):
            for other in others:
                mixed = self._mixed(first, other)
                if mixed is not None:
                    yield mixed

    def _mixed(self, first: Row, other: Row) -> Row | None:
        asked, translated, reply = first.payload.question, other.payload.question, other.payload.answer
        if self.dictionary is None:
            pieces, replaced = split(asked.text), list(translated.pieces)
        else:
            words = read_dictionary(in_language(self.dictionary, translated.lang))
            pieces = asked.text.split(" ")
            replaced = [words.get(piece.casefold(), piece) for piece in pieces]
        if len(pieces) != len(replaced):
            return None
        differing = [i for i, (a, b) in enumerate(zip(pieces, replaced, strict=True)) if a != b]
        if len(differing) < 2:
            return None
        draw = random.Random(seed_of("code_switch", other.id))
        some = {i for i in differing if draw.random() < self.fraction}
        if not some or len(some) == len(differing):
            some = {draw.choice(differing)}
        glue = "" if self.by == "sentence" else " "
        text = glue.join(replaced[i] if i in some else piece for i, piece in enumerate(pieces))
        choices = prompts("answer_in", reply.lang)
        instruction = draw.choice(choices).format(language=language_name(reply.lang, prompt_language("answer_in", reply.lang)))
        turn = Turn(role="user", text=f"{text.rstrip()} {instruction}", lang=asked.lang)
        turns = tuple(turn if t is asked else t for t in first.payload.asked.turns)
        return other.but(
            id=f"{other.id}-{self.by}-switched",
            payload=Chat(turns=turns).answered(reply.text, reply.lang, other.payload.ended),
            lineage={"builder": f"code_switch_{self.by}"},
        )
