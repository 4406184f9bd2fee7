"""Files of test items: all that is wrong with one is told at once, with the ids; names may say a language in English."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from .. import progress
from ..languages.language_files import by_content, every, in_language
from ..languages.stated_language import in_other_languages, listed
from ..reading import existing
from ..records import Lang
from ..sources import BadInput


class Mistakes:
    """What is wrong with a file of test items. None may be left out, or before and after would not be measured on the same."""

    def __init__(self, name: object):
        self.name = name
        self.found: dict[str, list[str]] = {}

    def add(self, reason: str, item: str) -> None:
        """What is wrong with an item that is named with its line, such as ``q7 (line 12)``."""
        self.found.setdefault(reason, []).append(item)

    def refuse(self) -> None:
        """Ends the reading if anything was wrong.

        Raises:
            BadInput: counts what is wrong by reason, and names the first items of each.
        """
        if self.found:
            told = "; ".join(f"{reason}: {len(items)} ({listed(items)})" for reason, items in self.found.items())
            raise BadInput(f"{self.name}: {told}; mend or remove them")


def doubts(texts: Mapping[Lang, Mapping[str, Sequence[str]]], where: object) -> dict[Lang, str]:
    """What casts doubt on a language's items because of the language their texts are in, by language; also said aloud.

    Raises:
        BadInput: most items of a language are in another.
    """
    found = {lang: in_other_languages(items, lang, where) for lang, items in texts.items()}
    for sentence in filter(None, found.values()):
        progress.say_once(f"{where}: {sentence}")
    return found


def failed(values: Mapping[str, float | None]) -> str:
    """One sentence with the ids of items that do not count, as the likelihood of an option is not finite; empty without any."""
    lost = [id for id, value in values.items() if value is None]
    told = f"{len(lost)} of {len(values)} items failed, as the model gives an option no finite likelihood: {listed(lost)}"
    return told if lost else ""


def english_names(lang: Lang) -> list[str]:
    """A language as English file names call it: ``spanish``, ``serbian_latin``, ``chinese_simplified``, ``scottish_gaelic``."""
    from babel import Locale, UnknownLocaleError

    names = [lang.english_name, Lang(lang.language).english_name]
    # A script that goes without saying is no part of a `Lang`, but may be one of a file's name.
    with suppress(UnknownLocaleError):  # a language of one script
        names.insert(0, str(Locale(lang.language, script=lang.script).get_display_name("en")))
    return list(dict.fromkeys("_".join(name.casefold().replace("(", "").replace(")", "").split()) for name in names))


def file_in(path: Path, lang: Lang) -> Path:
    """The file that holds a language: ``{lang}`` in the path stands for any of its codes or its English name.

    Raises:
        FileNotFoundError: there is none; the error lists the languages there are.
    """
    for name in english_names(lang):
        if "{lang}" in str(path) and (file := Path(str(path.expanduser()).replace("{lang}", name))).is_file():
            return existing(file)
    return in_language(path, lang)


def files_of(path: Path) -> dict[str, Path]:
    """Every file that a path with ``{lang}`` in its name may stand for, by name; the one file where it has none."""
    if "{lang}" not in path.name:
        return every(path)
    folder = path.expanduser().parent
    return {file.name: file for file in sorted(folder.glob(path.name.replace("{lang}", "*"))) if file.is_file()}


def held(identity: Any, path: Path) -> Any:
    """An evaluator's identity by the contents of its files."""
    return by_content(identity, "path", files_of(path))
