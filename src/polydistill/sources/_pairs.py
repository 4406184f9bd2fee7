"""Files of translations: TMX, TSV, rows of objects, and plain files aligned line by line."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

from ..languages.language_files import in_language, named
from ..reading import LeftOut, OnError, count_lines, decoded, lines, objects, raw_lines
from ..records import Lang
from . import BadInput
from ._xml import elements

Sides = dict[str, Any]
"""The two texts of a pair, and perhaps more, by language code or by ``source`` and ``target``; an ``id`` where there is one."""

CODE = {"bpt", "ept", "ph", "it", "ut"}
"""TMX elements that hold another format's markup."""


def sides_of(path: Path, source: Lang, target: Lang, out: LeftOut) -> Iterator[tuple[int, Sides]]:
    """Each pair with its line (Parquet: row); the path's ending says what the file is, ``{lang}`` in it is filled in.

    Raises:
        FileNotFoundError: a file is missing.
        BadInput: a file cannot be read, or under ``stop`` two plain files have not as many lines as each other.
    """
    ending = path.suffix.lower()
    if ending == ".tmx":
        return ((line, _unit(unit)) for line, unit in elements(in_language(path, target), "tu", out))
    if ending == ".tsv":
        return _columns(in_language(path, target), source, target, out)
    if ending in (".jsonl", ".json", ".parquet"):
        rows = objects(in_language(path, target), out)
        return ((n, {**row, **row["translation"]} if isinstance(row.get("translation"), dict) else row) for n, row in rows)
    if "{lang}" not in str(path):
        raise BadInput(f"{path} is one plain file; put {{lang}} in its name for the two, or give .tmx, .tsv or .jsonl")
    return _aligned(in_language(path, source), in_language(path, target), out.on_error)


def key_of(sides: Sides, lang: Lang, role: str) -> str | None:
    """The key of a language's side: one of its codes, else its role (``source`` or ``target``); None where there is neither."""
    return named(lang, tuple(sides)) or (role if role in sides else None)


def _unit(unit: Element) -> Sides:
    """The sides of a TMX unit; what is another format's markup is dropped."""
    sides: Sides = {}
    for side in unit.iterfind("{*}tuv"):
        code = side.get("{http://www.w3.org/XML/1998/namespace}lang") or side.get("lang") or ""
        sides[code] = "".join(_shown(seg) for seg in side.iterfind("{*}seg"))
    return {**({"id": unit.get("tuid")} if unit.get("tuid") else {}), **sides}


def _shown(element: Element) -> str:
    if element.tag.rpartition("}")[2] in CODE:
        return ""
    return (element.text or "") + "".join(_shown(child) + (child.tail or "") for child in element)


def _columns(path: Path, source: Lang, target: Lang, out: LeftOut) -> Iterator[tuple[int, Sides]]:
    header: list[str] = []
    for number, line in lines(path, out):
        cells = line.split("\t")
        if not line.strip():
            continue
        if not header and len(cells) > 1:
            names = dict.fromkeys(cell.strip() for cell in cells)
            if key_of(names, source, "source") and key_of(names, target, "target"):
                header = list(names)
                continue
            header = ["source", "target", "id"][: len(cells)]
        if len(cells) != len(header):
            more = "" if len(cells) <= (len(header) or 2) else "; name them in the first line, such as id, eng, spa"
            out.bad(number, "wrong number of columns", f"{len(cells)}, where there should be {len(header) or 2}{more}")
            continue
        yield number, dict(zip(header, cells, strict=True))


def _aligned(one: Path, other: Path, on_error: OnError) -> Iterator[tuple[int, Sides]]:
    """Under ``skip`` up to the end of the shorter file, without its last line where that is not ended."""
    counts = count_lines(one), count_lines(other)
    if counts[0] != counts[1] and on_error == "stop":
        said = f"{one} has {counts[0]} lines, {other} has {counts[1]}: aligned files have as many lines as each other"
        raise BadInput(f"{said}; on_error: skip reads up to where the shorter one ends")
    outs = LeftOut(one, on_error), LeftOut(other, on_error)
    last = min(counts)
    try:
        for out, count in zip(outs, counts, strict=True):
            for number in range(last + 1, count + 1):
                out.bad(number, "without a partner")
        for (number, first), (_, second) in zip(raw_lines(one), raw_lines(other), strict=False):
            if number == last and counts[0] != counts[1]:
                shorter, raw = (outs[0], first) if counts[0] == last else (outs[1], second)
                if not raw.endswith(b"\n"):
                    shorter.bad(number, "cut off")
                    break
            texts = decoded(first, number, outs[0]), decoded(second, number, outs[1])
            if texts[0] is not None and texts[1] is not None:
                yield number, {"source": texts[0], "target": texts[1]}
    finally:
        for out in outs:
            out.say()  # also when the reader has enough and stops
