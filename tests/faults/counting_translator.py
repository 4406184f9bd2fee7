"""The translator of the tiny world, which writes down every sentence that it is given."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from faults.counting_engine import count

from polydistill.records import Lang
from polydistill.translators import OpenTranslator
from polydistill.translators.dictionary import Dictionary


class CountingTranslator(Dictionary):
    """Dictionary, counted."""

    @contextmanager
    def open(self) -> Iterator[OpenTranslator]:
        with super().open() as inner:
            yield _Counted(inner)


class _Counted(OpenTranslator):
    def __init__(self, inner: OpenTranslator):
        self._inner = inner

    def translate(self, texts: Sequence[str], source: Lang, target: Lang) -> list[str | None]:
        count("translate", texts)
        return self._inner.translate(texts, source, target)
