"""What became of the rows on their way into the mixture."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from .records import Chat, Row

if TYPE_CHECKING:
    from .template import Template


class Funnel:
    """Rows in, rows out, and why."""

    def __init__(self) -> None:
        self.read: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.left_out: dict[str, int] = {}
        """What the sources skipped under ``on_error: skip``, by reason."""
        self.groups: dict[str, dict[str, int]] = {}
        self.redacted: Counter[str] = Counter()
        """Rows that were kept with personal data taken out of them, by kind."""
        self.special_strings = 0
        """Strings in the mixture's rows that look like special tokens and are learned as plain text."""

    def looked_at(self, template: "Template", rows: Iterable[Row]) -> Iterator[Row]:
        """The rows of the mixture, while what is in them is counted."""
        for row in rows:
            self.special_strings += sum(map(template.special_strings, _texts(row)))
            yield row

    def summary(self) -> dict[str, Any]:
        found = {"read": dict(self.read), "rejected": dict(self.reasons), "groups": self.groups}
        found |= {"left out": self.left_out} if self.left_out else {}
        found |= {"redacted": dict(self.redacted)} if self.redacted else {}
        return found | ({"special strings": self.special_strings} if self.special_strings else {})

    def sentences(self) -> list[str]:
        lost = ", ".join(f"{reason} {count}" for reason, count in self.reasons.most_common()) or "none"
        made = ", ".join(f"{name} {group['rows']} ({group['tokens']} tokens)" for name, group in self.groups.items())
        said = [f"mix: read {', '.join(f'{n} {what}' for what, n in self.read.items())}; out: {lost}", f"mix: {made}"]
        if empty := [name for name, group in self.groups.items() if not group["candidates"]]:
            people = self.read["parallel rows"] + self.read["text rows"]
            give = "" if people else "; give text by people: mix.texts='[{parallel: {path: pairs.tsv}}]'"
            said.append(f"mix: no rows for {', '.join(empty)}: their share of the tokens went to the others{give}")
        if self.redacted:
            said.append(f"mix: redacted: {', '.join(f'{kind} in {rows} rows' for kind, rows in self.redacted.most_common())}")
        if self.special_strings:
            said.append(
                f"mix: {self.special_strings} strings in its rows look like special tokens; they are learned as plain text"
            )
        return said


def _texts(row: Row) -> list[str]:
    """Every text that is tokenized of a training row."""
    payload = row.payload
    if payload.type == "text":
        return [payload.text]
    chat, others = (payload, []) if isinstance(payload, Chat) else (payload.chat, [payload.chosen, payload.rejected])
    return [*(turn.text for turn in (*chat.shown, *chat.turns)), *others]
