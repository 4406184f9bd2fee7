"""What arms must have before anything is trained: equally many tokens, and rows that make them what they are called."""

import json
from collections.abc import Sequence
from typing import Any

from .arms import Arm
from .sources import BadInput
from .stage import Rows

EQUAL = 0.02
"""How far an arm's tokens may be from what was asked for: a mixture is made of whole rows."""


def groups_of(mixture: Rows) -> dict[str, dict[str, Any]]:
    """The groups of a mixture's rows, with how many there are and were wanted."""
    return json.loads((mixture.folder / "funnel.json").read_text("utf-8"))["groups"]


def tokens_of(mixture: Rows) -> int:
    """Training tokens of a mixture, prompts included."""
    return sum(group["tokens"] for group in groups_of(mixture).values())


def matched(tokens: int, lead: str, arms: Sequence[Arm], mixtures: Sequence[Rows]) -> None:
    """Refuses arms that cannot be compared.

    Raises:
        BadInput: an arm has not rows enough, has none of a kind that it is made of, or the same rows as another.
    """
    both = list(zip(arms, mixtures, strict=True))
    unequal = {arm.name: tokens_of(mixture) for arm, mixture in both if abs(tokens_of(mixture) - tokens) > EQUAL * tokens}
    if unequal:
        raise BadInput(
            f"every arm is to learn from {tokens:,} tokens, but there are other numbers of rows: "
            f"{', '.join(f'{name} {found:,}' for name, found in unequal.items())}; "
            "give more questions, let rows stand more often (mix.repeat=4), or ask for fewer tokens (mix.tokens=N)"
        )
    for arm, mixture in both:
        empty = [name for name, group in groups_of(mixture).items() if group["wanted"] and not group["rows"]]
        if empty and arm.name != lead:
            raise BadInput(
                f"the arm {arm.name} has no rows for {', '.join(empty)}, so it would not be what it is called; "
                "give text by people: mix.texts='[{parallel: {path: pairs.tsv}}]', or leave the arm out"
            )
    first: dict[tuple[str, Any], str] = {}
    for arm, mixture in both:
        same = first.setdefault((mixture.digest, arm.plan.train), arm.name)
        if same != arm.name:
            raise BadInput(f"the arms {same} and {arm.name} learn the same from the same rows; leave one of them out")
