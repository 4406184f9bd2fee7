"""Short answers to questions of fact, on files in the shape of MKQA."""

import json
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, ClassVar

from ..component import Count
from ..engines import OpenEngine, Sampling
from ..languages.language_files import by_content, named
from ..reading import existing, objects
from ..records import Chat, Labelled, Lang, Row, Turn
from ..sources import BadInput
from ..texts import words
from . import Evaluator, Item, Score, Strict, choose, mean
from ._items import Mistakes, doubts

UNANSWERED = ("unanswerable", "long_answer")


class ShortAnswer(Evaluator):
    """Exact match and F1, both in [0, 1], of greedy answers against the best of each question's known answers.

    One JSON object a line: ``example_id``, ``queries`` ({language: question}) and ``answers`` ({language: [{``type``, ``text``,
    ``aliases``}]}); any code for a language. Both sides are compared in small letters, without punctuation and without the
    language's articles, word by word; by characters in scripts without spaces. ``short_answer_exact``: the words are the
    same. ``short_answer_f1``: ``2 p r / (p + r)``, p the share of the answer's words that are in the known one, r the share of
    the known one's words that are in the answer. Questions whose known answer is none or long are left out.

    Paper: Longpre, Lu, Daiber 2021, arXiv 2007.15207, for the shape of the file; Rajpurkar et al. 2016, arXiv 1606.05250.
    Departs: articles are whole words from our own list, for more languages; yes and no count as any answer.
    Checked: by hand.
    """

    version: ClassVar[int] = 2

    path: Path
    """The file, with all languages in it."""
    items: Count = 200
    """Questions a language; the same ones in every language as far as they exist."""
    max_tokens: Count = 20
    """The longest answer, in tokens."""

    def __call__(self, engine: OpenEngine, languages: Sequence[Lang], heldout: Iterable[Row]) -> list[Score]:
        found, doubt = self._read(languages)
        scores = []
        for lang in languages:
            keys = choose(found[lang], list(found.values()), self.items)
            if not keys:
                continue
            rows = [found[lang][key] for key in keys]
            chats = [Chat(turns=(Turn(role="user", text=row.question, lang=lang),)) for row in rows]
            answers = [answer.text for answer in engine.answer(chats, Sampling(max_tokens=self.max_tokens))]
            for name, measure in (("exact", exact), ("f1", f1)):
                best = [max(measure(a, known, lang) for known in r.answers) for r, a in zip(rows, answers, strict=True)]
                value, error = mean(best)
                results = zip(keys, rows, answers, best, strict=True)
                scores.append(Score(
                    name=f"short_answer_{name}", lang=lang, value=value, unit="share", higher_is_better=True, n=len(best),
                    standard_error=error, note=f"greedy, {self.max_tokens} tokens; best of each question's known answers",
                    warning=doubt[lang],
                    items=tuple(
                        Item(id=i, value=v, prompt=r.question, answer=a, reference=r.answers[0]) for i, r, a, v in results
                    ),
                ))  # fmt: skip
        return scores

    def _read(self, languages: Sequence[Lang]) -> tuple[dict[Lang, dict[str, Labelled]], dict[Lang, str]]:
        """The questions of each language by id, and what casts doubt on a language's.

        Raises:
            BadInput: ids are missing or stand twice, rows have no ``queries`` or ``answers``, a question has no known answer at
                all, or questions are in another language; the error names them.
        """
        path = existing(self.path)
        found: dict[Lang, dict[str, Labelled]] = {lang: {} for lang in languages}
        seen: set[str] = set()
        mistakes = Mistakes(path)
        for line, given in objects(path, Strict(path)):
            key, queries, answers = str(given.get("example_id", "")), given.get("queries"), given.get("answers")
            where = f"{key} (line {line})"
            if key in ("", "None"):
                mistakes.add("without example_id", f"line {line}")
            elif not isinstance(queries, dict) or not isinstance(answers, dict):
                mistakes.add("without queries or answers by language", where)
            elif key in seen:
                mistakes.add("twice", where)
            else:
                seen.add(key)
                for lang in languages:
                    code = named(lang, tuple(sorted(queries.keys() & answers.keys())))
                    known = _known(answers[code]) if code else ()
                    if known is None:
                        mistakes.add(f"without an answer in {code}", where)
                    elif code and known and queries[code]:
                        found[lang][key] = Labelled(question=str(queries[code]), answers=known, lang=lang)
        mistakes.refuse()
        if not any(found.values()):
            raise BadInput(f"{path}: no answered question in {', '.join(languages)}")
        # Answers are names and numbers, which are in no language.
        texts = {lang: {key: [row.question] for key, row in rows.items()} for lang, rows in found.items()}
        return found, doubts(texts, path)

    def check(self, languages: Sequence[Lang]) -> None:
        self._read(languages)

    def identity(self) -> Any:
        return by_content(super().identity(), "path", {"": self.path})


def exact(answer: str, known: str, lang: Lang) -> float:
    """1 if the two are the same words, else 0."""
    return float(plain(answer, lang) == plain(known, lang))


def f1(answer: str, known: str, lang: Lang) -> float:
    """The harmonic mean of precision and recall of words, each counted as often as it stands; 1 if both have none."""
    given, wanted = plain(answer, lang), plain(known, lang)
    shared = sum((Counter(given) & Counter(wanted)).values())
    return 2 * shared / (len(given) + len(wanted)) if given or wanted else 1.0


def plain(text: str, lang: Lang) -> list[str]:
    """The words in small letters, without punctuation and articles; an answer of nothing but articles keeps them.

    An apostrophe parts two words, other punctuation joins what stands around it: ``l'U.R.S.S.`` is ``l urss``.
    """
    small = unicodedata.normalize("NFKC", text).casefold().replace("'", " ").replace("’", " ")
    found = words("".join(c for c in small if not unicodedata.category(c).startswith("P")))
    return [word for word in found if word not in _articles().get(lang.alpha3, ())] or found


@cache
def _articles() -> dict[str, list[str]]:
    return json.loads((files("polydistill") / "data" / "articles.json").read_text("utf-8"))


def _known(answers: Any) -> tuple[str, ...] | None:
    """The known answers; none where the file says that there is none or a long one; None where it fails to say."""
    if not isinstance(answers, list) or not answers or not all(isinstance(answer, dict) for answer in answers):
        return None
    short = [answer for answer in answers if answer.get("type") not in UNANSWERED]
    texts = [text for answer in short for text in (answer.get("text"), *(answer.get("aliases") or ()))]
    known = tuple(dict.fromkeys(str(text).strip() for text in texts if text and str(text).strip()))
    return known if known or not short else None
