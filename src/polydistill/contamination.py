"""Which test items stand in the training text, and a score over the others alone."""

from collections.abc import Collection, Iterable, Sequence

from .builders import texts_of
from .evaluators import Score
from .evidence import standard_error
from .records import Lang, Row, kept
from .tallies import counts, value
from .texts import runs


def contaminated(rows: Iterable[Row], scores: Sequence[Score], n: int = 10) -> dict[tuple[str, Lang], list[str]]:
    """The ids, by a score's name and language, of items that share a run of ``n`` words with a training row.

    Compared are an item's prompt and its reference with every text of a row, whatever its language; in scripts without spaces
    a run is ``2 n`` characters. Every score is there, most of them with no id. Rows are read once and not kept; rejected ones
    were not trained on. A text shorter than a run is never found.
    """
    holders: dict[int, set[tuple[str, Lang, str]]] = {}
    for score in scores:
        for item in score.items:
            for run in runs(item.prompt, n) | runs(item.reference, n):
                holders.setdefault(run, set()).add((score.name, score.lang, item.id))
    found: set[tuple[str, Lang, str]] = set()
    for row in kept(rows):
        for text, _ in texts_of(row):
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
