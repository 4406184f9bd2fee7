"""JSON of a stranger: read within limits, so that it can neither hang nor fill the memory, and only one way to read it."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

MAX_BYTES = 100_000_000
"""Three times the largest tokenizer.json of a well-known model (Gemma 3's has 33 MB)."""
MAX_INSIDE = 5_000_000
"""Objects and lists; a tokenizer with 500,000 merges has as many lists."""
MAX_DEPTH = 60


def read_json(path: Path) -> Any:
    """What a JSON file holds.

    Raises:
        ValueError: it is too large or too deep, no UTF-8, no JSON, or has a key twice.
    """
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise ValueError(f"{size} bytes, at most {MAX_BYTES}")
    return parsed_json(path.read_bytes())


def parsed_json(given: bytes) -> Any:
    """The same of bytes."""
    if given.count(b"{") + given.count(b"[") > MAX_INSIDE:
        raise ValueError(f"more than {MAX_INSIDE} objects and lists")
    try:  # Python itself refuses whole numbers of more than 4,300 digits
        value = json.loads(given.decode("utf-8"), object_pairs_hook=_once, parse_constant=_constant)
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 at byte {error.start}") from None
    except RecursionError:
        raise ValueError(f"nested more than {MAX_DEPTH} deep") from None
    left = [(value, 1)]
    while left:
        inside, depth = left.pop()
        if depth > MAX_DEPTH:
            raise ValueError(f"nested more than {MAX_DEPTH} deep")
        if isinstance(inside, dict | list):
            values = inside.values() if isinstance(inside, dict) else inside
            left.extend((one, depth + 1) for one in values if isinstance(one, dict | list))
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        ((twice, _),) = Counter(key for key, _ in pairs).most_common(1)
        raise ValueError(f"the key {twice[:60]!r} more than once in one object")
    return found


def _constant(name: str) -> float:
    if name == "NaN":  # Infinity stands in honest configurations, for a limit that is none
        raise ValueError("NaN")
    return float(name)
