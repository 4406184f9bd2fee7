"""What the items of a score add up to, and the score that such sums make.

Every score here is a function of sums over its items, so a resample needs nothing but other sums:

    mean         sum of weight x value, sum of weight; the first over the second
    harmonic     for each part the sum of its values and their number; the harmonic mean of the parts' means
    chrf, bleu   sacrebleu's counts of n-grams in answer, reference and both; sacrebleu's score of the summed counts
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from ..evaluators import Combine, Item, Score
from ..texts import unspaced, words


def metric(combine: Combine, references: Sequence[str]) -> Any:
    """sacrebleu's chrF++, or its BLEU over words, over characters where the references have no spaces between words."""
    from sacrebleu import BLEU, CHRF

    if combine == "chrf":
        return CHRF(word_order=2)
    # Forced: sacrebleu would warn of answers that end in " .", which are as the model wrote them.
    return BLEU(tokenize="char" if unspaced(words(" ".join(references))) else "13a", force=True)


def counts(item: Item) -> bool:
    """Whether an item takes part in its score."""
    return any(part is not None for part in item.parts or (item.value,))


def tallies(score: Score) -> Any:
    """What each item adds: one line an item, zeros for one that does not count."""
    import numpy as np

    items = score.items
    if not items:
        return np.zeros((0, 2))
    if score.combine == "mean":
        return np.array([(i.weight * i.value, i.weight) if i.value is not None else (0.0, 0.0) for i in items])
    if score.combine == "harmonic":
        return np.array([[n for part in i.parts for n in (part or 0.0, part is not None)] for i in items], float)
    found = _n_grams(score.combine, tuple(item.answer for item in items), tuple(item.reference for item in items))
    return np.array(found, float) * np.array([[counts(item)] for item in items])


@lru_cache(maxsize=256)
def _n_grams(combine: Combine, answers: tuple[str, ...], references: tuple[str, ...]) -> list[list[float]]:
    """sacrebleu's counts for each answer; kept, as one score is compared with many others."""
    return metric(combine, references)._extract_corpus_statistics(answers, [references])


def scored(combine: Combine, sums: Any) -> Any:
    """The score of each line of sums (the last axis); nan where a mean has nothing to be taken of.

    A part of a harmonic mean that no item has is 0: no answer passes by word where none passes by line.
    """
    import numpy as np

    if combine == "mean":
        with np.errstate(divide="ignore", invalid="ignore"):
            return sums[..., 0] / sums[..., 1]
    if combine == "harmonic":
        from scipy.stats import hmean

        # The means of no items are 0 / 1 here.
        return hmean(sums[..., 0::2] / np.maximum(sums[..., 1::2], 1e-300), axis=-1)
    corpus = metric(combine, ())
    lines = sums.reshape(-1, sums.shape[-1]).tolist()
    return np.array([corpus._compute_score_from_stats(line).score for line in lines]).reshape(sums.shape[:-1])


def value(score: Score) -> float:
    """The score that its own items make; nan where none of them counts."""
    return float(scored(score.combine, tallies(score).sum(axis=0)))


def group(item: Item) -> str:
    """What an item is resampled with: its group, else itself alone."""
    return item.group or item.id


def groups(items: Sequence[Item]) -> dict[str, int]:
    """A place for each group, in the order of the items."""
    return {name: at for at, name in enumerate(dict.fromkeys(map(group, items)))}


def by_group(scores: Sequence[Score], places: Mapping[str, int]) -> Any:
    """What each group with a place adds up to, one line a group; of several scores (training seeds) the mean.

    The mean and not the sum, as BLEU smooths counts of 0 by the size of the others.
    """
    import numpy as np

    found = [tallies(score) for score in scores]
    sums = np.zeros((len(places), found[0].shape[-1]))
    for score, lines in zip(scores, found, strict=True):
        placed = [at for at, item in enumerate(score.items) if group(item) in places]
        np.add.at(sums, [places[group(score.items[at])] for at in placed], lines[placed] / len(scores))
    return sums
