"""Line and word pass rates of answers, and their harmonic mean."""

from collections.abc import Sequence

from ..languages.language_id import Identifier
from ..records import Lang
from ..texts import unspaced, words
from . import Asked, Score, jackknife, mean, shares
from ._lines import CHARACTERS, Judged, judged

WORD_LANGUAGES = ("ara", "hin", "jpn", "kor", "rus", "zho")
"""Where an English word is told by its letters alone, so that the word pass rate means something."""
SEGMENTED = ("jpn", "zho")
"""Where the authors count words by a segmenter (fugashi, jieba)."""


def pass_rates(
    name: str, lang: Lang, asked: Sequence[Asked], answers: Sequence[str], identifier: Identifier, english: frozenset[str],
    remark: str = "",
) -> list[Score]:  # fmt: skip
    """LPR, acc, WPR and LCPR of answers, as far as they can be measured; ``name`` and what follows it name the scores."""
    english = english if lang.alpha3 in WORD_LANGUAGES else frozenset()
    found = [judged(answer, lang, identifier) for answer in answers]
    by_line = [each.passes for each in found]
    by_word = [float(english.isdisjoint(_tokens(each, lang))) if each.passes and english else None for each in found]
    said = f"; {by_line.count(None)} answers too short to judge{remark}"
    if lang.alpha3 in WORD_LANGUAGES and not english:
        said += "; word pass rate not measured: english_words names no list"
    by_spaces: list[float | None] = []
    if unspaced(words(lang.own_name)):
        said += f"; lines count from {CHARACTERS} characters on, as words have no spaces between them"
        if lang.alpha3 not in SEGMENTED:
            by_spaces = [judged(answer, lang, identifier, by_spaces=True).passes for answer in answers]
            if not any(passes is not None for passes in by_spaces):
                said += "; not measurable by the authors' rule: no line has 5 words between spaces"

    measured = {
        "_lines": (by_line, f"LPR: every line in the language{said}"),
        "_accuracy": ([each.right for each in found], f"acc: share of lines in the language{said}"),
        "_words": (by_word, f"WPR: no English word, where every line is right{said}"),
        "_lines_by_spaces": (by_spaces or [None] * len(asked), "LPR by the authors' rule: lines of 5 words between spaces"),
    }
    scores = []
    for ending, (values, meaning) in measured.items():
        scores += shares(name + ending, lang, asked, answers, values, True, meaning)
    if any(word is not None for word in by_word):
        parts = list(zip(by_line, by_word, strict=True))
        both = [None if line is None else line * (word or 0) for line, word in parts]
        (score,) = shares(name, lang, asked, answers, both, True, f"LCPR: harmonic mean of LPR and WPR{said}")
        counted = [part for part in parts if part[0] is not None]
        error = jackknife([_harmonic(counted[:at] + counted[at + 1 :]) for at in range(len(counted))])
        items = tuple(item.model_copy(update={"parts": part}) for item, part in zip(score.items, parts, strict=True))
        changes = {"value": _harmonic(counted), "standard_error": error, "combine": "harmonic", "items": items}
        scores.append(score.model_copy(update=changes))
    return [_answered_in(score, found) for score in scores]


def _answered_in(score: Score, found: Sequence[Judged]) -> Score:
    said = [item.model_copy(update={"answered_in": each.answered_in}) for item, each in zip(score.items, found, strict=True)]
    return score.model_copy(update={"items": tuple(said)})


def _tokens(found: Judged, lang: Lang) -> set[str]:
    """Words as the authors cut them: between spaces, and in Japanese and Chinese Latin words also where they touch others."""
    return {word for line in found.lines for word in (words(line) if lang.alpha3 in SEGMENTED else line.split())}


def _harmonic(results: Sequence[tuple[float | None, float | None]]) -> float:
    """Of LPR and WPR, from each counted answer's own (passes by line, passes by word)."""
    by_line, _ = mean([line for line, _ in results if line is not None])
    by_word, _ = mean([word for _, word in results if word is not None])
    return 2 * by_line * by_word / (by_line + by_word) if by_line + by_word else 0.0
