"""Instructions in the languages they are given in, shipped as data/prompts/NAME.json: {language: [paraphrase, ...]}.

``answer_in`` ({language}), ``explain_in`` ({language}), ``complete`` ({text}), ``translate`` ({source}, {target}, {text}) and
``page_questions`` ({title}) make training rows;
``translate_heldout``, ``documentation_qa`` ({title}), ``capitals`` ({country}) and ``summarize`` ({text}) only measure.
"""

import json
from functools import cache
from importlib.resources import files

from .langs import Lang, display_name

FALLBACK = Lang("eng")
"""The language that every set of prompts has."""


def prompts(name: str, lang: Lang) -> list[str]:
    """The paraphrases of an instruction in this language, in English where it has none; see `prompt_language`."""
    return list(_read(name)[prompt_language(name, lang).alpha3])


def prompt_language(name: str, lang: Lang) -> Lang:
    """The language that `prompts` answers in: this one, or English where it has no prompts of its own."""
    return lang if lang.alpha3 in _read(name) else FALLBACK


def language_name(lang: Lang, shown_in: Lang) -> str:
    """A language's name as it stands inside a sentence of another (``español``, ``la hispana``, ``Spanish``).

    From CLDR; in English where that does not know it, and the code where nobody does.
    """
    name = display_name(lang.bcp47, shown_in.bcp47) or str(lang)
    # CLDR gives Esperanto's names of languages as bare adjectives, which no sentence can take without their article.
    return f"la {name}" if shown_in.alpha3 == "epo" and name.endswith("a") else name


@cache
def _read(name: str) -> dict[str, list[str]]:
    return json.loads((files("polydistill") / "data" / "prompts" / f"{name}.json").read_text("utf-8"))
