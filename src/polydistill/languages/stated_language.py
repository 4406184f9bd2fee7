"""Whether the texts of a file are in the language they are said to be in."""

from collections.abc import Mapping, Sequence

from ..records import Lang
from ..sources import BadInput
from .language_id import surely_other

FIRST = 5
"""How many ids a sentence names."""
TOGETHER = 100
"""How many texts are looked at as one where each alone is too short to judge."""


def listed(ids: Sequence[str]) -> str:
    """The first few ids, and whether there are more."""
    return ", ".join(ids[:FIRST]) + (", ..." if len(ids) > FIRST else "")


def in_other_languages(texts: Mapping[str, Sequence[str]], lang: Lang, where: object) -> str:
    """One sentence with the ids of the items of which a text is surely in another language than ``lang``; empty where none is.

    Sure is what `language_id.surely_other` is sure of, so a file of which it says nothing may still hold some.

    Raises:
        BadInput: that is more than half of the items, or all texts read as one are: it is the wrong file.
    """
    others = [id for id, said in texts.items() if any(surely_other(text, lang) for text in said)]
    together = " ".join(text for said in list(texts.values())[:TOGETHER] for text in said)
    stated = f"{lang.english_name} ({lang})"
    if 2 * len(others) > len(texts) or surely_other(together, lang):
        which = f"{len(others)} of {len(texts)} items ({listed(others)})" if others else f"its {len(texts)} items, read as one,"
        raise BadInput(f"{where} is said to be in {stated}, but {which} are in another language; is this the right file?")
    return f"{len(others)} of {len(texts)} items hold text that is not in {stated}: {listed(others)}" if others else ""
