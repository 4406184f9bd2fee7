"""How much worse a score may be."""

import re
from typing import Any, NamedTuple

from pydantic_core import core_schema


class _Parts(NamedTuple):
    number: float
    unit: str


class Margin(str):
    """``2%`` of the untouched value; ``2 points``: hundredths of a share or an accuracy, ones of a chrF++; ``0.02`` as it is.

    A percentage takes the untouched value as exact: an error of 2 % in it makes a margin of 2 % one of 1.96 or 2.04 %.

    Raises:
        ValueError: it is none of these, not above 0, or so wide (100 % or 100 points) that all may be lost.
    """

    parts: _Parts

    def __new__(cls, given: "str | float") -> "Margin":
        text = str(given).strip()
        found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)\s*(%|points?|)", text)
        if not found:
            raise ValueError(
                f"'{text}' is no margin; give 2% (of the untouched value), 2 points, or 0.02 in the score's own unit"
            )
        number, unit = float(found[1]), found[2].rstrip("s")
        if not number:
            raise ValueError("a margin of 0 can never be shown to be kept, however many items there are; give one above 0")
        if unit and number >= 100:
            raise ValueError(f"a margin of '{text}' keeps nothing; give one under 100{'%' if unit == '%' else ' points'}")
        spelt = {"%": f"{number:.10g}%", "point": f"{number:.10g} point{'' if number == 1 else 's'}", "": f"{number:.10g}"}
        margin = super().__new__(cls, spelt[unit])
        margin.parts = _Parts(number, unit)
        return margin

    def of(self, before: float, unit: str) -> float:
        """The margin in the score's own unit, given its value before.

        Raises:
            ValueError: points of bits, or a number so wide that all may be lost: 1 of a share, an accuracy or bits.
        """
        number, kind = self.parts
        if kind == "%":
            return number / 100 * abs(before)
        if kind == "point" and unit.startswith("bits"):
            raise ValueError(f"worse_by: {self} of {unit} mean nothing; give a percentage, such as 2%")
        if not kind and number >= 1 and (unit in ("share", "accuracy") or unit.startswith("bits")):
            raise ValueError(f"worse_by: {self} of {unit} keeps nothing; give a percentage, such as 2%, or less than 1")
        return number / 100 if kind == "point" and unit in ("share", "accuracy") else number

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        return core_schema.no_info_plain_validator_function(_read, serialization=core_schema.to_string_ser_schema())


def _read(given: Any) -> Margin:
    if isinstance(given, bool) or not isinstance(given, (str, int, float)):
        raise ValueError(f"{given!r} is no margin; give 2% (of the untouched value), 2 points, or 0.02 in the score's own unit")
    return given if isinstance(given, Margin) else Margin(given)
