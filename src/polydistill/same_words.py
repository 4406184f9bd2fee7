"""Texts that have most of their words in common, found among many."""

from collections.abc import Hashable
from itertools import pairwise
from math import ceil
from typing import Generic, TypeVar

from .texts import unspaced, words

ALMOST = 0.8
"""Shared words over all words of two texts from which on they pass for one."""


def word_set(text: str) -> frozenset[str]:
    """The words of a text, case and punctuation aside; pairs of characters in scripts without spaces between words.

    A text without any word ("...") is itself the only one.
    """
    found = [word.casefold() for word in words(text)]
    if len(found) > 1 and unspaced(found):
        found = [one + other for one, other in pairwise(found)]
    return frozenset(found or [text.casefold().strip()])


K = TypeVar("K", bound=Hashable)


class SameWords(Generic[K]):
    """Remembers texts and finds those of them with at least so large a part of words (Jaccard) in common with another text.

    Exact. Two sets that share a part t of their union have at most (1 - t) m words of their own each, m their size; so, in any
    order of words that holds for both, their first m - ceil(t m) + 1 have one in common, and only these are looked up.

    Paper: Chaudhuri, Ganti, Kaushik 2006, "A primitive operator for similarity joins in data cleaning" (prefix filter).
    """

    def __init__(self, part: float = ALMOST):
        self.part = part
        self._texts: dict[frozenset[str], set[K]] = {}
        self._by_word: dict[str, list[frozenset[str]]] = {}
        self._longest = 0

    def add(self, key: K, text: str) -> None:
        """Remembers a text under a key, which may have several."""
        found = word_set(text)
        if found not in self._texts:
            for word in self._first(found):
                self._by_word.setdefault(word, []).append(found)
            self._longest = max(self._longest, len(found))
        self._texts.setdefault(found, set()).add(key)

    def find(self, text: str) -> set[K]:
        """The keys of the texts that are as good as this one."""
        found = word_set(text)
        if self.part * len(found) > self._longest:
            return set()
        least, most = self.part * len(found), len(found) / self.part
        near = {other for word in self._first(found) for other in self._by_word.get(word, ()) if least <= len(other) <= most}
        alike = [other for other in near if len(found & other) >= self.part * len(found | other)]
        return {key for other in alike for key in self._texts[other]}

    def _first(self, found: frozenset[str]) -> list[str]:
        """Long words first, as they are rare."""
        count = len(found) - ceil(self.part * len(found)) + 1
        return sorted(found, key=lambda word: (-len(word), word))[:count]
