"""Rejects what was there before in the same words."""

from collections.abc import Callable, Sequence

from ..records import Lang, Row
from ..seen import Seen
from . import Filter, one_text


class ExactDuplicates(Filter):
    """A question, or an authentic text, that is the same as an earlier one of its language is out.

    Case and white space make no difference. Of each text it remembers a digest, in 12 to 24 bytes (see `seen.Seen`).
    """

    def judge(self, languages: Sequence[Lang]) -> Callable[[Row], str]:
        seen = Seen()

        def reason(row: Row) -> str:
            found = one_text(row)
            if found is None:
                return ""
            text, where = found
            said = "\0".join((*where, " ".join(text.casefold().split())))
            return "" if seen.add(said.encode("utf-8", "surrogatepass")) else "exact_duplicate"

        return reason
