"""What arms must have before anything is trained: equally many tokens, and rows that make them what they are called."""

import json
from collections.abc import Sequence
from typing import Any

from .arms import Arm
from .stage import Rows
from .yaml_tree import PlanError

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
        PlanError: an arm has not rows enough, has none of a kind that it is made of, or the same rows as another.
    """
    both = list(zip(arms, mixtures, strict=True))
    unequal = {arm.name: tokens_of(mixture) for arm, mixture in both if abs(tokens_of(mixture) - tokens) > EQUAL * tokens}
    if unequal:
        least = min(unequal.values())
        have = ", those of ".join(f"{name} have {found:,}" for name, found in unequal.items())
        fewer = f", or ask for fewer tokens (mix.tokens={least})" if 0 < least < tokens else ""
        raise PlanError([
            f"every arm is to learn from {tokens:,} tokens, but the rows of {have}; "
            f"give more questions (ask.questions=N), let rows stand more often (mix.repeat=4){fewer}"
        ])  # fmt: skip
    for arm, mixture in both:
        empty = [name for name, group in groups_of(mixture).items() if group["wanted"] and not group["rows"]]
        if empty and arm.name != lead:
            raise PlanError([
                f"the arm {arm.name} has no rows for {', '.join(empty)}, so it would not be what it is called; "
                "give text by people: mix.texts='[{parallel: {path: pairs.tsv}}]', or leave the arm out"
            ])  # fmt: skip
    first: dict[tuple[str, Any], str] = {}
    for arm, mixture in both:
        same = first.setdefault((mixture.digest, arm.plan.train), arm.name)
        if same != arm.name:
            raise PlanError([f"the arms {same} and {arm.name} learn the same from the same rows; leave one of them out"])
