"""How much of a reference's wording an answer has: chrF++ and BLEU over a whole corpus, by sacrebleu."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from ..records import Chat, Lang
from ..statistics.tallies import metric
from . import Item, Score


class Overlap(NamedTuple):
    """A corpus score in [0, 100]; its parts cannot simply be averaged."""

    value: float
    standard_error: float | None
    """From 1,000 bootstrap resamples of the items, each scored as a corpus; None for one item."""
    items: list[float]
    """Each answer's own score."""
    signature: str
    """sacrebleu's own account of what was computed."""


def chrf(answers: Sequence[str], references: Sequence[str]) -> Overlap:
    """chrF++: the F2 of character 1- to 6-grams and word 1- and 2-grams.

    Paper: Popović 2017, "chrF++: words helping character n-grams".
    """
    return _measured(metric("chrf", references), metric("chrf", references), answers, references)


def chrf_score(
    name: str, lang: Lang, ids: Sequence[str], chats: Sequence[Chat], answers: Sequence[str], references: Sequence[str],
    note: str,
) -> Score:  # fmt: skip
    """chrF++ of answers to questions against one reference each."""
    alike = chrf(answers, references)
    rows = zip(ids, chats, answers, references, alike.items, strict=True)
    return Score(
        name=name, lang=lang, value=alike.value, unit="chrF++", higher_is_better=True, n=len(answers),
        standard_error=alike.standard_error, combine="chrf",
        note=f"{note}; {alike.signature}; standard error by bootstrap over items",
        items=tuple(Item(id=i, value=v, prompt=c.question.text, answer=a, reference=r) for i, c, a, r, v in rows),
    )  # fmt: skip


def bleu(answers: Sequence[str], references: Sequence[str]) -> Overlap:
    """BLEU over 1- to 4-grams of words, of characters in scripts without spaces between words.

    Paper: Papineni et al. 2002; Post 2018, arXiv 1804.08771, for the signature.
    """
    single = metric("bleu", references)
    single.effective_order = True
    return _measured(metric("bleu", references), single, answers, references)


def _measured(corpus: Any, single: Any, answers: Sequence[str], references: Sequence[str]) -> Overlap:
    score = corpus.corpus_score(list(answers), [list(references)], n_bootstrap=1000)
    signature = str(corpus.get_signature())
    told = json.loads(score.format(width=9, signature=signature, is_json=True))
    # sacrebleu gives half of the central 95 % of the resampled scores, and nothing where all of them are 0.
    error = told.get("confidence_var", 0.0) / 1.96 if len(answers) > 1 else None
    own = [single.sentence_score(answer, [reference]).score for answer, reference in zip(answers, references, strict=True)]
    return Overlap(score.score, error, own, signature)
