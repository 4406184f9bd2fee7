"""Mallard help pages: their prose, and the prose of two translations side by side."""

import re
from collections import Counter
from typing import NamedTuple
from xml.etree.ElementTree import Element

NAMESPACES = ("http://projectmallard.org/1.0/", "http://projectmallard.org/if/1.0/")
BLOCKS = {
    "section", "info", "title", "subtitle", "desc", "p", "list", "steps", "terms", "tree", "item", "note", "quote", "example",
    "div", "figure", "media", "table", "thead", "tbody", "tfoot", "tr", "td", "links", "synopsis", "if", "choose", "when",
    "else",
}  # fmt: skip
"""Elements that hold prose, or blocks that do. Code, listings, editors' comments, credits and timed captions are none."""
LEAVES = {"title": "heading", "subtitle": "heading", "desc": "paragraph", "p": "paragraph"}
"""Elements that are always prose, and what they are; ``item`` and ``td`` are when they hold no block."""
JOINED = {"keyseq": "+", "guiseq": " > "}
"""Elements whose parts are shown with a sign between them."""

SPACE = re.compile(r"[ \t\r\n]+")


Block = tuple[tuple[str, str], Element]
"""An element with its kind: tag and id."""


class Said(NamedTuple):
    """The same piece of prose on two pages."""

    note: str
    """``title`` and ``description`` (of the page), ``heading`` or ``paragraph``."""
    one: str
    other: str


def side_by_side(one: Element, other: Element) -> tuple[list[Said], int]:
    """The prose of two versions of a page, and the number of elements whose parts differ.

    Both trees are walked together. Where the blocks of two elements are not of the same kinds (and ids) in the same order,
    one may be missing anywhere, so only those of a kind that each side has once are followed.
    """
    found: list[Said] = []
    unequal = 0

    def walk(left: Element, right: Element, above: str) -> None:
        nonlocal unequal
        lefts, rights = _blocks(left), _blocks(right)
        if [kind for kind, _ in lefts] != [kind for kind, _ in rights]:
            unequal += 1
            lefts, rights = _once(lefts, rights), _once(rights, lefts)
        for ((tag, _), child), (_, twin) in zip(lefts, rights, strict=True):
            if _is_prose(child) and _is_prose(twin):
                found.append(Said(_note(tag, above), shown(child), shown(twin)))
            elif _is_prose(child) or _is_prose(twin):
                unequal += 1
            else:
                walk(child, twin, "info" if (above, tag) == ("page", "info") else "")

    walk(one, other, "page")
    return [said for said in found if said.one and said.other], unequal


def prose(page: Element) -> set[str]:
    """All that a page says."""
    return {said.one for said in side_by_side(page, page)[0]}


def _has_gap(element: Element) -> bool:
    """Whether a link stands in the text without words of its own: readers see another page's title there."""
    return any(_tag(part) == "link" and not "".join(part.itertext()).strip() for part in element.iter())


def shown(element: Element) -> str:
    """The text of an element without its markup, white space made single; empty where a link has no words of its own."""
    return "" if _has_gap(element) else SPACE.sub(" ", _flat(element)).strip(" ")


def _flat(element: Element) -> str:
    tag = _tag(element)
    if tag == "media":
        return ""
    if tag in JOINED and len(element):
        return JOINED[tag].join(_flat(child).strip() for child in element)
    return (element.text or "") + "".join(_flat(child) + (child.tail or "") for child in element)


def _tag(element: Element) -> str:
    """The local name; empty for an element that is not Mallard's."""
    space, _, name = element.tag[1:].partition("}")
    return name if space in NAMESPACES else ""


def _blocks(element: Element) -> list[Block]:
    """The blocks inside an element; of ``info`` only the description (its titles are other names of the page, for links)."""
    wanted = {"desc"} if _tag(element) == "info" else BLOCKS
    return [((_tag(child), child.get("id", "")), child) for child in element if _tag(child) in wanted]


def _is_prose(element: Element) -> bool:
    tag = _tag(element)
    return tag in LEAVES or (tag in ("item", "td") and not any(_tag(child) in BLOCKS for child in element))


def _once(these: list[Block], others: list[Block]) -> list[Block]:
    """Those whose kind both lists have once, in the order of their kinds."""
    here, there = Counter(kind for kind, _ in these), Counter(kind for kind, _ in others)
    return sorted((pair for pair in these if here[pair[0]] == there[pair[0]] == 1), key=lambda pair: pair[0])


def _note(tag: str, above: str) -> str:
    if (above, tag) == ("page", "title"):
        return "title"
    return "description" if (above, tag) == ("info", "desc") else LEAVES.get(tag, "paragraph")
