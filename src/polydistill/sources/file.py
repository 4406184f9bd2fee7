"""Questions from a file."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..component import Count
from ..languages.language_files import by_content, every
from ..reading import LeftOut, OnError, existing, objects
from ..records import Lang, Row
from . import Languages, Source
from ._shapes import question_rows


class File(Source):
    """Questions, with their answers where it has any, from a JSONL, JSON or Parquet file.

    The file's kind and the shape of its rows (Alpaca, ShareGPT, ``messages``, or plain ``question`` and ``answer``; see
    `sources._shapes`) are told apart by content; the shape is said. System lines and earlier turns are kept, an answer
    of the data stays the final turn with ``lineage.author`` = ``reference``. JSONL and Parquet are streamed.
    The identity holds the file's name and content, not where it lies.
    """

    path: Path
    """The file."""
    lang: Lang | None = None
    """The language of its texts; by default the rich language."""
    questions: Count | None = None
    """Read this many questions from the top; by default all."""
    on_error: OnError = "stop"
    """``stop`` at the first row that cannot be used, or ``skip`` such rows and say how many, why and where."""

    def read(self, languages: Languages) -> Iterator[Row]:
        path = existing(self.path)
        out = LeftOut(path, self.on_error)
        yield from question_rows(objects(path, out), self.lang or languages.rich, f"file {path.name}", self.questions, out)

    def total(self) -> int | None:
        return self.questions

    def identity(self) -> Any:
        return by_content(super().identity(), "path", every(self.path))
