"""Reading XML that strangers wrote: streamed, with line numbers, nothing fetched and no entity expanded."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from ..reading import LONGEST_LINE, LeftOut, existing
from . import BadInput

DEEPEST = 100
"""Elements inside one another, in one that is wanted."""


def elements(path: Path, wanted: str, out: LeftOut) -> Iterator[tuple[int, Element]]:
    """Streams the whole XML elements of a local name, each with the line it begins on; nothing else is held in memory.

    Nothing is ever fetched and no entity but XML's own five is expanded: a file that declares or uses one is refused.
    A document type without declarations, as many TMX files carry it, is let pass and not looked up. The parser is
    expat itself because `xml.etree` does not tell a harmless document type from one that declares entities.

    Raises:
        BadInput: the file holds entities, or an element that is too deep or too large; or, under ``on_error: stop``, broken
            XML, after what came before it.
    """
    found: list[tuple[int, Element]] = []
    builder, depth, began, held = TreeBuilder(), 0, 0, 0

    def name(tag: str) -> str:
        return "{" + tag if "}" in tag else tag

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal builder, depth, began, held
        if depth == 0 and tag.rpartition("}")[2] != wanted:
            return
        if depth == 0:
            builder, began, held = TreeBuilder(), parser.CurrentLineNumber, 0
        depth += 1
        if depth > DEEPEST:
            raise BadInput(f"{path}, line {parser.CurrentLineNumber}: elements more than {DEEPEST} deep in one another")
        hold(sum(map(len, attributes.values())) + len(attributes) + 100)
        builder.start(name(tag), {name(key): value for key, value in attributes.items()})

    def data(text: str) -> None:
        if depth:
            hold(len(text))
            builder.data(text)

    def hold(more: int) -> None:
        nonlocal held
        held += more
        if held > LONGEST_LINE:
            raise BadInput(f"{path}, line {began}: a {wanted} of more than {LONGEST_LINE >> 20} MiB; is this such a file?")

    def end(tag: str) -> None:
        nonlocal depth
        if depth:
            builder.end(name(tag))
            depth -= 1
            if depth == 0:
                found.append((began, builder.close()))

    def refuse(*given: Any) -> None:
        raise BadInput(f"{path}, line {parser.CurrentLineNumber}: the XML entity '{given[0]}' is refused; write the text out")

    parser = expat.ParserCreate(namespace_separator="}")
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, data
    parser.EntityDeclHandler = parser.SkippedEntityHandler = refuse
    with existing(path, utf8=False).open("rb") as file:
        try:
            for chunk in _chunks(file):
                parser.Parse(chunk, not chunk)
                if file.tell() - parser.CurrentByteIndex > LONGEST_LINE:
                    raise BadInput(
                        f"{path}, line {parser.CurrentLineNumber}: a tag or a comment of more than {LONGEST_LINE >> 20} MiB"
                    )
                yield from found
                found.clear()
        except LookupError:
            raise BadInput(f"{path} states an encoding that is not known here; convert it to UTF-8") from None
        except expat.ExpatError as error:
            yield from found
            out.bad(error.lineno, "broken XML", f"{expat.ErrorString(error.code)}, column {error.offset + 1}")


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    """The file in pieces, and an empty one at its end."""
    while True:
        chunk = file.read(1 << 16)
        yield chunk
        if not chunk:
            return
