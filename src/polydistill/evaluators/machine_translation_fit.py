"""Bits per character of answers that a machine wrote."""

from collections.abc import Iterable, Sequence

from ..component import Count
from ..engines import OpenEngine
from ..records import Lang, Row
from . import Evaluator, Item, Score, bits, heldout_chats, ratio


class MachineTranslationFit(Evaluator):
    """How well the model fits machine-made answers to held-out questions: ``sum -log2 p(answer | question) / sum characters``.

    In the targets the answers are machine translations (``fit_to_machine_translation``), in the rich language what the
    model itself had answered (``fit_to_own_answers``). Both tell whether training worked, neither how good the model
    became: translationese is learned first. So neither is ever a headline.
    """

    items: Count = 24
    """Questions a language; the same ones in every language as far as they exist."""

    def __call__(self, engine: OpenEngine, languages: Sequence[Lang], heldout: Iterable[Row]) -> list[Score]:
        scores = []
        for lang, asked in heldout_chats(heldout, languages, self.items).items():
            own = lang == languages[0]
            fitting = [held for held in asked if held.answer and (own or held.lineage.translator)]
            if not fitting:
                continue
            spent = bits(engine, [held.chat for held in fitting], [held.answer for held in fitting])
            value, error = ratio(spent, [len(held.answer) for held in fitting])
            by = sorted({held.lineage.author if own else held.lineage.translator for held in fitting})
            scores.append(Score(
                name="fit_to_own_answers" if own else "fit_to_machine_translation",
                lang=lang, value=value, unit="bits per character", higher_is_better=False, n=len(fitting), standard_error=error,
                note=f"answers by {', '.join(by)}; says that training worked, not that the language got better",
                items=tuple(
                    Item(id=held.id, value=b / len(held.answer), prompt=held.chat.question.text, reference=held.answer)
                    for held, b in zip(fitting, spent, strict=True)
                ),
            ))  # fmt: skip
        return scores
