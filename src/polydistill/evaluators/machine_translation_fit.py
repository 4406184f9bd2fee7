"""Bits per character of answers that a machine wrote, and chrF++ against them."""

from collections.abc import Iterable, Sequence
from typing import ClassVar

from ..component import Count
from ..engines import OpenEngine, Sampling
from ..records import Lang, Row
from . import HELDOUT, Asked, Evaluator, Item, Score, bits, heldout_chats, ratio
from ._overlap import chrf_score


class MachineTranslationFit(Evaluator):
    """How well the model fits machine-made answers to held-out questions: ``sum -log2 p(answer | question) / sum characters``.

    In the targets the answers are machine translations (``fit_to_machine_translation``), in the rich language what the
    model itself had answered (``fit_to_own_answers``). ``fit_to_machine_translation_chrf``: chrF++ in [0, 100] of generated
    answers against the machine translations, in the targets. All tell whether training worked, none how good the model
    became: translationese is learned first. So none is ever a headline.

    Paper: for chrF++ see `evaluators._overlap`.
    """

    version: ClassVar[int] = 3

    items: Count = 24
    """Questions a language; the same ones in every language as far as they exist."""
    sampling: Sampling = HELDOUT
    """How answers are drawn."""

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
            note = f"answers by {', '.join(by)}; says that training worked, not that the language got better"
            scores.append(Score(
                name="fit_to_own_answers" if own else "fit_to_machine_translation",
                lang=lang, value=value, unit="bits per character", higher_is_better=False, n=len(fitting), standard_error=error,
                note=note,
                items=tuple(
                    Item(
                        id=held.id, value=b / len(held.answer), weight=len(held.answer),
                        prompt=held.chat.question.text, reference=held.answer,
                    )
                    for held, b in zip(fitting, spent, strict=True)
                ),
            ))  # fmt: skip
            if not own:
                scores.append(self._generated(engine, lang, fitting, note))
        return scores

    def _generated(self, engine: OpenEngine, lang: Lang, fitting: Sequence[Asked], note: str) -> Score:
        chats = [held.chat for held in fitting]
        answers = [answer.text for answer in engine.answer(chats, self.sampling)]
        ids, machine = [held.id for held in fitting], [held.answer for held in fitting]
        return chrf_score("fit_to_machine_translation_chrf", lang, ids, chats, answers, machine, note)

    def sizes(self, languages: Sequence[Lang]) -> dict[str, tuple[str, int]]:
        bits_of = ("fit_to_own_answers", "fit_to_machine_translation")
        return {**{name: ("bits per character", self.items) for name in bits_of}, f"{bits_of[1]}_chrf": ("chrF++", self.items)}
