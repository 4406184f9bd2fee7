"""What a word is in any script, and when a text goes round in circles."""

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

import regex

UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
"""Scripts that put no space between words: there every letter, with its marks, counts as a word."""

_WORD = regex.compile(rf"[{UNSPACED}]\p{{M}}*|(?:(?![{UNSPACED}])[\p{{L}}\p{{M}}\p{{N}}_])+(?:['’](?![{UNSPACED}])\p{{L}}+)*")
_UNSPACED = regex.compile(rf"[{UNSPACED}]")

LONGEST_REMEMBERED = 10_000
"""Characters. The words of a longer text are found anew each time."""


def words(text: str) -> list[str]:
    """The words of a text as written, in order: runs of letters, marks and digits; ``don't`` is one.

    In scripts without spaces between words (Han, kana, Thai, Lao, Khmer, Burmese) each character is one.
    """
    return list(_words(text)) if len(text) <= LONGEST_REMEMBERED else _WORD.findall(text)


@lru_cache(maxsize=16)
def _words(text: str) -> tuple[str, ...]:
    # Each filter asks for the words of the same row.
    return tuple(_WORD.findall(text))


def unspaced(found: Sequence[str]) -> bool:
    """Whether more than half of these words are single characters of a script without spaces."""
    return 2 * sum(1 for word in found if _UNSPACED.match(word)) > len(found)


def runs(text: str, n: int) -> set[int]:
    """A number for each run of ``n`` words in a text, case ignored; of ``2 n`` characters in scripts without spaces.

    Equal runs have equal numbers within one process.
    """
    found = [word.casefold() for word in words(text)]
    if unspaced(found):
        n *= 2
    return {hash(run) for run in zip(*(found[start:] for start in range(n)), strict=False)}


def loops(text: str, n: int = 4, times: int = 4) -> bool:
    """Whether some run of ``n`` words stands in the text at least ``times`` times; runs may overlap, case is ignored.

    Where most words are single characters a run is ``3 n`` long: a word there has two or more, and one word is no loop.
    """
    found = [word.casefold() for word in words(text)]
    if unspaced(found):
        n *= 3
    runs = Counter(zip(*(found[start:] for start in range(n)), strict=False))
    return max(runs.values(), default=0) >= times
