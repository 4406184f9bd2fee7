"""The training loss over steps: whole, by its parts, by kind of row."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from .charts import Point

MOST_POINTS = 200
"""Of a line: of a longer training several steps together are one."""
MOST_LINES = 8
"""The kinds with the fewest answer tokens are one line together."""
TOKENS = "answer_tokens"

Event = Mapping[str, Any]


def whole(events: Sequence[Event]) -> dict[str, list[Point]]:
    """Loss an answer token, ``all`` of it, and each of its parts where there are several."""
    kinds = [of for event in events for of in event.get("rows", {}).values()]
    parts = [part for part in dict.fromkeys(part for of in kinds for part in of) if part != TOKENS]
    names = {"all": "loss", **({part.replace("_", " "): part for part in parts} if len(parts) > 1 else {})}
    return _lines(
        events,
        (
            (name, event["step"], event[key] * event.get(TOKENS, 1), event.get(TOKENS, 1))
            for name, key in names.items() for event in events if key in event
        ),
    )  # fmt: skip


def by_kind(events: Sequence[Event]) -> dict[str, list[Point]]:
    """Loss an answer token of each kind of row, the kind with the most tokens first; empty where it was not kept."""
    tokens: Counter[str] = Counter()
    for event in events:
        tokens.update({kind: of[TOKENS] for kind, of in event.get("rows", {}).items()})
    ranked = [kind for kind, _ in tokens.most_common()]
    own = ranked if len(ranked) <= MOST_LINES else ranked[: MOST_LINES - 1]
    names = {kind: kind.replace("_", " ") if kind in own else "other" for kind in ranked}
    told = (
        (names[kind], event["step"], sum(nats for part, nats in of.items() if part != TOKENS), of[TOKENS])
        for event in events for kind, of in event.get("rows", {}).items()
    )  # fmt: skip
    found = _lines(events, told)
    return {name: found[name] for name in dict.fromkeys(names.values()) if name in found}


def _lines(events: Sequence[Event], told: Iterable[tuple[str, int, float, int]]) -> dict[str, list[Point]]:
    """Lines by name, of (name, step, nats, answer tokens)."""
    together = -(-len(events) // MOST_POINTS)
    sums: dict[str, dict[int, list[float]]] = {}
    for name, step, nats, tokens in told:
        found = sums.setdefault(name, {}).setdefault(step // together * together, [0.0, 0.0])
        found[0] += nats
        found[1] += tokens
    return {
        name: [Point(step, nats / tokens, tokens) for step, (nats, tokens) in sorted(of.items()) if tokens]
        for name, of in sums.items()
        if any(tokens for _, tokens in of.values())
    }


def resumes(events: Iterable[Event]) -> list[int]:
    """The steps at which training went on after a stop: the seconds are counted anew from there."""
    return [event["step"] for before, event in pairwise(events) if event.get("seconds", 0) < before.get("seconds", 0)]
