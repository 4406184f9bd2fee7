"""Dictionaries: a TSV of source word and target word, one pair a line."""

from functools import cache
from pathlib import Path

from ..reading import LeftOut, lines
from ..sources import BadInput


@cache
def read_dictionary(path: Path) -> dict[str, str]:
    """{source word in lower case: its first translation}; lines that begin with # are comments.

    Raises:
        FileNotFoundError: there is no such file.
        BadInput: a line has no tab, is too long or no UTF-8; the error names it.
    """
    found: dict[str, str] = {}
    for number, line in lines(path.expanduser(), LeftOut(path)):
        if line.startswith("#") or not line.strip():
            continue
        source, tab, target = line.partition("\t")
        if not tab:
            raise BadInput(f"{path}, line {number}: a dictionary line is SOURCE<tab>TARGET, this has no tab")
        found.setdefault(source.strip().casefold(), target.split("\t")[0].strip())
    return found
