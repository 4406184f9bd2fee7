"""Texts that have most of their words in common, found among many."""

from collections import Counter
from collections.abc import Hashable, Iterable
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
    """Texts under keys, and those of them with at least so large a part of words (Jaccard) in common with another text.

    Exact. Sets of a and b words that share a part t of their union share o = ceil((a + b) t / (1 + t)) words. So in one order
    of all words, rare ones first, the first a - o + 1 of the one and b - o + 1 of the other have a word in common, and only
    these are looked up.

    Paper: Chaudhuri, Ganti, Kaushik 2006, "A primitive operator for similarity joins in data cleaning" (prefix filter); Xiao et
        al. 2008, "Efficient similarity joins for near duplicate detection" (sizes).
    """

    def __init__(self, texts: Iterable[tuple[K, str]], part: float = ALMOST):
        self.part = part
        self._keys: dict[frozenset[str], set[K]] = {}
        for key, text in texts:
            self._keys.setdefault(word_set(text), set()).add(key)
        self._times = Counter(word for found in self._keys for word in found)
        self._sizes = sorted({len(found) for found in self._keys})
        self._by_word: dict[tuple[int, str], list[frozenset[str]]] = {}
        for found in self._keys:
            least = self._shared(len(found), ceil(part * len(found)))  # with the smallest set that may be alike
            for word in self._rare(found)[: len(found) - least + 1]:
                self._by_word.setdefault((len(found), word), []).append(found)

    def find(self, text: str) -> set[K]:
        """The keys of the texts that are as good as this one."""
        found, near = word_set(text), set[frozenset[str]]()
        sizes = [size for size in self._sizes if self.part * size <= len(found) and self.part * len(found) <= size]
        rare = self._rare(found) if sizes else []
        for size in sizes:
            for word in rare[: len(found) - self._shared(len(found), size) + 1]:
                near.update(self._by_word.get((size, word), ()))
        alike = [other for other in near if len(found & other) >= self.part * len(found | other)]
        return {key for other in alike for key in self._keys[other]}

    def _shared(self, one: int, other: int) -> int:
        return ceil((one + other) * self.part / (1 + self.part) - 1e-9)

    def _rare(self, found: frozenset[str]) -> list[str]:
        return sorted(found, key=lambda word: (self._times[word], word))
