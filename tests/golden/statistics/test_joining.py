"""What is compared is one measurement on the same items."""

from collections.abc import Sequence

import pytest
from tiny_rows import ENG, SPA

from polydistill.evaluators import Item, Score
from polydistill.statistics.joining import same_items


def score(values: Sequence[float | None], ids: str, groups: Sequence[str] = (), **changes) -> Score:
    groups = groups or [""] * len(ids)
    items = tuple(Item(id=key, value=v, group=g) for key, v, g in zip(ids, values, groups, strict=True))
    about = {"name": "x", "lang": ENG, "unit": "share", "higher_is_better": True, **changes}
    return Score(value=0.0, n=len(ids), standard_error=None, items=items, **about)


def test_the_same_items_in_any_order_are_no_mistake():
    same_items([score([1, 0], "ab")], [score([1, None], "ba"), score([1, 1], "ab")])


@pytest.mark.parametrize(
    ("after", "told"),
    [
        (score([1, 1], ids="ac"), r"x in eng was not measured on the same items before and after: b, c on one side alone"),
        (score([1], ids="a"), "b on one side alone"),
        (score([1, 1, 1], ids="aba"), "items stand there twice: a"),
        (score([1, 1], ids="ab", groups="pp"), "of one group before and of another after: a, b"),
        (score([1, 1], ids="ab", name="y"), "not one score: name is x and y"),
        (score([1, 1], ids="ab", lang=SPA), "not one score: lang is eng and spa"),
        (score([1, 1], ids="ab", unit="accuracy"), "unit is share and accuracy"),
        (score([None, None], ids="ab"), "x in eng: none of its 2 items counts"),
    ],
)
def test_other_items_are_refused_with_their_ids(after: Score, told: str):
    with pytest.raises(ValueError, match=told):
        same_items([score([0, 1], ids="ab")], [after])


def test_many_ids_are_counted():
    with pytest.raises(ValueError, match="0, 1, 2, 3, 4 and 4 more on one side alone"):
        same_items([score([1] * 10, ids="0123456789")], [score([1], ids="9")])
    with pytest.raises(ValueError, match="a score before and one after"):
        same_items([], [score([1], ids="a")])
