"""How far the identifier is to be believed: what it says of text by people."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle

import regex

from ..declaration import declaration
from ..languages.language_id import Identifier
from ..records import Lang, digest, kept
from ..sources import Languages, Source
from ..texts import unspaced, words
from . import PROSE, Item, Score, choose, mean, sides
from . import note as note_of
from ._lines import UNKNOWN, judgeable, label_of, language_of

PARAGRAPHS = 100
"""Of a source in each language, chosen by hash."""
LENGTHS = (5, 10, 15, 20, 25)
"""Words of the lines that text by people is cut into, in turn; twice as many characters where words have no spaces."""
UNSURE = 0.05
"""From this share of lines on that the identifier does not recognise, its verdict is in doubt."""
NEIGHBOUR = 0.03
"""The same for lines that it takes for one other language, or lines of one other language that it takes for this one."""


def by_people(source: Source | None, languages: Sequence[Lang]) -> dict[Lang, dict[str, str]]:
    """A source's paragraphs in each language under keys of their own; without one the Declaration's."""
    if source is None:
        return {lang: declaration(lang) for lang in languages}
    found: dict[Lang, dict[str, str]] = {lang: {} for lang in languages}
    for row in kept(source.read(Languages(languages[0], tuple(languages[1:])))):
        for lang, text in sides(row).items() if note_of(row) in PROSE else ():
            found.get(lang, {})[f"{row.lineage.question}/{digest(text)[:8]}"] = text
    return {lang: {key: texts[key] for key in choose(texts, [], PARAGRAPHS)} for lang, texts in found.items()}


def cut(texts: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """(text's key, line) for lines as long as answers have, from one end of each text to the other."""
    lengths = cycle(LENGTHS)
    for key, text in texts.items():
        units, glue, each = (regex.findall(r"\X", text), "", 2) if unspaced(words(text)) else (text.split(), " ", 1)
        at = 0
        while at < len(units):
            size = each * next(lengths)
            for line in judgeable(glue.join(units[at : at + size])):
                yield key, line
            at += size


def on_people(languages: Sequence[Lang], texts: Mapping[Lang, Mapping[str, str]], identifier: Identifier) -> dict[Lang, Score]:
    """For each language the share of lines by people that the identifier recognises.

    A language that it knows but that there is no text in has no score. One that it does not know has one all the same,
    without items where there is no text either: its warning says that nothing can be measured in it.
    """
    lines = {lang: [(key, line, label_of(line, identifier)) for key, line in cut(texts[lang])] for lang in texts}
    labels = {lang: Counter(label for _, _, label in found) for lang, found in lines.items()}
    return {
        lang: _recognised(lang, lines.get(lang, []), labels, identifier)
        for lang in languages
        if lines.get(lang) or not identifier.labels(lang)
    }


def _recognised(
    lang: Lang, lines: Sequence[tuple[str, str, str]], labels: Mapping[Lang, Counter[str]], identifier: Identifier
) -> Score:
    own, n = identifier.labels(lang), len(lines)
    found = [language_of(label, lang, identifier) for _, _, label in lines]
    share, error = mean([float(language == lang) for language in found])
    taken_for = {other: times / n for other, times in Counter(found).items() if other not in (lang, UNKNOWN)}
    passing = {
        other: sum(of[label] for label in own) / of.total()
        for other, of in labels.items()
        if of and own.isdisjoint(identifier.labels(other))  # Portuguese is no neighbour of Brazilian Portuguese
    }
    (neighbour, taken), (stranger, passed) = _largest(taken_for), _largest(passing)
    said = f"of {n} lines by people in {lang.english_name} {identifier.name} recognises {share:.1%}"
    if taken:
        said += f" and takes {taken:.1%} for {Lang(neighbour).english_name}"
    if passed:
        said += f"; of lines in {Lang(stranger).english_name} it takes {passed:.1%} for {lang.english_name}"
    better = "" if identifier.path else "; a GlotLID file as language_fidelity's identifier may do better"
    warning = ""
    if not own:
        warning = f"Language fidelity in {lang.english_name} is not measurable: {identifier.name} does not know it{better}"
    elif share < 1 - UNSURE or max(taken, passed) > NEIGHBOUR:
        warning = f"Language fidelity in {lang.english_name} is in doubt: {said}{better}"
    note = f"{said}; lines of {LENGTHS[0]} to {LENGTHS[-1]} words" if n else f"no text by people in {lang.english_name}"
    items = tuple(
        Item(id=f"{key}#{number}", value=float(language == lang), group=key, answered_in=language, reference=line)
        for number, ((key, line, _), language) in enumerate(zip(lines, found, strict=True))
    )
    return Score(
        name="identifier_on_people", lang=lang, value=share, unit="share", higher_is_better=True, n=n, standard_error=error,
        note=note, warning=warning, items=items,
    )  # fmt: skip


def _largest(shares: Mapping[str, float]) -> tuple[str, float]:
    return max(shares.items(), key=lambda each: each[1], default=("", 0.0))
