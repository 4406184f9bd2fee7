"""Scores before and after are those of one measurement, on the same items."""

from collections import Counter
from collections.abc import Sequence

from ..evaluators import Score
from .tallies import counts, group


def same_items(before: Sequence[Score], after: Sequence[Score]) -> None:
    """Nothing, where these are one measurement, on the same items.

    Raises:
        ValueError: they are not; with the ids.
    """
    if not before or not after:
        raise ValueError("a difference needs a score before and one after")
    alike([*before, *after], ("name", "lang", "unit", "combine", "higher_is_better"))
    where = f"{before[0].name} in {before[0].lang}"
    wanted = {item.id: group(item) for item in before[0].items}
    for score in (*before, *after):
        if twice := [key for key, times in Counter(item.id for item in score.items).items() if times > 1]:
            raise ValueError(f"{where}: items stand there twice: {_some(twice)}")
        here = {item.id: group(item) for item in score.items}
        if gone := [key for key in (*wanted, *here) if (key in wanted) != (key in here)]:
            raise ValueError(f"{where} was not measured on the same items before and after: {_some(gone)} on one side alone")
        if moved := [key for key in wanted if wanted[key] != here[key]]:
            raise ValueError(f"{where}: items are of one group before and of another after: {_some(moved)}")
        if not any(map(counts, score.items)):
            raise ValueError(f"{where}: none of its {len(here)} items counts, so there is nothing to compare")


def alike(scores: Sequence[Score], fields: Sequence[str]) -> None:
    """Nothing, where these fields are the same in all scores.

    Raises:
        ValueError: one is not.
    """
    for field in fields:
        found = list(dict.fromkeys(str(dict(score)[field]) for score in scores))
        if len(found) > 1:
            raise ValueError(f"{scores[0].name} in {scores[0].lang}: not one score: {field} is {' and '.join(found)}")


def _some(ids: Sequence[str]) -> str:
    return ", ".join(ids[:5]) + (f" and {len(ids) - 5} more" if len(ids) > 5 else "")
