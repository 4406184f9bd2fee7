"""Rejects text that is not in the language it is said to be in."""

from collections.abc import Callable, Sequence

from ..languages.language_id import surely_other
from ..records import Lang, Row
from . import Filter, texts_of


class WrongLanguage(Filter):
    """A row is out when any of its texts is surely in another language; short texts and close neighbours stay in.

    Checked: on English questions and answers and their Spanish translations.
    """

    def judge(self, languages: Sequence[Lang]) -> Callable[[Row], str]:
        def reason(row: Row) -> str:
            return "wrong_language" if any(surely_other(text, lang) for text, lang in texts_of(row)) else ""

        return reason
