"""How much personal data stands in what the model wrote, for the report; nothing of it is shown in full."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from ..records import Lang, Row
from .personal import KINDS, Found, find, masked, phone_regions, replaced

EXAMPLES = 3
"""Examples of each kind, masked."""


class Line(NamedTuple):
    """One kind of personal data in the questions or the answers."""

    of: str
    """``answers`` or ``questions``."""
    whose: str
    """Whose words these are: ``the model's own`` or ``given``."""
    texts: int
    """How many were looked through."""
    kind: str
    rows: int
    """In how many rows it was found."""
    found: int
    reserved: int
    """Beside these, how many that can be nobody's: see `personal.Found`."""
    examples: tuple[str, ...]
    """The first ones, masked, each with the number of its row."""

    @property
    def title(self) -> str:
        return f"{self.of}, {self.whose}"


class Checked(NamedTuple):
    """What was looked through, what was found there, and what was not looked through."""

    lines: list[Line]
    sentences: list[str]

    def as_numbers(self) -> dict[str, Any]:
        """For other programs."""
        return {"found": [line._asdict() for line in self.lines], "checked": self.sentences}


def checked(answers: Iterable[Row] | None, own: str, rich: Lang, targets: Sequence[Lang]) -> Checked:
    """Looks through the rows of the answers' stage, before translation; those held out and those that are out among them.

    Args:
        answers: None where they are not at hand.
        own: The author, as `records.Lineage` has it, of the model's own answers.
        rich: The language they are in.
        targets: The languages they are translated into.
    """
    if answers is None:
        return Checked([], ["Personal data: not checked, the answers are not at hand."])
    regions = phone_regions([rich])
    texts: Counter[tuple[str, str]] = Counter()
    hits: dict[tuple[str, str, str], list[tuple[int, str, Found]]] = defaultdict(list)
    for number, row in enumerate(answers, 1):
        for turn in row.payload.turns:
            is_answer = turn is row.payload.answer
            mine = row.lineage.author == own if is_answer else row.lineage.source == "self_ask"
            group = ("answers" if is_answer else "questions", "the model's own" if mine else "given")
            texts[group] += bool(turn.text)
            for one in find(turn.text, regions):
                hits[*group, one.kind].append((number, masked(turn.text, one), one))
    lines = [_line(group, texts[group], kind, hits[*group, kind]) for group in sorted(texts) for kind in KINDS]
    return Checked(lines, [*_looked(texts, rich, regions), *_not_looked(targets)])


def _line(group: tuple[str, str], texts: int, kind: str, hits: Sequence[tuple[int, str, Found]]) -> Line:
    real = [(number, shown) for number, shown, one in hits if not one.reserved]
    examples = tuple(f"{shown} in row {number}" for number, shown in real[:EXAMPLES])
    return Line(*group, texts, kind, len({number for number, _ in real}), len(real), len(hits) - len(real), examples)


def _looked(texts: Counter[tuple[str, str]], rich: Lang, regions: Sequence[str]) -> list[str]:
    of = " and ".join(f"{count:,} {name} ({whose})" for (name, whose), count in sorted(texts.items()))
    formats = f"in international format and in the national one of {regions[0]}" if regions else (
        f"in international format; national formats are not checked, {rich.english_name} has no country of its own here"
    )  # fmt: skip
    return [
        f"Checked: {of} in {rich.english_name} before translation, those held out or left out of training among them.",
        f"Phone numbers are looked for {formats}; digits without any space or mark between them are taken for plain numbers.",
    ]


def _not_looked(targets: Sequence[Lang]) -> list[str]:
    into = ", ".join(lang.english_name for lang in targets)
    return [
        f"Not checked by themselves: translations into {into}, made from the texts that were checked.",
        "Not checked: text by people, where the mixture has any (mix.texts).",
        "Not looked for: names, postal addresses, dates of birth, passwords, numbers of documents, and what is spelled out.",
    ]


def hidden(text: str, regions: Sequence[str]) -> str:
    """The text with everything personal in it masked, but for what is reserved."""
    return replaced(text, (one for one in find(text, regions) if not one.reserved), lambda one: masked(text, one))
