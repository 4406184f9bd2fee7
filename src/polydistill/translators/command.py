"""Any program that reads lines and writes lines."""

import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from ..component import Beside, Count, Positive
from ..models import known_digest
from ..records import Lang, batches
from . import FailedTranslation, NoTranslation, OpenTranslator, Translator
from . import _programs as programs
from ._codes import flores

Codes = Literal["bcp47", "iso3", "flores", "name"]


class Command(Translator):
    """A program that reads one sentence a line on its standard input and writes one translation a line on its standard output.

    It is run without a shell, in UTF-8, once for each lot of lines; it must end when its input does. For example
    ``program: [mt, --from, "{source}", --to, "{target}"]``.
    """

    program: Annotated[tuple[str, ...], Field(min_length=1)]
    """The program and its arguments; ``{source}`` and ``{target}`` become the languages' codes."""
    codes: Codes = "bcp47"
    """What it calls them: ``es`` (bcp47), ``spa`` (iso3), ``spa_Latn`` (flores) or ``Spanish`` (name)."""
    pairs: Beside[tuple[tuple[Lang, Lang], ...]] = ()
    """The pairs it can do, such as ``[[eng, spa]]``; any pair when none are given."""
    lines: Beside[Count] = 2000
    """The most lines for one run of it."""
    seconds: Beside[Positive] = 600.0
    """How long one run may take."""

    @contextmanager
    def open(self) -> Iterator[OpenTranslator]:
        yield _Open(self)

    def check(self, source: Lang, target: Lang) -> None:
        if source == target:
            return
        if self.pairs and (source, target) not in self.pairs:
            known = ", ".join(f"{one}-{other}" for one, other in self.pairs)
            raise NoTranslation(f"{self.program[0]} is said not to do {source}-{target}; its setting `pairs` allows {known}")
        if shutil.which(self.program[0]) is None:
            raise NoTranslation(f"no program {self.program[0]} is installed; give its full path in the setting `program`")

    def identity(self) -> Any:
        """The program and every argument that is a file enter by content, the other arguments as they are."""
        found = [shutil.which(self.program[0]) or self.program[0], *self.program[1:]]
        parts = [known_digest(Path(part)) if Path(part).is_file() else part for part in found]
        return {self.name(): {"program": parts, "codes": self.codes}, "version": self.version}

    def about(self) -> dict[str, Any]:
        return {"name": Path(self.program[0]).name, "licence": "see the program's own"}

    def arguments(self, source: Lang, target: Lang) -> list[str]:
        """The program and its arguments for a pair."""
        codes = {"source": _code(source, self.codes), "target": _code(target, self.codes)}
        return [re.sub(r"\{(source|target)\}", lambda match: codes[match[1]], part) for part in self.program]


class _Open(OpenTranslator):
    def __init__(self, settings: Command):
        self._settings = settings

    def translate(self, texts: Sequence[str], source: Lang, target: Lang) -> list[str | None]:
        self._settings.check(source, target)
        if source == target:
            return list(texts)
        command = self._settings.arguments(source, target)
        return [line for lot in batches(texts, self._settings.lines) for line in _run(command, lot, self._settings.seconds)]


def _run(command: list[str], texts: list[str], seconds: float) -> list[str]:
    broken = next((text for text in texts if re.search(r"[\n\r]", text)), None)
    if broken is not None:
        raise ValueError(f"a line break in a text to translate: {broken[:60]!r}; cut it with guard.split")
    given = "".join(text + "\n" for text in texts).encode("utf-8", "replace")
    try:
        written = programs.run(command, given, seconds)
    except programs.Failed as error:
        raise FailedTranslation(str(error)) from None
    try:
        lines = written.decode("utf-8").removesuffix("\n").split("\n")
    except UnicodeDecodeError as error:
        raise FailedTranslation(f"{command[0]} wrote what is not UTF-8 (byte {error.start})") from None
    if len(lines) != len(texts):
        raise FailedTranslation(
            f"{command[0]} wrote {len(lines)} lines for {len(texts)}; it must write one for each line it reads"
        )
    return [line.removesuffix("\r") for line in lines]


def _code(lang: Lang, codes: Codes) -> str:
    names = {"bcp47": lang.bcp47, "iso3": lang.alpha3, "flores": flores(lang), "name": lang.english_name}
    return names[codes]
