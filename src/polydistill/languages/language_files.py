"""Files, folders, columns and keys that are named by a language."""

import os
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import langcodes

from ..reading import existing
from ..records import Lang, digest
from ..storage.files import file_digest


@lru_cache(maxsize=4096)
def named(lang: Lang, names: tuple[str, ...]) -> str | None:
    """The name that stands for a language among names people use: ``es``, ``spa``, ``spa_Latn``, ``pt_BR``, ``sr@latin``.

    The same language and script at least; the same or the nearest region at best; None where there is none.
    """
    known = {name: read for name in names if (read := language_named(name))}
    exact = [name for name, read in known.items() if read == lang]
    near = [name for name, read in known.items() if (read.language, read.script) == (lang.language, lang.script)]
    far = {name: langcodes.tag_distance(lang.bcp47, known[name].bcp47) for name in near}
    return min(exact or near, key=lambda name: (far[name], name != lang, name), default=None)


@lru_cache(maxsize=4096)
def language_named(name: str) -> Lang | None:
    """The language a folder, a column or a key is named by (BCP-47, ISO 639 or gettext), None where it is no language."""
    code, _, modifier = name.partition("@")
    script = {"": "", "latin": "-Latn", "cyrillic": "-Cyrl", "devanagari": "-Deva"}.get(modifier)
    if script is None or not re.fullmatch(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*", code):
        return None
    try:
        return Lang(code + script)
    except ValueError:
        return None


def every(path: Path) -> dict[str, Path]:
    """The files a path with ``{lang}`` stands for, by what stands there; without ``{lang}`` the one file, by ''."""
    path = path.expanduser()
    at = next((n for n, part in enumerate(path.parts) if "{lang}" in part), None)
    if at is None:
        return {"": path}
    folder = Path(*path.parts[:at])
    before, *rest = (re.escape(piece) for piece in path.parts[at].split("{lang}"))
    pattern = re.compile(before + "(?P<lang>.+)" + "(?P=lang)".join(rest))
    found = sorted(match["lang"] for name in _names(folder) if (match := pattern.fullmatch(name)))
    files = {code: Path(str(path).replace("{lang}", code)) for code in found if language_named(code)}
    return {code: file for code, file in files.items() if file.is_file()}


def _names(folder: Path) -> list[str]:
    return os.listdir(folder) if folder.is_dir() else []


def in_language(path: Path, lang: Lang) -> Path:
    """The file that holds a language: ``{lang}`` in the path may stand for any of its codes.

    Raises:
        FileNotFoundError: there is none; the error lists the languages there are.
    """
    files = every(path)
    code = "" if "" in files else named(lang, tuple(files))
    if code is None:
        there = ", ".join(files) or "none"
        raise FileNotFoundError(f"no file {path} for {lang.english_name} ({lang}); languages there: {there}")
    return existing(files[code])


def by_content(identity: Any, setting: str, files: Mapping[str, Path]) -> Any:
    """A source's identity with the names and contents of its files (as `every` gives them) in place of where they lie."""
    (name, settings), version = next(iter(identity.items())), identity["version"]
    if not files:
        raise FileNotFoundError(f"no file for {name}'s {setting} {settings[setting]}")
    held = digest([[code, file.name, _held(file)] for code, file in sorted(files.items())])
    return {name: {**settings, setting: held}, "version": version}


def _held(file: Path) -> str:
    about = (file if file.is_file() else existing(file, utf8=False)).stat()
    return _digest_of(file, about.st_size, about.st_mtime_ns, about.st_ino)


@lru_cache(maxsize=1 << 16)
def _digest_of(file: Path, *about: int) -> str:
    """A file's digest, taken once a process while size, time and inode stay."""
    return file_digest(file)
