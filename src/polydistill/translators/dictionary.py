"""Word by word from a file."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import regex

from ..languages.dictionaries import read_dictionary
from ..models import known_digest
from ..reading import existing
from ..records import Lang
from . import NoTranslation, OpenTranslator, Translator

WORD = regex.compile(r"[\p{L}\p{M}\p{N}]+(?:['’-][\p{L}\p{M}\p{N}]+)*")


class Dictionary(Translator):
    """Each word is replaced by its first entry in a dictionary, in the source's order; unknown words stay as they are.

    Upper case is kept (``House`` gives ``Casa``, ``HOUSE`` gives ``CASA``), and so is everything between words. A word with
    an apostrophe or a hyphen that is unknown as a whole is looked up in its parts. A baseline, not a translator to learn from.
    """

    path: Path
    """A TSV of source word and target word, one pair a line; lines that begin with # are comments."""
    source: Lang
    """The language of its first column."""
    target: Lang
    """The language of its second column."""

    @contextmanager
    def open(self) -> Iterator[OpenTranslator]:
        yield _Open(self, read_dictionary(self.path))

    def check(self, source: Lang, target: Lang) -> None:
        self.check_pair(source, target)
        if not self.path.expanduser().exists():
            raise NoTranslation(f"no dictionary at {self.path}; it is a text file of lines SOURCE<tab>TARGET")
        try:
            read_dictionary(existing(self.path))
        except UnicodeDecodeError as error:
            raise NoTranslation(f"{self.path} is not UTF-8 (byte {error.start})") from None
        except (OSError, ValueError) as error:
            raise NoTranslation(str(error)) from None

    def check_pair(self, source: Lang, target: Lang) -> None:
        """Only whether the dictionary is from the one into the other."""
        if source != target and (source, target) != (self.source, self.target):
            raise NoTranslation(
                f"{self.path} is a dictionary from {self.source} to {self.target}, not from {source} to {target}"
            )

    def identity(self) -> Any:
        path = self.path.expanduser()
        content = known_digest(path) if path.is_file() else "missing"
        return {self.name(): {"content": content, "source": self.source, "target": self.target}, "version": self.version}

    def about(self) -> dict[str, Any]:
        return {"name": f"dictionary {self.path.name}"}


class _Open(OpenTranslator):
    def __init__(self, settings: Dictionary, entries: dict[str, str]):
        self._settings, self._entries = settings, entries

    def translate(self, texts: Sequence[str], source: Lang, target: Lang) -> list[str | None]:
        self._settings.check_pair(source, target)
        return list(texts) if source == target else [WORD.sub(lambda match: self._word(match[0]), text) for text in texts]

    def _word(self, word: str) -> str:
        entry = self._entries.get(word.casefold())
        if entry is not None:
            return _in_case_of(word, entry)
        parts = regex.split(r"(['’-])", word)
        return "".join(_in_case_of(part, self._entries.get(part.casefold(), part)) for part in parts)


def _in_case_of(word: str, entry: str) -> str:
    if len(word) > 1 and word.isupper():
        return entry.upper()
    return entry[:1].upper() + entry[1:] if word[:1].isupper() else entry
