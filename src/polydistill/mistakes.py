"""What is wrong with settings, in sentences: where, and what is wrong there."""

from typing import Any, get_args

from pydantic import ValidationError

from .component import Settings, nearest
from .reading import unwritable

SHOWN = 200
"""Characters of a wrong value that are repeated."""

Mistake = tuple[tuple[Any, ...], str]
"""(where, what is wrong)."""


def unusable(value: Any, loc: tuple[Any, ...] = ()) -> list[Mistake]:
    """Numbers and texts that no setting can hold, and no file of ours."""
    if isinstance(value, int) and abs(value) >= 1 << 63:
        return [(loc, "a number that large is none of any setting")]
    if isinstance(value, str) and unwritable(value):
        return [(loc, "a zero character, or half a character: give UTF-8")]
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [
        mistake
        for key, inner in inside
        for mistake in [*unusable(inner, (*loc, key)), *(unusable(key, loc) if isinstance(key, str) else [])]
    ]


def sentences(error: ValidationError, owner: type[Settings] | None) -> list[tuple[tuple[Any, ...], str]]:
    """(where, what is wrong) of each mistake, those inside components included."""
    found: list[tuple[tuple[Any, ...], str]] = []
    for mistake in error.errors():
        found += _sentences(mistake, owner)
    return found


def _sentences(mistake: dict[str, Any], owner: type[Settings] | None) -> list[tuple[tuple[Any, ...], str]]:
    loc, kind, context = mistake["loc"], mistake["type"], mistake.get("ctx", {})
    if kind == "inside":
        inner = [found for error in context["errors"] for found in _sentences(error, context["owner"])]
        return [((*loc, context["name"], *where), text) for where, text in inner]
    if kind == "extra_forbidden":
        for part in loc[:-1]:
            field = owner.model_fields.get(str(part)) if owner else None
            inner = (field.annotation, *get_args(field.annotation)) if field else ()
            owner = next((one for one in inner if isinstance(one, type) and issubclass(one, Settings)), None)
        fields = [f.alias or name for name, f in owner.model_fields.items()] if owner else []
        return [(loc, no_setting(str(loc[-1]), fields))]
    if kind == "missing":
        return [(loc, "is missing")]
    text = mistake["msg"].removeprefix("Value error, ")
    given = mistake.get("input")
    return [(loc, text if kind in ("value_error", "unknown", "component", "kind") else f"{text}, not {_short(given)}")]


def _short(given: Any) -> str:
    try:
        text = repr(given)
    except ValueError:  # an integer of more than 4,300 digits
        return "a number of thousands of digits"
    return text if len(text) <= SHOWN else f"{text[:SHOWN]} ..."


def no_setting(given: str, allowed: list[str]) -> str:
    near = nearest(given, allowed)
    known = f"; there are {', '.join(allowed)}" if allowed else ""
    return f"no setting named '{given[:SHOWN]}'" + (f"; did you mean {near}?" if near else known)
