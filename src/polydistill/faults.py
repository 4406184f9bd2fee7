"""What may be wrong with a translation, found without a model: the reasons why one is out."""

import re
import unicodedata
from collections import Counter

import regex

from .languages import language_id, segments
from .records import Lang
from .texts import loops, unspaced, words

REASONS = {
    "failed": "the translator gave no translation",
    "empty": "a sentence came back without a word",
    "lost_protected": "code, a link, a placeholder or markup did not survive",
    "numbers_changed": "the digits of a sentence are not those of its source",
    "loop": "a run of words comes again and again, and does not in the source",
    "copied_source": "a sentence came back in the source's words",
    "truncated": "a sentence is far shorter than its source allows",
    "too_long": "a sentence is far longer than its source allows",
    "wrong_language": "the text is in another language than the target",
}
"""Why a translation is out: the first thing found wrong with its first bad sentence, looked for in this order."""

WIDTHS = (
    (regex.compile(r"\p{Han}"), 3.0),
    (regex.compile(r"[\p{Hiragana}\p{Katakana}]"), 1.7),
    (regex.compile(r"\p{Hangul}"), 2.0),
)
"""How many letters of an alphabet a character stands for. With these, human translations of GNOME's help from English into 30
languages are 0.24 to 2.5 times as long as their source in paragraphs of 60 letters or more, almost all 0.4 to 2."""

SHORTEST, LONGEST, SLACK = 0.33, 3.0, 20
"""A sentence may be ``SHORTEST * source - SLACK / 4`` to ``LONGEST * source + SLACK`` letters long; short ones vary more."""

ORDINARY_WORDS, COPIED = 6, 0.8
"""A copy has at least this many ordinary words (lower case, four letters or one character of a script without spaces), of which
this share came back unchanged. Names and borrowed words alone stay below."""


def of_sentence(source: str, target: str, akin: bool) -> str:
    """The first of the `REASONS` that holds for a sentence, empty where none does. ``akin``: a copy may be a translation."""
    if not _same_numbers(source, target):
        return "numbers_changed" if segments.has_words(target) else "empty"
    # Links and code are long, full of words, and equal on both sides.
    source, target = segments.bare(source), segments.bare(target)
    if not any(character.isalpha() for character in target):
        return "empty"
    if loops(target) and not loops(source):
        return "loop"
    if not akin and _copied(source, target):
        return "copied_source"
    width, expected = _width(target), _width(source)
    if width < SHORTEST * expected - SLACK / 4:
        return "truncated"
    return "too_long" if width > LONGEST * expected + SLACK else ""


def _same_numbers(source: str, target: str) -> bool:
    """Whether both hold the same strings of digits, however they are grouped (1,000.5 and 1 000,5), in any order and script."""
    return Counter(_digits(source)) == Counter(_digits(target)) or Counter(_digits(_ungrouped(source))) == Counter(
        _digits(_ungrouped(target))
    )


def _digits(text: str) -> list[str]:
    runs = re.findall(r"\d+", text)
    return ["".join(str(unicodedata.decimal(digit)) for digit in run).lstrip("0") for run in runs]


def _ungrouped(text: str) -> str:
    return re.sub(r"(?<!\d)\d{1,3}(?:[.,'’٬\s]\d{3})+(?!\d)", lambda match: re.sub(r"\D", "", match[0]), text)


def _copied(source: str, target: str) -> bool:
    """Whether the target keeps the ordinary words of the source."""
    ordinary = Counter(word for word in words(source) if word == word.lower() and (len(word) >= 4 or unspaced([word])))
    total = ordinary.total()
    return total >= ORDINARY_WORDS and (ordinary & Counter(words(target))).total() >= COPIED * total


def _width(text: str) -> float:
    """The length of a text in letters of an alphabet."""
    return len(text) + sum((width - 1) * len(script.findall(text)) for script, width in WIDTHS)


def of_text(source: str, target: str, wanted: Lang, akin: bool) -> str:
    """What only shows over all sentences of a text, which each alone are too short to judge; empty where that is nothing."""
    if not akin and _copied(source, target):
        return "copied_source"
    return "wrong_language" if language_id.surely_other(target, wanted) else ""
