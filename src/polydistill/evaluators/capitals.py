"""Capitals of countries, chosen and generated."""

from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import Field, field_validator

from ..component import Count
from ..engines import OpenEngine, Sampling
from ..prompts import prompt_language, prompts
from ..records import Chat, Lang, Row, Turn, digest
from . import Evaluator, Item, Score, counted, likeliest
from ._countries import Country, city, countries, country_name, distractors, fold
from ._items import failed


class Capitals(Evaluator):
    """Questions for the capitals of about 200 countries and territories; both scores in [0, 1], higher is better.

    ``capitals_choice``: share where the capital is the likeliest of four cities by log-likelihood per token as the whole
    answer; the other three are capitals of the same continent, chosen by hash; k equal ones count 1/k; chance is 0.25.
    ``capitals_generated``: share of greedy answers that name the capital, its name here or in English, case and
    diacritics aside; chance is 0. Names of countries and, where it has them, of capitals are CLDR's, other capitals keep their
    English names. Left out are capitals that the country's name gives away in any language of the run, and disputed, shared
    or outdated ones (data/capitals.json says why). A language without a question of its own gets no score.

    Checked: the capitals against general knowledge, one by one.
    """

    items: Count = 180
    """Countries to choose the capital of, in the order of their hashes; the same ones in every language of a run."""
    generated: Count = 60
    """Countries to name the capital of."""
    max_tokens: Count = 20
    """The longest generated answer, in tokens."""
    questions: dict[Lang, str] = Field(default={})
    """Questions with ``{country}`` for languages that have none here, or in place of ours."""

    @field_validator("questions")
    @classmethod
    def _asks(cls, questions: dict[Lang, str]) -> dict[Lang, str]:
        if wrong := [lang for lang, question in questions.items() if "{country}" not in question]:
            raise ValueError(f"the question in {', '.join(wrong)} must hold {{country}}, where the country's name goes")
        return questions

    def __call__(self, engine: OpenEngine, languages: Sequence[Lang], heldout: Iterable[Row]) -> list[Score]:
        asked = {lang: question for lang in languages if (question := self._question(lang))}
        chosen = sorted(countries(list(asked)), key=lambda country: digest(country.code))[: self.items]
        scores = []
        for lang, question in asked.items():
            texts = [question.replace("{country}", country_name(c, lang)) for c in chosen]
            chats = [Chat(turns=(Turn(role="user", text=text, lang=lang),)) for text in texts]
            scores += [self._choice(engine, lang, chosen, chats), self._generated(engine, lang, chosen, chats)]
        return scores

    def _choice(self, engine: OpenEngine, lang: Lang, chosen: Sequence[Country], chats: Sequence[Chat]) -> Score:
        options = [city(c, lang) for country in chosen for c in (country, *distractors(country))]
        nats = engine.score([chat for chat in chats for _ in range(4)], options)
        by_token = [n / max(tokens, 1) for n, tokens in zip(nats, engine.count(options), strict=True)]
        four = [by_token[at : at + 4] for at in range(0, len(options), 4)]
        cities = [options[at : at + 4] for at in range(0, len(options), 4)]
        hits = [likeliest(each, 0) for each in four]
        picked = ["" if best is None else names[best] for names, (_, best) in zip(cities, hits, strict=True)]
        values, right = [hit for hit, _ in hits], [names[0] for names in cities]
        return _score("capitals_choice", lang, chosen, chats, values, picked, right, "chance 0.25; log-likelihood per token")

    def _generated(self, engine: OpenEngine, lang: Lang, chosen: Sequence[Country], chats: Sequence[Chat]) -> Score:
        some, asked = chosen[: self.generated], chats[: self.generated]
        answers = [answer.text for answer in engine.answer(asked, Sampling(max_tokens=self.max_tokens))]
        right = [city(country, lang) for country in some]
        hits = [
            float(any(f" {fold(name)} " in f" {fold(answer)} " for name in (here, country.capital)))
            for country, here, answer in zip(some, right, answers, strict=True)
        ]
        return _score("capitals_generated", lang, some, asked, hits, answers, right, f"greedy, {self.max_tokens} tokens")

    def _question(self, lang: Lang) -> str | None:
        own = prompts("capitals", lang)[0] if prompt_language("capitals", lang).alpha3 == lang.alpha3 else None
        return self.questions.get(lang, own)

    def sizes(self, languages: Sequence[Lang]) -> dict[str, tuple[str, int]]:
        return {
            "capitals_choice": ("accuracy", self.items),
            "capitals_generated": ("accuracy", min(self.generated, self.items)),
        }

    def measures(self, lang: Lang) -> bool:
        return self._question(lang) is not None

    def about(self) -> dict[str, Any]:
        return {"names": "CLDR through Babel, Unicode-3.0", "capitals": "countryinfo, MIT"}


def _score(
    name: str, lang: Lang, chosen: Sequence[Country], chats: Sequence[Chat], hits: Sequence[float | None], answers: list[str],
    right: list[str], note: str,
) -> Score:  # fmt: skip
    value, error, n = counted(hits)
    rows = zip(chosen, chats, hits, answers, right, strict=True)
    return Score(
        name=name, lang=lang, value=value, unit="accuracy", higher_is_better=True, n=n, standard_error=error, note=note,
        warning=failed({country.code: hit for country, hit in zip(chosen, hits, strict=True)}),
        items=tuple(Item(id=c.code, value=h, prompt=chat.question.text, answer=a, reference=r) for c, chat, h, a, r in rows),
    )  # fmt: skip
