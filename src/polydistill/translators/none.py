"""No translator: for a language that only parallel text leads to."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import ClassVar

from ..records import Lang
from . import NoTranslation, OpenTranslator, Translator


class NoTranslator(Translator):
    """Translates nothing: no row is translated, and the mixture is made of what there is in the target language already.

    Any pair passes `check`, since none is needed.
    """

    translates: ClassVar[bool] = False

    @contextmanager
    def open(self) -> Iterator[OpenTranslator]:
        yield _Nothing()

    def check(self, source: Lang, target: Lang) -> None:
        pass


class _Nothing(OpenTranslator):
    def translate(self, texts: Sequence[str], source: Lang, target: Lang) -> list[str | None]:
        if source == target:
            return list(texts)
        raise NoTranslation(f"`translator: none` gives no {target.english_name}; choose one of: polydistill list translators")
