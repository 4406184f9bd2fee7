"""A language model as translator."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from pydantic import field_validator

from ..component import Count
from ..engines import BadModel, Engine, OpenEngine, Sampling
from ..records import Chat, Lang, Turn
from . import NoTranslation, OpenTranslator, Translator

PLACES = ("source", "target", "text")


class EngineTranslator(Translator):
    """Any engine as translator, the model that is being lifted included.

    Each sentence is asked for in a chat of its own, always taking the likeliest token. A sentence whose answer does not end,
    or for which the context has no room, has no translation.
    """

    engine: Engine
    """The model that translates."""
    prompt: str = "Translate this text from {source} into {target}. Write only the translation.\n\n{text}"
    """What it is asked; ``{source}`` and ``{target}`` become the languages' English names, ``{text}`` the sentence."""
    max_tokens: Count = 256
    """The longest translation of a sentence."""

    @field_validator("prompt")
    @classmethod
    def _places(cls, prompt: str) -> str:
        wrong = [name for name in re.findall(r"\{(\w+)\}", prompt) if name not in PLACES]
        if wrong:
            raise ValueError(f"{{{wrong[0]}}} stands for nothing; there are {{source}}, {{target}} and {{text}}")
        if "{text}" not in prompt:
            raise ValueError("{text} is missing: the model must see what to translate")
        return prompt

    @contextmanager
    def open(self) -> Iterator[OpenTranslator]:
        with self.engine.open() as engine:
            yield _Open(self, engine)

    def check(self, source: Lang, target: Lang) -> None:
        try:
            self.engine.check()
        except (BadModel, FileNotFoundError) as error:
            raise NoTranslation(f"the model that is to translate cannot be used: {error}") from None

    def about(self) -> dict[str, Any]:
        return {**self.engine.about(), "prompt": self.prompt}

    def asked(self, text: str, source: Lang, target: Lang) -> Chat:
        """The chat that asks for a translation."""
        values = {"source": source.english_name, "target": target.english_name, "text": text}
        said = re.sub(r"\{(source|target|text)\}", lambda match: values[match[1]], self.prompt)
        return Chat(turns=(Turn(role="user", text=said, lang=source),))


class _Open(OpenTranslator):
    def __init__(self, settings: EngineTranslator, engine: OpenEngine):
        self._settings, self._engine = settings, engine

    def translate(self, texts: Sequence[str], source: Lang, target: Lang) -> list[str | None]:
        if source == target:
            return list(texts)
        chats = [self._settings.asked(text, source, target) for text in texts]
        fit = [place for place, room in enumerate(self._engine.room(chats)) if room > 0]
        answers = self._engine.answer([chats[place] for place in fit], Sampling(max_tokens=self._settings.max_tokens))
        found: list[str | None] = [None] * len(texts)
        for place, answer in zip(fit, answers, strict=True):
            found[place] = " ".join(answer.text.split()) if answer.ended else None
        return found
