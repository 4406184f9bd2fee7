"""Plain text."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from .. import records
from ..component import Count
from ..languages.language_files import by_content, every, in_language
from ..reading import LeftOut, OnError, lines, unwritable
from ..records import Lang, Lineage, Row, digest
from . import BadInput, Languages, Source

LONGEST_TEXT = 1 << 20


class Text(Source):
    """Texts of UTF-8 files in the target languages: paragraphs between blank lines, or single lines.

    Line breaks inside a paragraph are kept. Equal texts share ``lineage.question``, so that they fall into one split.
    """

    path: Path
    """The file; ``{lang}`` in it stands for any code of a language, such as ``wiki.{lang}.txt``."""
    lang: Lang | None = None
    """The language to read; by default each target."""
    by: Literal["paragraph", "line"] = "paragraph"
    """What one text is."""
    rows: Count | None = None
    """Read this many texts from the top of each file; by default all."""
    on_error: OnError = "stop"
    """``stop`` at the first line that cannot be used, or ``skip`` such lines and say how many, why and where."""

    def read(self, languages: Languages) -> Iterator[Row]:
        wanted = (self.lang,) if self.lang else languages.targets
        if "{lang}" not in str(self.path) and len(wanted) != 1:
            raise BadInput(f"{self.path} is one file for {len(wanted)} target languages; put {{lang}} in its name, or set lang")
        for lang, path in [(lang, in_language(self.path, lang)) for lang in wanted]:
            yield from self._texts(path, lang)

    def _texts(self, path: Path, lang: Lang) -> Iterator[Row]:
        out, count = LeftOut(path, self.on_error), 0
        for number, text in self._parts(path, out):
            question = f"t-{digest(text)[:12]}"
            lineage = Lineage(question=question, source=f"text {path.name}")
            yield Row(id=f"{question}-{lang}-{number}", lineage=lineage, payload=records.Text(text=text, lang=lang))
            count += 1
            if count == self.rows:
                break
        out.say()
        if not count:
            raise BadInput(f"{path} holds no text" + (f": {out.text()}" if out.reasons else ""))

    def _parts(self, path: Path, out: LeftOut) -> Iterator[tuple[int, str]]:
        """Each text with the line it begins on."""
        part: list[str] = []
        began, held = 0, 0
        for number, line in lines(path, out):
            if unwritable(line):
                out.bad(number, "broken text", "it holds a zero character")
                continue
            if part and (self.by == "line" or not line.strip()):
                yield began, "\n".join(part).strip()
                part, held = [], 0
            if line.strip():
                began = began if part else number
                part.append(line.rstrip())
                held += len(line)
            if held > LONGEST_TEXT:
                help = "put blank lines between paragraphs, or set by: line"
                raise BadInput(f"{path}, line {began}: a text of more than {LONGEST_TEXT} characters; {help}")
        if part:
            yield began, "\n".join(part).strip()

    def identity(self) -> Any:
        return by_content(super().identity(), "path", every(self.path))
