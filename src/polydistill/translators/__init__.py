"""Translators: what turns a text of one language into another.

To add one: a file here with one frozen class that gives `Translator.open`. `tests/contract/test_translators.py` enrols it.
Splitting, protection and the checks are not its business: `guard` does them for all.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import ClassVar

from ..component import Component, contract
from ..records import Lang


class OpenTranslator(ABC):
    """A translator that is ready."""

    @abstractmethod
    def translate(self, texts: Sequence[str], source: Lang, target: Lang) -> list[str | None]:
        """One translation a text, in order; None for one that could not be translated to its end.

        Each text is one line without a line break, mostly one sentence.

        The same language on both sides gives the texts back.

        Raises:
            FailedTranslation: these texts could not be translated; the guard tries them again in smaller lots.
            NoTranslation: the pair is unknown.
        """


@contract
class Translator(Component):
    """A way to translate."""

    translates: ClassVar[bool] = True
    """False for the one that does not: then there are no translated rows."""

    @abstractmethod
    @contextmanager
    def open(self) -> Iterator[OpenTranslator]:
        """Makes the translator ready for the length of a ``with`` block."""

    @abstractmethod
    def check(self, source: Lang, target: Lang) -> None:
        """Finds, without loading anything, what would stop a translation of this pair.

        Raises:
            NoTranslation: the pair is unknown or something is not installed; the error says what to do.
        """


class NoTranslation(ValueError):
    """A pair that this translator cannot do here, and what to do about it."""


class FailedTranslation(RuntimeError):
    """A lot of texts that the translator could not translate: it ended with an error, took too long or gave a part only."""
