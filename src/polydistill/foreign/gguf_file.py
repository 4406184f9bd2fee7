"""What a GGUF file states of itself, read from its head."""

import functools
from pathlib import Path
from typing import Any

from .gguf_head import read_gguf_head


def gguf_about(path: Path) -> dict[str, Any]:
    """Name, licence and languages as a GGUF file states them."""
    wanted = {"name": "general.name", "licence": "general.license", "languages": "general.languages"}
    fields = gguf_fields(path)
    return {key: fields[field] for key, field in wanted.items() if field in fields}


def gguf_fields(path: Path) -> dict[str, Any]:
    """The fields ``general.*`` and ``tokenizer.chat_template``; that the file holds all its tensors is looked at too.

    Raises:
        BadModel: the file is cut off or damaged.
    """
    state = path.stat()
    return _fields(path, state.st_size, state.st_mtime_ns)


@functools.lru_cache
def _fields(path: Path, *state: int) -> dict[str, Any]:
    """Read once while size and time of change stay."""
    fields = read_gguf_head(path).fields
    return {name: v for name, v in fields.items() if name.startswith("general.") or name == "tokenizer.chat_template"}


def first_line(error: BaseException) -> str:
    """An error in one line: the first one of what it says, or its name."""
    return next(iter(str(error).strip().splitlines()), "") or type(error).__name__
