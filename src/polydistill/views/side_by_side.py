"""Answers before and after, as the report's browser shows them."""

import json
import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from ..records import Lang, Row, kept
from .findings import Change

MOST = 1000
"""Answers in a report."""
ROOM = 1_500_000
"""Bytes that they may take; the drawing code takes 900,000, and the report is to stay under three million."""
LONGEST, SHORTEST = 2000, 100
"""Characters of a text before any is cut for room, and after all are."""
TEXTS = ("prompt", "before", "after", "reference")


class Examples(NamedTuple):
    """What the browser of answers reads."""

    rows: list[dict[str, Any]]
    each: int
    """Of each score and language there are up to so many."""
    of: int
    """How many there are in all."""
    longest: int
    """Characters after which a longer text is cut."""


def examples(changes: Sequence[Change], rich: Lang, each: int) -> Examples:
    """At most `MOST` answers in at most `ROOM`: fewer of each score where there are many, shorter where they are long."""
    rows, every = answers(changes, rich, each), len(answers(changes, rich, None))
    while len(rows) > MOST and each > 1:
        each = max(1, each * MOST // len(rows))
        rows = answers(changes, rich, each)
    rows, longest = rows[:MOST], LONGEST
    while longest > SHORTEST and len(json.dumps(rows, ensure_ascii=False).encode("utf-8", "replace")) > ROOM:
        longest = max(SHORTEST, longest * 3 // 4)
        rows = [{name: shortened(of, longest) if name in TEXTS else of for name, of in row.items()} for row in rows]
    return Examples(rows, each, every, longest)


def shortened(text: str, longest: int) -> str:
    """The text, cut where it is longer, with a mark for that."""
    return text if len(text) <= longest else f"{text[: longest - 1].removesuffix('…')}…"


def answers(changes: Iterable[Change], rich: Lang, most: int | None) -> list[dict[str, Any]]:
    """Each answered question once, with all its scores; the target languages first.

    Of each score and language there are up to ``most``, in the order they were measured in: those that the student gained or
    lost before the rest, so that every flip that is counted can be looked at as far as there is room.
    """
    found: dict[tuple[Lang, str, str, str], dict[str, Any]] = {}
    for change in sorted(changes, key=lambda change: change.before.lang == rich):
        if change.about_the_measure:
            continue
        flips = change.flips()
        pairs = [(b, a) for b, a in zip(change.before.items, change.after.items, strict=True) if b.answer or a.answer]
        chosen = sorted(pairs, key=lambda pair: flips.get(pair[0].id) not in ("gained", "lost"))[:most]
        ids = {before.id for before, _ in chosen}
        for before, after in pairs:
            lang = change.before.lang
            key = (lang, before.prompt, before.answer, after.answer)
            if before.id not in ids and key not in found:
                continue
            row = found.setdefault(key, {
                "lang": lang, "prompt": shortened(before.prompt, LONGEST), "before": shortened(before.answer, LONGEST),
                "after": shortened(after.answer, LONGEST), "reference": "", "in": ["", ""], "scores": {},
            })  # fmt: skip
            row["reference"] = row["reference"] or shortened(before.reference, LONGEST)
            row["in"] = [old or new.answered_in for old, new in zip(row["in"], (before, after), strict=True)]
            row["scores"][change.before.name] = [_short(before.value), _short(after.value), flips.get(before.id, "")]
    return list(found.values())


def _short(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


class Length(NamedTuple):
    """A translated text beside its source."""

    source: str
    target: str
    lang: Lang
    role: str
    """``user`` for a question, ``assistant`` for an answer."""

    @property
    def ratio(self) -> float:
        """Characters of the translation for each of the source."""
        return len(self.target) / len(self.source)


def lengths(answered: Iterable[Row], translated: Iterable[Row]) -> list[Length]:
    """Every turn of the translated rows that were kept, beside its source; rows come in the order of the answered ones."""
    translations, found = iter(kept(translated)), []
    following = next(translations, None)
    for row in answered:
        while following is not None and following.lineage.question == row.lineage.question:
            pairs = zip(row.payload.turns, following.payload.turns, strict=True)
            found += [Length(s.text, t.text, t.lang, t.role) for s, t in pairs if s.text and t.text]
            following = next(translations, None)
    return found


def farthest(of: Sequence[Length], most: int = 20) -> list[Length]:
    """Those whose ratio is farthest from the median of their language, as a factor."""
    from statistics import median

    middle = {lang: median(each.ratio for each in of if each.lang == lang) for lang in {each.lang for each in of}}
    return sorted(of, key=lambda each: -abs(math.log(each.ratio / middle[each.lang])))[:most]


def spread(of: Sequence[Length]) -> dict[str, list[float]]:
    """Ratios by language."""
    return {
        lang.english_name: [each.ratio for each in of if each.lang == lang] for lang in dict.fromkeys(each.lang for each in of)
    }
