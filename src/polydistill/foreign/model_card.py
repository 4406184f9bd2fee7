"""What a model's card states in its head, a stranger's YAML at the top of README.md."""

from pathlib import Path
from typing import Any

from .preflight import plain

MAX_CHARACTERS = 100_000
NAMES = {"license": "licence", "language": "languages", "base_model": "base model"}


def stated_in(card: Path) -> dict[str, Any]:
    """Licence, languages and base model, as far as a card states them in a way that can be read."""
    from ..yaml_tree import PlanError, parsed

    if not card.is_file():
        return {}
    with card.open(encoding="utf-8", errors="replace") as file:
        parts = file.read(MAX_CHARACTERS).split("---\n", 2)
    if len(parts) < 3:
        return {}
    try:
        head = parsed(parts[1], str)
    except PlanError:
        return {}
    stated = head.items() if isinstance(head, dict) else ()
    return {NAMES[key]: _said(value) for key, value in stated if isinstance(key, str) and key in NAMES and value is not None}


def _said(value: Any) -> Any:
    return [plain(str(one)) for one in value[:100]] if isinstance(value, list) else plain(str(value))
