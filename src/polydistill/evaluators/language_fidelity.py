"""Whether answers are in the language that was asked for."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar

from ..component import Count
from ..engines import OpenEngine, Sampling
from ..languages import language_id
from ..languages.language_files import by_content
from ..prompts import language_name, prompt_language, prompts
from ..reading import lines
from ..records import Lang, Row, seed_of
from ..sources import BadInput, Source
from . import HELDOUT, Asked, Evaluator, Score, Strict, heldout_chats, readable
from ._pass_rates import pass_rates
from ._people import by_people, on_people


class LanguageFidelity(Evaluator):
    """Line and word pass rates of answers to held-out questions, all in [0, 1], and how far the identifier is to be believed.

    Lines of fewer than 5 words are dropped (punctuation removed; a second ``Q:`` ends the answer), answers with no line left
    do not count. A line is right if the identifier gives it the wanted language with more than 0.3.
    ``language_fidelity_lines`` (LPR): share of answers with every line right; each item says which language it is in.
    ``language_fidelity_accuracy`` (acc): mean share of right lines. ``language_fidelity_words`` (WPR), only for ar hi ja ko
    ru zh and with a list of English words: among answers with every line right, the share with no English word of 4 letters
    or more. ``language_fidelity`` (LCPR): 2 LPR WPR / (LPR + WPR), so only where both are.
    ``identifier_on_people``: the share of lines of 5 to 25 words by people that the identifier recognises. It is about the
    identifier, not about the model, and its warning says where a verdict in a language is in doubt or cannot be had.

    What cannot be measured gets no score, never 0; only ``identifier_on_people`` may stand with n = 0, to carry its warning.

    Paper: Marchisio et al. 2024, arXiv 2406.20052, section 3.
    Departs: a line of a script without spaces counts from 6 characters on. The authors count its words by jieba (zh) and
        fugashi (ja), and by spaces in Thai, Lao, Khmer and Burmese, which drops 35 of the Declaration's 58 paragraphs in
        Thai; for these four ``language_fidelity_lines_by_spaces`` is by their rule. The compressed
        lid.176 instead of the full one, and lines in capitals in small letters; greedy answers.
    Checked: by hand; against the authors' code, with the same lid.176, on the 13,129 answers of two models that they released:
        in 13 languages 7 of 11,339 answers were judged otherwise, in Chinese and Japanese 56 of 1,790.
    """

    version: ClassVar[int] = 2

    items: Count = 40
    """Questions a language; the same ones in every language as far as they exist."""
    sampling: Sampling = HELDOUT
    """How answers are drawn."""
    english_words: Path | None = None
    """English words, one a line, for the word pass rate; those of 4 small letters or more are used."""
    identifier: Path | None = None
    """A fastText file such as GlotLID's model.bin, which knows some 2,000 languages; by default lid.176, which knows 176."""
    texts: Source | None = None
    """Text by people that the identifier is tried on; by default the Universal Declaration, shipped in ten languages."""
    asked_from_rich: bool = False
    """Also asks in the rich language for an answer in each target; ``language_fidelity_asked_from_eng_lines`` and so on."""

    def __call__(self, engine: OpenEngine, languages: Sequence[Lang], heldout: Iterable[Row]) -> list[Score]:
        rich, *targets = languages
        found = heldout_chats(heldout, languages, self.items)
        rounds = [("language_fidelity", lang, asked) for lang, asked in found.items() if asked]
        if self.asked_from_rich and found[rich]:
            name = f"language_fidelity_asked_from_{rich.alpha3}"
            rounds += [(name, lang, [_for_answer_in(lang, asked) for asked in found[rich]]) for lang in targets]
        identifier = language_id.identifier(self.identifier)
        people = on_people(list(dict.fromkeys(lang for _, lang, _ in rounds)), by_people(self.texts, languages), identifier)
        english = self._english()
        answers = iter(engine.answer([each.chat for _, _, asked in rounds for each in asked], self.sampling))
        scores = []
        for name, lang, asked in rounds:
            texts = [next(answers).text for _ in asked]
            if identifier.labels(lang):
                untried = "" if lang in people else f"; no text by people to try {identifier.name} on in this language"
                scores += pass_rates(name, lang, asked, texts, identifier, english, untried)
        return scores + list(people.values())

    def _english(self) -> frozenset[str]:
        if self.english_words is None:
            return frozenset()
        listed = (line.strip() for _, line in lines(self.english_words, Strict(self.english_words)))
        return frozenset(word for word in listed if word.islower() and len(word) >= 4)

    def check(self, languages: Sequence[Lang]) -> None:
        language_id.identifier(self.identifier).check()
        if self.texts:
            readable(self.texts, languages)
        if self.english_words and not self._english():
            raise BadInput(f"{self.english_words} holds no word of 4 small letters or more; give English words, one a line")

    def identity(self) -> Any:
        own = super().identity()
        for setting, path in {"english_words": self.english_words, "identifier": self.identifier}.items():
            own = by_content(own, setting, {"": path.expanduser()}) if path else own
        return own


def _for_answer_in(lang: Lang, asked: Asked) -> Asked:
    """The same question with the wish that the answer be in another language."""
    question = asked.chat.question
    choices = prompts("answer_in", question.lang)
    instruction = choices[seed_of(asked.id) % len(choices)]
    named = language_name(lang, prompt_language("answer_in", question.lang))
    turn = question.model_copy(update={"text": f"{question.text.rstrip()} {instruction.format(language=named)}", "pieces": ()})
    return asked._replace(chat=asked.chat.model_copy(update={"turns": (*asked.chat.turns[:-1], turn)}))
