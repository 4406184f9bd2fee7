"""Multiple choice by likelihood, on files in the shape of BELEBELE."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar

from ..component import Count
from ..engines import OpenEngine
from ..languages.language_files import by_content, every, in_language, named
from ..reading import existing, objects
from ..records import Chat, Labelled, Lang, Row, Turn
from ..sources import BadInput
from . import Evaluator, Item, Score, Strict, choose, counted, likeliest
from ._items import Mistakes, doubts, failed

OPTIONS = ("mc_answer1", "mc_answer2", "mc_answer3", "mc_answer4")
NORMS = {
    "plain": "the option's log-likelihood",
    "by_length": "log-likelihood per character",
    "by_prior": "log-likelihood after the question less that after nothing",
}


class MultipleChoice(Evaluator):
    """Accuracy in [0, 1] of the likeliest of four answers to a question about a passage; chance is 0.25.

    One JSON object a line: ``flores_passage``, ``question``, ``mc_answer1`` to ``mc_answer4``, ``correct_answer_num``, and
    as the item's id ``link`` with ``question_number``; questions on one passage share their ``link``, and count as one draw.
    Asked with passage and question and no other words, each option as the whole answer:
    ``multiple_choice_plain`` takes ``log p(option | question)``, ``..._by_length`` divides it by the option's characters,
    ``..._by_prior`` subtracts ``log p(option)``. k options that are equally likely count 1/k. An item of which an option's
    number is not finite has failed: it does not count, and a warning says so.

    Paper: Bandarkar et al. 2023, arXiv 2308.16884, for the shape of the file.
    Checked: by hand.
    """

    version: ClassVar[int] = 2

    path: Path
    """The file. ``{lang}`` in it stands for the language in any of its codes; without, ``dialect`` in each row says it."""
    items: Count = 200
    """Questions a language; the same ones in every language as far as they exist."""

    def __call__(self, engine: OpenEngine, languages: Sequence[Lang], heldout: Iterable[Row]) -> list[Score]:
        found, doubt = self._read(languages)
        scores = []
        for lang in languages:
            keys = choose(found[lang], list(found.values()), self.items)
            rows = [found[lang][key] for key in keys]
            if not rows:
                continue
            chats = [_chat(row) for row in rows]
            options = [option for row in rows for option in row.options]
            asked: list[Chat | None] = [chat for chat in chats for _ in OPTIONS]
            nats = engine.score(asked + [None] * len(options), options + options)
            after, alone = nats[: len(options)], nats[len(options) :]
            by_norm = {
                "plain": after,
                "by_length": [n / len(option) for n, option in zip(after, options, strict=True)],
                "by_prior": [n - prior for n, prior in zip(after, alone, strict=True)],
            }
            for norm, meaning in NORMS.items():
                four = [by_norm[norm][at : at + 4] for at in range(0, len(options), 4)]
                hits = [likeliest(each, row.options.index(row.answers[0])) for each, row in zip(four, rows, strict=True)]
                value, error, n = counted([hit for hit, _ in hits])
                doubted = filter(None, (doubt[lang], failed({key: hit for key, (hit, _) in zip(keys, hits, strict=True)})))
                results = zip(keys, chats, rows, hits, strict=True)
                scores.append(Score(
                    name=f"multiple_choice_{norm}", lang=lang, value=value, unit="accuracy", higher_is_better=True,
                    n=n, standard_error=error, note=f"chance 0.25; {meaning}", warning="; ".join(doubted),
                    items=tuple(
                        Item(
                            id=i, value=hit, group=i.rpartition("#")[0], prompt=c.question.text,
                            answer="" if best is None else r.options[best], reference=r.answers[0],
                        )
                        for i, c, r, (hit, best) in results
                    ),
                ))  # fmt: skip
        return scores

    def _read(self, languages: Sequence[Lang]) -> tuple[dict[Lang, dict[str, Labelled]], dict[Lang, str]]:
        """The questions of each language by id, and what casts doubt on a language's.

        Raises:
            FileNotFoundError: a language has no file.
            BadInput: items stand twice, lack a text or their right answer, or are in other languages; the error names them.
        """
        found: dict[Lang, dict[str, Labelled]] = {lang: {} for lang in languages}
        apart = {in_language(self.path, lang): lang for lang in languages} if "{lang}" in str(self.path) else {}
        for path in apart or [existing(self.path)]:
            mistakes = Mistakes(path)
            for line, given in objects(path, Strict(path)):
                dialect = str(given.get("dialect", ""))
                lang = apart[path] if apart else next((lang for lang in languages if named(lang, (dialect,))), None)
                if lang:
                    key, item, wrong = _item(given, lang)
                    where = f"{key} (line {line})"
                    if apart and dialect and not named(lang, (dialect,)):
                        mistakes.add(f"dialect is not {lang}", f"{dialect} of {where}")
                    elif wrong or item is None:
                        mistakes.add(wrong, where)
                    elif key in found[lang]:
                        mistakes.add(f"twice in {lang}", where)
                    else:
                        found[lang][key] = item
            mistakes.refuse()
        if not any(found.values()):
            hint = "without {lang} in the path each row says its language: dialect: spa_Latn"
            raise BadInput(f"{self.path}: no question in {', '.join(languages)}; {hint}")
        texts = {
            lang: {key: [row.context, row.question, " ".join(row.options)] for key, row in rows.items()}
            for lang, rows in found.items()
        }
        return found, doubts(texts, self.path)

    def check(self, languages: Sequence[Lang]) -> None:
        self._read(languages)

    def identity(self) -> Any:
        return by_content(super().identity(), "path", every(self.path))


def _item(given: dict[str, Any], lang: Lang) -> tuple[str, Labelled | None, str]:
    """The id of an item, the item, and what is wrong with it."""
    given = {name: value for name, value in given.items() if value is not None}
    texts = {name: str(given.get(name, "")).strip() for name in ("link", "question_number", "question", *OPTIONS)}
    key = f"{texts['link']}#{texts['question_number']}"
    if missing := [name for name, text in texts.items() if not text]:
        return key, None, f"without {', '.join(missing)}"
    options, number = tuple(texts[name] for name in OPTIONS), str(given.get("correct_answer_num"))
    if number not in ("1", "2", "3", "4"):
        return key, None, f"correct_answer_num is {number}, not 1, 2, 3 or 4"
    if len(set(options)) < 4:
        return key, None, "two of the four answers are the same"
    context = str(given.get("flores_passage", "")).strip()
    answer = options[int(number) - 1]
    return key, Labelled(question=texts["question"], answers=(answer,), options=options, context=context, lang=lang), ""


def _chat(row: Labelled) -> Chat:
    return Chat(turns=(Turn(role="user", text=f"{row.context}\n\n{row.question}".strip(), lang=row.lang),))
