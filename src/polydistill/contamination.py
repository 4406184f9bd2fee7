"""Which test items stand in the training text, and a score over the others alone."""

from collections.abc import Collection, Iterable, Sequence

from .builders import texts_of
from .evaluators import Score
from .records import Lang, Row, kept
from .same_words import SameWords
from .statistics.evidence import standard_error
from .statistics.tallies import counts, value
from .texts import runs

Key = tuple[str, Lang, str]
"""A score's name, its language, and the id of an item of it."""


def contaminated(rows: Iterable[Row], scores: Sequence[Score], n: int = 10) -> dict[tuple[str, Lang], list[str]]:
    """The ids, by a score's name and language, of items that share a run of ``n`` words with a training row.

    Compared are an item's prompt and its reference with every text of a row, whatever its language; in scripts without spaces
    a run is ``2 n`` characters. Every score is there, most of them with no id. Rows are read once and not kept; rejected ones
    were not trained on.

    A reference shorter than a run is found where a whole text has `same_words.ALMOST` of its words in common with it, a prompt
    that short where it has the same words: two questions of one form (the capitals of two countries) differ in one. A single
    word ("yes", "18"), which tells nothing, is never found.
    """
    holders: dict[int, set[Key]] = {}
    prompts: list[tuple[Key, str]] = []
    references: list[tuple[Key, str]] = []
    for score in scores:
        for item in score.items:
            key = (score.name, score.lang, item.id)
            for run in runs(item.prompt, n) | runs(item.reference, n):
                holders.setdefault(run, set()).add(key)
            for text, short in ((item.prompt, prompts), (item.reference, references)):
                if runs(text, 2) and not runs(text, n):
                    short.append((key, text))
    equal, alike = SameWords(prompts, 1.0), SameWords(references)
    found: set[Key] = set()
    for row in kept(rows):
        for text, _ in texts_of(row):
            found |= equal.find(text) | alike.find(text)
            for run in runs(text, n) & holders.keys():
                found |= holders[run]
    return {
        (score.name, score.lang): [item.id for item in score.items if (score.name, score.lang, item.id) in found]
        for score in scores
    }


def clean(score: Score, ids: Collection[str]) -> Score | None:
    """The same score over its other items alone, computed anew; None where none of those counts.

    Raises:
        ValueError: the score has no such item.
    """
    if unknown := sorted(set(ids) - {item.id for item in score.items}):
        raise ValueError(f"{score.name} in {score.lang} has no item {', '.join(unknown[:5])}")
    left = score.model_copy(update={"items": tuple(item for item in score.items if item.id not in ids)})
    n = sum(map(counts, left.items))
    return left.model_copy(update={"value": value(left), "n": n, "standard_error": standard_error(left)}) if n else None
