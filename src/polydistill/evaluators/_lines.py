"""Lines of answers, and the language that each is in."""

import string
from typing import NamedTuple

from ..languages.language_id import Identifier
from ..records import Lang
from ..texts import unspaced, words

TOKENS = 5
"""Words. Shorter lines are not judged."""
CHARACTERS = 6
"""The same where words have no spaces between them. With 6 fewest of the Chinese and Japanese answers that the authors released
are judged otherwise than with their segmenters jieba and fugashi: 56 of 1,790; with 10 it is 87."""
SURE = 0.3
"""A line whose likeliest language is not likelier than this is in no known language."""
UNKNOWN, MIXED = "unknown", "mixed"


def judgeable(answer: str, by_spaces: bool = False) -> list[str]:
    """The lines of an answer that are long enough to judge, without punctuation.

    Long enough are 5 words between spaces or, unless ``by_spaces``, 6 characters of a script without spaces.
    """
    plain = answer.split("\nQ:")[0].translate(str.maketrans("", "", string.punctuation + "،")).replace("—", " ")
    return [
        line
        for line in plain.strip().split("\n")
        if len(line.split()) >= TOKENS or (not by_spaces and _long_unspaced(words(line)))
    ]


def _long_unspaced(found: list[str]) -> bool:
    return len(found) >= CHARACTERS and unspaced(found)


def label_of(line: str, identifier: Identifier) -> str:
    """The identifier's label for a line; empty where it is not sure."""
    return next((label for label, score in identifier.scores(line, k=1).items() if score > SURE), "")


def language_of(label: str, wanted: Lang, identifier: Identifier) -> str:
    """The language that a label means: the wanted one where it is one of its labels."""
    return str(wanted if label in identifier.labels(wanted) else identifier.languages.get(label, UNKNOWN))


class Judged(NamedTuple):
    """An answer's lines, and what the identifier says of them."""

    lines: list[str]
    right: float | None
    """The share of lines in the wanted language; None without a line that is long enough."""
    answered_in: str
    """The language of all lines, ``mixed`` where they differ, empty without a line."""

    @property
    def passes(self) -> float | None:
        """1 where every line is right."""
        return None if self.right is None else float(self.right == 1)


def judged(answer: str, wanted: Lang, identifier: Identifier, by_spaces: bool = False) -> Judged:
    """What the identifier says of an answer; see `judgeable`."""
    lines = judgeable(answer, by_spaces)
    found = [language_of(label_of(line, identifier), wanted, identifier) for line in lines]
    if not found:
        return Judged(lines, None, "")
    return Judged(lines, found.count(wanted) / len(found), found[0] if len(set(found)) == 1 else MIXED)
