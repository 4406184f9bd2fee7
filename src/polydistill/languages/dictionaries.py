"""Dictionaries: a TSV of source word and target word, one pair a line."""

from functools import cache
from pathlib import Path


@cache
def read_dictionary(path: Path) -> dict[str, str]:
    """{source word in lower case: its first translation}; lines that begin with # are comments.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a line has no tab; the error names it.
    """
    found: dict[str, str] = {}
    with path.expanduser().open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if line.startswith("#") or not line.strip():
                continue
            source, tab, target = line.rstrip("\n").partition("\t")
            if not tab:
                raise ValueError(f"{path}, line {number}: a dictionary line is SOURCE<tab>TARGET, this has no tab")
            found.setdefault(source.strip().casefold(), target.split("\t")[0].strip())
    return found
