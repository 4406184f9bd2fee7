"""Apertium's program and its stream format: sentences in, translated sentences out."""

import re
from collections.abc import Sequence
from pathlib import Path

from ..records import Lang
from . import _programs as programs

SECONDS = 60.0
SECONDS_A_SENTENCE = 0.1
"""A process is ended after ``SECONDS + SECONDS_A_SENTENCE * sentences``; one core does 500 to 2,600 sentences a second."""

_RESERVED = re.compile(r"[\^$\[\]{}/@<>\\]")
_NUMBER = re.compile(r"\[(\d+)\]\Z")


def modes(data: Path | None) -> list[str]:
    """The names of the installed modes.

    Raises:
        programs.Failed: there is no Apertium.
    """
    return programs.run(["apertium", *_folder(data), "-l"], b"", SECONDS).decode().split()


def translate(mode: str, texts: Sequence[str], data: Path | None) -> list[str]:
    """One process for all texts. Each carries its number to the other end, so that none can take another's place.

    Raises:
        programs.Failed: it ended with an error, took too long, or gave back a part only.
    """
    given = "".join(f"{escaped(text)}[].[][{number}]\0" for number, text in enumerate(texts)).encode("utf-8")
    command = ["apertium", *_folder(data), "-u", "-z", "-f", "none", mode]
    written = programs.run(command, given, SECONDS + SECONDS_A_SENTENCE * len(texts))
    found = {}
    for part in written.decode("utf-8", "replace").split("\0"):
        number = _NUMBER.search(part)
        if number:
            found[int(number[1])] = part[: number.start()]
    if len(found) != len(texts):
        raise programs.Failed(f"apertium {mode} gave back {len(found)} of {len(texts)} sentences")
    return [unescaped(found[number], text) for number, text in enumerate(texts)]


def escaped(text: str) -> str:
    """A text in the stream format; an empty blank keeps a last "no." from being read as short for "number".

    Raises:
        ValueError: it holds a line break or another control character.
    """
    if re.search(r"[\x00-\x1f\u2028\u2029\ud800-\udfff]", text):
        raise ValueError(f"a line break or control character in a text to translate: {text[:60]!r}; cut it with guard.split")
    text = _RESERVED.sub(r"\\\g<0>", text).replace("~", "[~]")
    return re.sub(r"(?i)\b(no)\.(?!\s*\d)", r"\1[].", text)


def unescaped(stream: str, source: str) -> str:
    """The text of a stream, without spaces that the source has none like, and around it the source's own."""
    text = stream.removesuffix("[].[]")
    text = re.sub(r"(?<!\\)\[(.*?)(?<!\\)\]", r"\1", text)
    text = re.sub(r"\\(.)", r"\1", text)
    for stray, single in ((r" {2,}", " "), (r" +(?=[,.)\]])", "")):  # what dropped and moved words leave behind
        if not re.search(stray, source):
            text = re.sub(stray, single, text)
    start, end = len(source) - len(source.lstrip()), len(source.rstrip())
    return source[:start] + text.strip() + source[max(start, end) :]


def opened(text: str, target: Lang) -> str:
    """A question or exclamation with the mark it begins with in Spanish and Asturian, which Apertium does not write."""
    if target.alpha3 not in ("spa", "ast"):
        return text
    end = re.search(r"[?!](?=[\"'”’»)\]*_]*\s*\Z)", text)
    mark = {"?": "¿", "!": "¡"}[end[0]] if end else ""
    return text if not mark or mark in text else re.sub(r"^[\s\"'“‘«(\[*_]*", lambda match: match[0] + mark, text)


def _folder(data: Path | None) -> list[str]:
    return ["-d", str(data)] if data else []
