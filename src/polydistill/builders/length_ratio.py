"""Rejects parallel text whose sides cannot be translations of one another."""

from collections.abc import Callable, Sequence

from pydantic import Field

from ..records import Lang, Row
from . import Filter


class LengthRatio(Filter):
    """A parallel row is out when one side is more than ``most`` times as long as the other, in UTF-8 bytes past 20."""

    most: float = Field(default=3.0, ge=1)
    """The largest ratio that stays in."""

    def judge(self, languages: Sequence[Lang]) -> Callable[[Row], str]:
        def reason(row: Row) -> str:
            if row.payload.type != "parallel":
                return ""
            short, long = sorted(len(text.encode()) for text in (row.payload.source, row.payload.target))
            return "length_ratio" if long > 20 and long > self.most * max(short, 1) else ""

        return reason
