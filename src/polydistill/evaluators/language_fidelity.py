"""Whether answers are in the language of the question."""

import string
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from .. import progress
from ..component import Count
from ..engines import OpenEngine, Sampling
from ..language_files import by_content
from ..language_id import RECOGNISED, detector_label, identify
from ..reading import lines
from ..records import Lang, Row
from ..sources import BadInput
from ..texts import unspaced, words
from . import HELDOUT, Evaluator, Score, Strict, heldout_chats, jackknife, mean, shares

WORD_LANGUAGES = ("ar", "hi", "ja", "ko", "ru", "zh")
"""Where an English word is told by its letters alone, so that the word pass rate means something."""
TOKENS = 5
"""Shorter lines are not judged."""
SURE = 0.3
"""A line whose likeliest language is not likelier than this is in no known language."""


class LanguageFidelity(Evaluator):
    """Line and word pass rates of answers to held-out questions, all in [0, 1].

    Lines of fewer than 5 words are dropped (punctuation removed; a second ``Q:`` ends the answer), answers with no line left
    do not count. A line is right if the identifier lid.176 gives it the wanted language with more than 0.3.
    ``language_fidelity_lines`` (LPR): share of answers with every line right. ``language_fidelity_accuracy`` (acc): mean
    share of right lines. ``language_fidelity_words`` (WPR), only for ar hi ja ko ru zh and with a list of English words: among
    answers with every line right, the share with no English word of 4 letters or more. ``language_fidelity`` (LCPR):
    harmonic mean of LPR and WPR, so only where both are. What cannot be measured gets no score, never 0.

    Paper: Marchisio et al. 2024, arXiv 2406.20052, section 3.
    Departs: where words have no spaces between them a line counts from 10 characters on instead of by jieba or fugashi; the
        compressed identifier instead of the full one; greedy answers.
    Checked: by hand; against the authors' code on its definitions.
    """

    items: Count = 40
    """Questions a language; the same ones in every language as far as they exist."""
    sampling: Sampling = HELDOUT
    """How answers are drawn."""
    english_words: Path | None = None
    """English words, one a line, for the word pass rate; those of 4 small letters or more are used."""

    def __call__(self, engine: OpenEngine, languages: Sequence[Lang], heldout: Iterable[Row]) -> list[Score]:
        scores = []
        for lang, asked in heldout_chats(heldout, languages, self.items).items():
            label = detector_label(lang)
            if label is None:
                progress.say(f"language_fidelity: not measured in {lang.english_name}, which lid.176 does not know")
                continue
            english = self._english() if label in WORD_LANGUAGES else frozenset()
            answers = [answer.text for answer in engine.answer([held.chat for held in asked], self.sampling)]
            judged = [[(line, right(line, label)) for line in judgeable(answer)] for answer in answers]
            lines_right = [sum(ok for _, ok in found) / len(found) if found else None for found in judged]
            by_line = [None if share is None else float(share == 1) for share in lines_right]
            by_word: list[float | None] = [
                float(english.isdisjoint(word for line, _ in found for word in words(line))) if ok and english else None
                for found, ok in zip(judged, by_line, strict=True)
            ]
            said = f"; {sum(v is None for v in lines_right)} answers too short to judge{_limits(lang, label, english)}"
            values = {
                "language_fidelity_lines": (by_line, f"LPR: every line in the language{said}"),
                "language_fidelity_accuracy": (lines_right, f"acc: share of lines in the language{said}"),
                "language_fidelity_words": (by_word, f"WPR: no English word, where every line is right{said}"),
            }
            for name, (each, meaning) in values.items():
                scores += shares(name, lang, asked, answers, each, True, meaning)
            if any(word is not None for word in by_word):
                both = [(line, word) for line, word in zip(by_line, by_word, strict=True) if line is not None]
                left_out = [_harmonic(both[:at] + both[at + 1 :]) for at in range(len(both))]
                scores.append(Score(
                    name="language_fidelity", lang=lang, value=_harmonic(both), unit="share", higher_is_better=True,
                    n=len(both), standard_error=jackknife(left_out),
                    note=f"LCPR: harmonic mean of LPR and WPR; standard error by jackknife{said}",
                ))  # fmt: skip
        return scores

    def _english(self) -> frozenset[str]:
        if self.english_words is None:
            return frozenset()
        listed = (line.strip() for _, line in lines(self.english_words, Strict(self.english_words)))
        return frozenset(word for word in listed if word.islower() and len(word) >= 4)

    def check(self, languages: Sequence[Lang]) -> None:
        if self.english_words and not self._english():
            raise BadInput(f"{self.english_words} holds no word of 4 small letters or more; give English words, one a line")

    def identity(self) -> Any:
        own = super().identity()
        return by_content(own, "english_words", {"": self.english_words}) if self.english_words else own


def judgeable(answer: str) -> list[str]:
    """The lines of an answer that are long enough to judge, without punctuation."""
    plain = answer.split("\nQ:")[0].translate(str.maketrans("", "", string.punctuation + "،")).replace("—", " ")
    return [line for line in plain.strip().split("\n") if len(line.split()) >= TOKENS or _long_unspaced(words(line))]


def right(line: str, label: str) -> bool:
    """Whether the identifier gives the line this label with more than 0.3."""
    language, score = identify(line)
    return language is not None and score > SURE and detector_label(language) == label


def _long_unspaced(found: list[str]) -> bool:
    return len(found) >= 2 * TOKENS and unspaced(found)


def _harmonic(results: Sequence[tuple[float, float | None]]) -> float:
    """Of LPR and WPR, from each counted answer's own (passes by line, passes by word)."""
    by_line, _ = mean([line for line, _ in results])
    by_word, _ = mean([word for _, word in results if word is not None])
    return 2 * by_line * by_word / (by_line + by_word) if by_line + by_word else 0.0


def _limits(lang: Lang, label: str, english: frozenset[str]) -> str:
    """What a reader must know of the measurement in this language."""
    limits = [
        ("lid.176 is weak in this language", label not in RECOGNISED),
        ("lines count from 10 characters on, as words have no spaces between them", unspaced(words(lang.own_name))),
        ("word pass rate not measured: english_words names no list", label in WORD_LANGUAGES and not english),
    ]
    return "".join(f"; {limit}" for limit, holds in limits if holds)
