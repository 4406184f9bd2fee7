"""Summaries of news articles, on files in the shape of XL-Sum."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ..component import Count
from ..engines import OpenEngine, Sampling
from ..prompts import prompt_language, prompts
from ..reading import objects
from ..records import Chat, Lang, Row, Turn
from ..sources import BadInput
from . import Evaluator, Score, Strict, choose
from ._items import Mistakes, doubts, file_in, held
from ._overlap import chrf_score

Article = tuple[str, str]
"""(text, summary)."""


class Summaries(Evaluator):
    """chrF++ in [0, 100] of greedy one- or two-sentence summaries against the editors' own.

    One JSON object a line: ``id``, ``text`` and ``summary``. The instruction is in the article's language, in English where
    there is none in it, and the note says which. An article that does not fit into the context with ``max_tokens`` of answer
    loses its end, at a space, and the note says how many did: news say first what matters most.

    ROUGE is not given: its usual implementation knows English words only, and reports zero for other scripts. Character n-grams
    need no segmentation, and endings of words count in part.

    Paper: Hasan et al. 2021, arXiv 2106.13822, for the shape of the file; for chrF++ see `evaluators._overlap`.
    Checked: by hand.
    """

    path: Path
    """The files, ``{lang}`` in the path standing for any of a language's codes or its English name: ``{lang}_test.jsonl``."""
    items: Count = 100
    """Articles a language."""
    max_tokens: Count = 64
    """The longest summary, in tokens."""

    def __call__(self, engine: OpenEngine, languages: Sequence[Lang], heldout: Iterable[Row]) -> list[Score]:
        found, doubt = self._read(languages)
        scores = []
        for lang, articles in found.items():
            # Files of two languages hold other articles, so nothing is gained by the same ids.
            keys = choose(articles, [], self.items)
            asked_in = prompt_language("summarize", lang)
            chats, cut = self._fitting(engine, [articles[key][0] for key in keys], lang)
            answers = [answer.text for answer in engine.answer(chats, Sampling(max_tokens=self.max_tokens))]
            note = f"greedy, {self.max_tokens} tokens; asked in {asked_in.english_name}"
            note += f"; {cut} of {len(keys)} articles cut to the context" if cut else ""
            references = [articles[key][1] for key in keys]
            score = chrf_score("summaries_chrf", lang, keys, chats, answers, references, note)
            scores.append(score.model_copy(update={"warning": doubt[lang]}))
        return scores

    def _fitting(self, engine: OpenEngine, texts: Sequence[str], lang: Lang) -> tuple[list[Chat], int]:
        """The questions, each with as much of its article as leaves room for the answer; and how many were cut."""
        instruction, asked_in = prompts("summarize", lang)[0], prompt_language("summarize", lang)

        def chat(text: str) -> Chat:
            return Chat(turns=(Turn(role="user", text=instruction.format(text=text), lang=asked_in),))

        kept, cut = list(texts), set[int]()
        while True:
            chats = [chat(text) for text in kept]
            room = engine.room(chats)
            over = [at for at in range(len(kept)) if room[at] < self.max_tokens]
            if not over:
                return chats, len(cut)
            lengths = engine.count([kept[at] for at in over])
            for at, tokens in zip(over, lengths, strict=True):
                if not kept[at]:
                    raise BadInput(f"the context has no room for {self.max_tokens} tokens after the instruction alone")
                share = max(0.0, 1 - (self.max_tokens - room[at]) / max(1, tokens))
                # One character less at least, so that this ends whatever the tokenizer does.
                shorter = kept[at][: min(int(len(kept[at]) * share), len(kept[at]) - 1)]
                kept[at] = (shorter.rpartition(" ")[0] or shorter).rstrip()
            cut.update(over)

    def _read(self, languages: Sequence[Lang]) -> tuple[dict[Lang, dict[str, Article]], dict[Lang, str]]:
        """The articles of each language by id, and what casts doubt on a language's.

        Raises:
            FileNotFoundError: no language has a file, or a file is missing that ``{lang}`` is not part of.
            BadInput: articles lack an id, a text or a summary, stand twice, or are in another language.
        """
        found: dict[Lang, dict[str, Article]] = {}
        if "{lang}" not in str(self.path):
            raise BadInput(f"{self.path}: rows of articles do not say their language; put {{lang}} in the path")
        for lang in languages:
            path = file_in(self.path, lang)
            rows: dict[str, Article] = {}
            mistakes = Mistakes(path)
            for line, given in objects(path, Strict(path)):
                key, text, summary = (str(given.get(name) or "").strip() for name in ("id", "text", "summary"))
                where = f"{key} (line {line})" if key else f"line {line}"
                lacks = [name for name, said in (("id", key), ("text", text), ("summary", summary)) if not said]
                if lacks:
                    mistakes.add(f"without {', '.join(lacks)}", where)
                elif key in rows:
                    mistakes.add("twice", where)
                else:
                    rows[key] = (text, summary)
            mistakes.refuse()
            found[lang] = rows
        return found, doubts({lang: {key: said for key, said in rows.items()} for lang, rows in found.items()}, self.path)

    def sizes(self, languages: Sequence[Lang]) -> dict[str, tuple[str, int]]:
        return {"summaries_chrf": ("chrF++", self.items)}

    def check(self, languages: Sequence[Lang]) -> None:
        self._read(languages)

    def identity(self) -> Any:
        return held(super().identity(), self.path)
