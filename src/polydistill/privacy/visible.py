"""Texts that strangers wrote, as they may be shown: what hides in them, or turns what is beside it, is seen."""

import unicodedata
from collections.abc import Mapping
from typing import Any

HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""Unicode's categories of controls, invisible formats, lone surrogates, line and paragraph separators."""
WRITTEN = {
    "\n", "\t", "\u00ad", "\u061c", "\u180e", *map(chr, range(0x200B, 0x2010)),
    *map(chr, range(0x600, 0x606)), "\u06dd", "\u070f", "\u0890", "\u0891", "\u08e2", "\U000110bd", "\U000110cd",
}  # fmt: skip
"""Those among them that scripts are written with: joiners, spaces without width, direction marks, signs over numbers."""
TURNS = {
    "\u202a": "LRE", "\u202b": "RLE", "\u202c": "PDF", "\u202d": "LRO", "\u202e": "RLO", "\u2066": "LRI", "\u2067": "RLI",
    "\u2068": "FSI", "\u2069": "PDI",
}  # fmt: skip
"""Characters that make text run another way than it reads, by their names in Unicode's UAX 9."""


def visible(text: str) -> str:
    """The text with a mark such as ⟦RLO⟧ or ⟦U+001B⟧ for each character that hides or turns what is beside it.

    What scripts are written with stays, so that text from right to left is shown as it is.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        f"⟦{TURNS[c]}⟧" if c in TURNS
        else f"⟦U+{ord(c):04X}⟧" if unicodedata.category(c) in HIDDEN and c not in WRITTEN
        else c
        for c in text.replace("\r\n", "\n")
    )  # fmt: skip


def seen(value: Any) -> Any:
    """Every text inside a value made `visible`."""
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, Mapping):
        return {seen(key): seen(inner) for key, inner in value.items()}
    return [seen(inner) for inner in value] if isinstance(value, (list, tuple)) else value
