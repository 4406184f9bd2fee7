"""Where a text may be cut.

`pieces` cuts a text into sentences and everything else; `protected` knows what must stay as it is inside a sentence.
Every pattern is bounded, so that no input takes more than linear time.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from ..protected import spans, without

LONGEST_SENTENCE = 600
"""Characters. Translation models take about 512 tokens; a longer run without an end is cut where it hurts least."""

LONGEST_BLOCK = 50_000
"""Characters between the two ends of a formula or an HTML block that spans lines."""


class Piece(NamedTuple):
    """A part of a text, and whether it is there to be translated."""

    text: str
    sentence: bool


def pieces(text: str) -> list[Piece]:
    """The text in order; the pieces join back to it exactly. No sentence holds a line break or begins or ends with a space."""
    found: list[Piece] = []
    for block, kept in _blocks(text):
        if kept:
            found.append(Piece(block, False))
            continue
        for number, line in enumerate(_BREAK.split(block)):
            if number % 2:
                found.append(Piece(line, False))
            else:
                found.extend(piece for piece in _line(line) if piece.text)
    return found


def has_words(text: str) -> bool:
    """Whether there is a letter outside of what must stay as it is."""
    return any(character.isalpha() for character in bare(text))


def bare(text: str) -> str:
    """The text without what must stay as it is."""
    return without(text, lambda length: " ")


# What spans lines: fenced code, display formulas, preformatted HTML.

_FENCE = re.compile(r"[ \t>]{0,40}(?:(?:[-*+]|\d{1,3}[.)])[ \t]{1,8})?(`{3,}|~{3,})([^\n]*)")
_OPEN = re.compile(r"\$\$|\\\[|\\begin\{([a-zA-Z*]{1,30})\}|<(pre|code|script|style|math|svg)\b[^<>]{0,300}>|<!--")
_BREAK = re.compile("([\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+)")
"""Line breaks, tabs and other control characters, and lone surrogates, which no program takes."""


def _blocks(text: str) -> Iterator[tuple[str, bool]]:
    """The text in blocks, and whether each must stay as it is."""
    prose, fence = 0, ""
    start = 0
    for line in text.splitlines(keepends=True):
        end = start + len(line)
        match = _FENCE.match(line)
        if fence:
            if match and match[1].startswith(fence) and not match[2].strip():
                yield text[prose:end], True
                prose, fence = end, ""
        elif match and "`" not in match[2]:
            yield from _inside(text[prose:start])
            prose, fence = start, match[1]
        start = end
    if fence:  # cut off before its end
        yield text[prose:], True
    else:
        yield from _inside(text[prose:])


def _inside(prose: str) -> Iterator[tuple[str, bool]]:
    """Formulas and HTML blocks within prose."""
    done = 0
    known: dict[str, tuple[int, int | None]] = {}
    for match in _OPEN.finditer(prose):
        if match.start() < done:
            continue
        closing = _closing(match)
        end, line = (_find(prose, needle, match.end(), known) for needle in (closing, "\n"))
        if end is None or line is None or line > end:  # on one line it is part of a sentence
            continue
        yield prose[done : match.start()], False
        done = end + len(closing)
        yield prose[match.start() : done], True
    yield prose[done:], False


def _find(text: str, needle: str, at: int, known: dict[str, tuple[int, int | None]]) -> int | None:
    """The next place of a needle within reach, None where there is none; what was searched once is not searched again."""
    searched, place = known.get(needle, (0, None))
    if place is not None and place >= at:
        return place
    found = text.find(needle, max(at, searched - len(needle) + 1), at + LONGEST_BLOCK)
    known[needle] = (found + 1, found) if found >= 0 else (at + LONGEST_BLOCK, None)
    return known[needle][1]


def _closing(match: re.Match[str]) -> str:
    if match[1]:
        return f"\\end{{{match[1]}}}"
    if match[2]:
        return f"</{match[2]}>"
    return {"$$": "$$", "\\[": "\\]", "<!--": "-->"}[match[0]]


# Lines.

_LEAD = re.compile(
    r"(?:[^\S\n]+|>|#{1,6}(?=\s)|[-*+•‣▪◦·–—●○■□✓✔✗✘➢➤→](?=\s)"
    r"|\(?(?:\d{1,3}|[A-Za-z]|[ivxIVX]{2,4})[.)](?=\s)|\d{1,3}[、．](?=\D)|\[[ xX]\](?=\s))*"
)
_SPACE = re.compile(r"\s*")


def _line(line: str) -> Iterator[Piece]:
    """One line: what it begins with (indentation, list marker, heading), its sentences, its end."""
    lead = _LEAD.match(line).end()  # type: ignore[union-attr]
    yield Piece(line[:lead], False)
    if line.startswith("|", lead) and line.count("|") > 1:
        for number, cell in enumerate(re.split(r"(\s*\|\s*)", line[lead:])):
            yield from [Piece(cell, False)] if number % 2 else _sentences(cell)
    else:
        yield from _sentences(line[lead:])


def _sentences(text: str) -> Iterator[Piece]:
    """The sentences of a text without line breaks, and the white space between them."""
    body = text.rstrip()
    start = 0
    for end in [*_ends(body), len(body)]:
        if end > start:
            sentence = body[start:end].rstrip()
            yield Piece(sentence, has_words(sentence))
            shown = start + len(sentence)
            start = _SPACE.match(body, shown).end()  # type: ignore[union-attr]
            yield Piece(body[shown:start], False)
    yield Piece(text[len(body) :], False)


# Ends of sentences.

_END = re.compile(
    r"(?P<full>[。！？｡]+|．(?!\d))[\"'”’」』）)】》〉*_]*"
    r"|(?P<mark>[.!?…‼⁇⁈⁉؟۔।॥።፧။။៕։;]+)(?P<shut>[\"'”’»›)\]}*_]*)(?=\s)"
)
_CLAUSE = re.compile(r"[,;:،؛、，；：–—](?=\s)|[、，；：]|\s(?=\S)")
_LAST_TOKEN = re.compile(r"[^\s(\[\"'“‘«¿¡]+\Z")

# English; Spanish, Portuguese, Catalan, Galician, Italian, French; German, Dutch, Scandinavian; Slavic.
_ABBREVIATIONS = """
mr mrs ms dr prof st sr jr rev hon gov sen rep gen col capt lt sgt maj vs viz e.g i.e cf al approx ca fig figs eq vol pp ed
eds dept univ inc ltd co corp bros mt ft est min max jan feb mar apr jun jul aug sep sept oct nov dec a.m p.m
sra srta dra ud uds vd pág págs núm art arts av avda ej p.ej depto tel cap aprox sig dott ing avv m mme mlle mm env p.ex
bzw usw z.b d.h u.a nr str hr fr evtl ggf inkl bspw bijv dhr mevr blz f.eks bl.a t.ex osv
г гг т.е т.д т.п т.к ул им стр см рис тыс млн руб напр np tzw ul tj např mj
"""
_BEFORE_NUMBERS = "no nos nº n p pp vol fig figs ch sec art cap núm nr št č"

ABBREVIATIONS = frozenset(_ABBREVIATIONS.split())
"""Words whose full stop ends no sentence (lower case, without the last stop)."""

BEFORE_NUMBERS = frozenset(_BEFORE_NUMBERS.split())
"""Words whose full stop ends no sentence when a number follows."""


_BEFORE_ORDINAL = re.compile(r"(?:\A|\b(?:am|der|den|dem|des|im|vom|zum|beim|das|ab|bis|seit|og|den))\s*\Z", re.IGNORECASE)


def _ends(body: str) -> Iterator[int]:
    """Where a sentence ends before the last one, and where a run that is too long is cut."""
    inside = iter(spans(body))
    span = next(inside, None)
    start, protected = 0, []
    for match in _END.finditer(body):
        end = match.end()
        while span and span[1] < end:
            protected.append(span)
            span = next(inside, None)
        if (span and span[0] < end < span[1]) or end >= len(body) or not _is_end(body, match, start):
            continue
        yield from _cuts(body, start, end, protected)
        yield end
        start, protected = end, []
    protected += [span, *inside] if span else []
    yield from _cuts(body, start, len(body), protected)


def _is_end(body: str, match: re.Match[str], start: int) -> bool:
    if match["full"]:
        return True
    following = _NEXT.search(body, match.end())
    if following is None:
        return False
    head = following[0]
    if ";" in match["mark"]:  # the Greek question mark; elsewhere it ends no sentence
        return match["mark"] == ";" and "\u0370" <= body[match.start() - 1] <= "\u03ff" and not head.islower()
    if match["mark"][0] in "।॥۔።፧။៕։":
        return True
    if head.islower():
        return False
    if match["mark"] != "." or match["shut"]:
        return True
    token = _LAST_TOKEN.search(body, max(start, match.start() - 24), match.start())
    last = token[0].lower() if token else ""
    if last in ABBREVIATIONS or (head.isdigit() and last in BEFORE_NUMBERS):
        return False
    # An initial ("J. Smith"), a dotted abbreviation ("U.S.").
    if (len(last) == 1 and last.isalpha()) or re.fullmatch(r"(?:\w\.)+\w", last):
        return False
    # The number of a list ("1. Open") or an ordinal ("am 3. Oktober").
    return not (re.fullmatch(r"\d{1,2}", last) and _BEFORE_ORDINAL.search(body, start, token.start()))  # type: ignore[union-attr]


_NEXT = re.compile(r"[^\s\"'“”‘’«»‹›()\[\]{}*_¿¡`—–-]")


def _cuts(body: str, start: int, end: int, protected: list[tuple[int, int]]) -> Iterator[int]:
    """Cuts in a run that is too long: after a clause in its second half, else at white space, else anywhere but in a span."""
    at = 0
    while end - start > LONGEST_SENTENCE:
        limit = start + LONGEST_SENTENCE
        clauses = [m for m in _CLAUSE.finditer(body, start + LONGEST_SENTENCE // 3, limit)]
        cut = next((m.end() for m in reversed(clauses) if not m[0].isspace()), clauses[-1].start() if clauses else limit)
        while at < len(protected) and protected[at][1] <= cut:
            at += 1
        if at < len(protected) and protected[at][0] < cut:
            cut = protected[at][0] if protected[at][0] > start else protected[at][1]
        if cut >= end:
            return
        yield cut
        start = cut
