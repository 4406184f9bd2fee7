"""Translation as a task, from texts that people translated."""

from collections.abc import Iterable, Iterator

from pydantic import NonNegativeFloat

from ..prompts import language_name, prompt_language, prompts
from ..records import Chat, Row, Turn, seed_of
from . import TrainingBuilder


class TranslationRows(TrainingBuilder):
    """Instructions to translate, both ways, from authentic parallel text; each pair once in each direction.

    The instruction is one of several paraphrases in either language, drawn from the row's id. Text by people on the
    target side counters what machine translation does to the language.

    Paper: Zhang et al. 2024, SDRRL, arXiv 2402.12204 (parallel text with paraphrased prompts).
    """

    to_target: NonNegativeFloat = 0.13
    """Share of the training tokens that translate into the target language."""
    to_rich: NonNegativeFloat = 0.12
    """Share of the training tokens that translate into the rich language."""

    def shares(self) -> dict[str, float]:
        return {"translate_to_target": self.to_target, "translate_to_rich": self.to_rich}

    def __call__(self, rows: Iterable[Row]) -> Iterator[Row]:
        for row in rows:
            if row.payload.type == "parallel" and not row.rejected:
                rich, target = (row.payload.source_lang, row.payload.source), (row.payload.target_lang, row.payload.target)
                if self.to_target:
                    yield _instructed(row, rich, target, "translate_to_target")
                if self.to_rich:
                    yield _instructed(row, target, rich, "translate_to_rich")


def _instructed(row: Row, given: tuple, wanted: tuple, builder: str) -> Row:
    (given_lang, given_text), (wanted_lang, wanted_text) = given, wanted
    languages = {prompt_language("translate", lang): None for lang in (given_lang, wanted_lang)}
    choices = [(lang, prompt) for lang in languages for prompt in prompts("translate", lang)]
    lang, prompt = choices[seed_of(row.id, builder) % len(choices)]
    text = prompt.format(source=language_name(given_lang, lang), target=language_name(wanted_lang, lang), text=given_text)
    chat = Chat(turns=(Turn(role="user", text=text, lang=given_lang),)).answered(wanted_text, wanted_lang)
    return row.but(id=f"{row.id}-{builder}", payload=chat, lineage={"builder": builder, "author": "people"})
