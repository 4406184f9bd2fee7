"""Reading what people bring: JSONL, JSON, Parquet and plain lines, streamed, every mistake with its file and line."""

import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from . import progress
from .component import nearest
from .sources import BadInput

OnError = Literal["stop", "skip"]
"""What a row that cannot be used does: ``stop`` ends the reading with an error, ``skip`` leaves it out and counts it."""

LONGEST_LINE = 16 << 20
"""Bytes. A longer line is no row; it is refused before it fills the memory."""
LARGEST_JSON = 1 << 30
"""Bytes. A JSON list has to be held whole; a larger one should be JSONL."""
ROWS_AT_ONCE = 1024
"""Rows of a Parquet file that are held at a time."""

DETAIL = 400
"""Characters of what is wrong with a row."""

COMPRESSED = {
    b"\x1f\x8b": "gunzip",
    b"\x28\xb5\x2f\xfd": "unzstd",
    b"PK\x03\x04": "unzip",
    b"BZh": "bunzip2",
    b"\xfd7zXZ": "unxz",
}


_SKIPPED: ContextVar[dict[str, Counter[str]] | None] = ContextVar("skipped", default=None)
_SPACE = re.compile(r"[ \t\r\n]*")
_UNWRITABLE = re.compile("[\0\ud800-\udfff]")


@contextmanager
def counting_skipped() -> Iterator[Callable[[], dict[str, int]]]:
    """Counts what sources skip while the block runs; gives a function that says how many rows by reason."""
    found: dict[str, Counter[str]] = {}
    token = _SKIPPED.set(found)
    try:
        yield lambda: dict(sum(found.values(), Counter()))
    finally:
        _SKIPPED.reset(token)


def skipped(name: str, reasons: Counter[str]) -> None:
    """Tells `counting_skipped` what a source has skipped so far; reading it a second time counts nothing twice."""
    if (found := _SKIPPED.get()) is not None:
        found[name] = found.get(name, Counter()) | reasons


class LeftOut:
    """What was left out of a file, why, and where it was first seen."""

    def __init__(self, name: object, on_error: OnError | None = None, unit: str = "line"):
        self.name, self.on_error, self.unit = str(name), on_error, unit
        self.reasons: dict[str, tuple[int, list[str]]] = {}
        self.skipped: Counter[str] = Counter()

    def bad(self, at: object, reason: str, detail: str = "") -> None:
        """A row that cannot be used.

        Raises:
            BadInput: unless ``on_error`` is ``skip``, which not everything that reads can be told.
        """
        if self.on_error != "skip":
            more = f" ({detail[:DETAIL]})" if detail else ""
            hint = f"; on_error: skip leaves such a {self.unit} out" if self.on_error else ""
            raise BadInput(f"{self.name}, {self.unit} {at}: {reason}{more}{hint}")
        self.add(at, reason)
        self.skipped[reason] += 1
        skipped(self.name, self.skipped)

    def add(self, at: object, reason: str) -> None:
        """A row that is no mistake, but of no use."""
        count, first = self.reasons.get(reason, (0, []))
        self.reasons[reason] = (count + 1, [*first, str(at)] if len(first) < 3 and str(at) not in first else first)

    def text(self) -> str:
        """Counts by reason with the first places, such as ``2 broken JSON (line 4, 9)``."""
        return ", ".join(
            f"{count} {reason} ({self.unit} {', '.join(first)}{', ...' if count > len(first) else ''})"
            for reason, (count, first) in self.reasons.items()
        )

    def say(self) -> None:
        """Says what was left out, if anything was."""
        if self.reasons:
            progress.say_once(f"{self.name}: left out {self.text()}")


def existing(path: Path, utf8: bool = True) -> Path:
    """The path of a file that can be read, ``~`` expanded. ``utf8`` is False for XML, which says its encoding itself.

    Raises:
        FileNotFoundError: there is none; the error gives the nearest name in its folder.
        BadInput: it is a folder, a pipe, a device, empty, compressed or in UTF-16.
    """
    path = path.expanduser()
    if path.is_dir():
        inside = sorted(p.name for p in path.iterdir() if p.is_file())
        raise BadInput(f"{path} is a folder; give a file in it" + (f", such as {path / inside[0]}" if inside else ""))
    if not path.exists():
        raise FileNotFoundError(f"no file {path}{_near(path)}")
    if not path.is_file():  # a pipe would be waited for, a device has no end
        raise BadInput(f"{path} is a pipe or a device; give a file")
    with path.open("rb") as file:
        head = file.read(8)
    if not head:
        raise BadInput(f"{path} is empty")
    if utf8 and head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise BadInput(f"{path} is in UTF-16; convert it with: iconv -f UTF-16 -t UTF-8")
    for magic, command in COMPRESSED.items():
        if head.startswith(magic):
            raise BadInput(f"{path} is compressed; unpack it with: {command}")
    return path


def _near(path: Path) -> str:
    folder = path.parent
    if path.is_symlink():
        return f": it is a link to {os.readlink(path)}, where there is nothing"
    if not folder.is_dir():
        return f"; there is no folder {folder}"
    near = nearest(path.name, [p.name for p in folder.iterdir()])
    return f"; did you mean {folder / near}?" if near else f"; nothing in {folder} has a name like it"


def keys_of(row: Mapping[Any, Any], most: int = 20) -> str:
    """The keys of a row, for people: not all of thousands, and none of thousands of characters."""
    names = [str(key)[:40] for key in islice(row, most)]
    return ", ".join([*names, *(["..."] if len(row) > most else [])]) or "none"


def unwritable(text: str) -> bool:
    """Whether a text holds what no text file can: a zero character, or half a surrogate pair (JSON can say ``\\ud800``)."""
    return bool(_UNWRITABLE.search(text))


def raw_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines of a file with their numbers from 1, as bytes with their line ends. Only a line feed ends a line."""
    with existing(path).open("rb") as file:
        for number, raw in enumerate(iter(lambda: file.readline(LONGEST_LINE + 1), b""), 1):
            if len(raw) > LONGEST_LINE:
                raise BadInput(f"{path}, line {number}: longer than {LONGEST_LINE >> 20} MiB; is this a text file?")
            yield number, raw.removeprefix(b"\xef\xbb\xbf") if number == 1 else raw


def decoded(raw: bytes, number: int, out: LeftOut) -> str | None:
    """A line as text without its line end; None where it had to be left out."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.reason == "unexpected end of data" and not raw.endswith(b"\n"):
            out.bad(number, "cut off", f"the file ends inside a character, after byte {error.start}")
        else:
            wrong = f"byte {error.start + 1} is 0x{raw[error.start]:02x}"
            out.bad(number, "not UTF-8", f"{wrong}; if it is Windows-1252: iconv -f WINDOWS-1252 -t UTF-8")
        return None
    return text.rstrip("\r\n")


def lines(path: Path, out: LeftOut) -> Iterator[tuple[int, str]]:
    """The lines of a UTF-8 file with their numbers, without line ends; a byte order mark is dropped."""
    for number, raw in raw_lines(path):
        if (text := decoded(raw, number, out)) is not None:
            yield number, text


def count_lines(path: Path) -> int:
    """How many lines `raw_lines` gives."""
    return sum(1 for _ in raw_lines(path))


def objects(path: Path, out: LeftOut) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of a JSONL, JSON or Parquet file, told apart by content, with their line (Parquet: row) from 1.

    JSONL and Parquet are streamed. A JSON file is a list of objects.

    Raises:
        FileNotFoundError: the file is missing.
        BadInput: the file is empty or unreadable or, under ``on_error: stop``, a row is.
    """
    path = existing(path)
    with path.open("rb") as file:
        head = file.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()
    if head.startswith(b"PAR1"):
        out.unit, read = "row", _parquet
    elif path.suffix == ".parquet":
        raise BadInput(f"{path} is not Parquet: it does not begin with PAR1")
    else:
        read = _json_list if head.startswith(b"[") else _jsonl
    empty = True
    for number, value in read(path, out):
        empty = False
        if isinstance(value, dict):
            yield number, value
        else:
            out.bad(number, "not an object", f"a {type(value).__name__}")
    if empty and not out.reasons:
        raise BadInput(f"{path} is empty")


def _jsonl(path: Path, out: LeftOut) -> Iterator[tuple[int, Any]]:
    for number, raw in raw_lines(path):
        if not raw.strip():
            continue
        if (text := decoded(raw, number, out)) is None:
            continue
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as error:
            cut = number > 1 and not raw.endswith(b"\n")
            hint = "; a .json file holds a list of objects" if path.suffix == ".json" and number == 1 else ""
            out.bad(number, "cut off" if cut else "broken JSON", _json_error(error) + hint)
            continue
        yield number, value


def _json_list(path: Path, out: LeftOut) -> Iterator[tuple[int, Any]]:
    if path.stat().st_size > LARGEST_JSON:
        raise BadInput(f"{path} is one JSON list of more than {LARGEST_JSON >> 30} GiB; make it JSONL with: jq -c '.[]'")
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line, start = raw.count(b"\n", 0, error.start) + 1, raw.rfind(b"\n", 0, error.start) + 1
        wrong = f"byte {error.start - start + 1} is 0x{raw[error.start]:02x}"
        whole = "; a list is read whole, so on_error: skip cannot leave the line out, as it can in JSONL"
        raise BadInput(f"{path}, line {line}: not UTF-8 ({wrong}); convert it with iconv{whole}") from None

    def skip_space(at: int) -> int:
        return _SPACE.match(text, at).end()  # type: ignore[union-attr]

    at, line, counted = skip_space(skip_space(0) + 1), 1, 0
    try:
        while text[at : at + 1] != "]":
            line, counted = line + text.count("\n", counted, at), at
            value, at = json.JSONDecoder().raw_decode(text, at)
            yield line, value
            at = skip_space(at)
            if text[at : at + 1] == ",":
                at = skip_space(at + 1)
            elif text[at : at + 1] != "]":
                raise json.JSONDecodeError("Expecting ',' or ']'", text, at)
        if skip_space(at + 1) < len(text):
            raise json.JSONDecodeError("Text after the list", text, skip_space(at + 1))
    except (ValueError, RecursionError) as error:
        where = getattr(error, "pos", at)
        out.bad(text.count("\n", 0, where) + 1, "cut off" if where >= len(text) else "broken JSON", _json_error(error))


def _json_error(error: Exception) -> str:
    return f"{error.msg}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else "too deep or too large"


def _parquet(path: Path, out: LeftOut) -> Iterator[tuple[int, Any]]:
    from pyarrow import ArrowException, parquet

    number = 0
    try:
        with parquet.ParquetFile(path) as file:
            _rows_of_bearable_size(path, file.metadata)
            for batch in file.iter_batches(ROWS_AT_ONCE):
                for value in batch.to_pylist():
                    number += 1
                    yield number, value
    except (ArrowException, OSError) as error:
        reason = str(error).splitlines()[0][:200]
        raise BadInput(f"{path} cannot be read as Parquet after row {number}: {reason}; was it written whole?") from None


def _rows_of_bearable_size(path: Path, metadata: Any) -> None:
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        if group.total_byte_size > LONGEST_LINE * max(1, group.num_rows):
            raise BadInput(f"{path} says it holds rows of more than {LONGEST_LINE >> 20} MiB; are these texts?")
