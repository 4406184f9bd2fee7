"""Sentences or paragraphs that people have written in two languages."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .. import records
from ..component import Count
from ..languages.language_files import by_content, every, in_language
from ..reading import LeftOut, OnError, unwritable
from ..records import Lang, Lineage, Row, digest
from . import BadInput, Languages, Source
from ._pairs import Sides, key_of, sides_of


class Parallel(Source):
    """Pairs of texts from a file of translations. The file's ending says what it is:

    - ``.tmx``: TMX, streamed; no entity is expanded and nothing is fetched;
    - ``.tsv``: source, target and perhaps an id; a first line may name the columns (``source`` and ``target``, or
      language codes, and ``id``), and then there may be others;
    - ``.jsonl``, ``.json``, ``.parquet``: keys ``source`` and ``target``, or language codes, perhaps under ``translation``;
    - any other: plain text, line by line, one file a language, ``{lang}`` in the path: ``corpus.{lang}.txt``.

    A row's ``id`` says what the pair belongs to (a page, a document): pairs with one id, or with the same source text
    where there is none, share ``lineage.question`` and fall into one split. Pairs with an empty side are left out.
    """

    path: Path
    """The file; ``{lang}`` in it stands for any code of the target language (in plain text: of each of the two)."""
    source_lang: Lang | None = None
    """By default the rich language."""
    target_lang: Lang | None = None
    """By default each target in turn."""
    rows: Count | None = None
    """Read this many pairs from the top for each target; by default all."""
    on_error: OnError = "stop"
    """``stop`` at the first pair that cannot be read, or ``skip`` such pairs and say how many, why and where."""

    def read(self, languages: Languages) -> Iterator[Row]:
        source = self.source_lang or languages.rich
        targets = (self.target_lang,) if self.target_lang else languages.targets
        if not targets:
            raise BadInput(f"{self.path}: no target language is given; set target_lang")
        for target in targets:
            yield from self._pairs(source, target, shared=len(targets) > 1 and "{lang}" not in str(self.path))

    def _pairs(self, source: Lang, target: Lang, shared: bool) -> Iterator[Row]:
        out, count, seen = LeftOut(in_language(self.path, target), self.on_error), 0, set[str]()
        for number, sides in sides_of(self.path, source, target, out):
            one, other = key_of(sides, source, "source"), key_of(sides, target, "target")
            if one is None or other is None:
                if len(seen) < 20:
                    seen.update(str(key)[:40] for key in list(sides)[:20])
                out.add(number, f"without {source if one is None else target}")
                continue
            if shared and other == "target":
                raise BadInput(f"{out.name} does not say which language its targets are; name them by code, or set target_lang")
            texts = sides[one], sides[other]
            if not all(isinstance(text, str) for text in texts):
                out.bad(number, "not text", f"{one} and {other} must hold text")
                continue
            if any(map(unwritable, texts)):
                out.bad(number, "broken text", "it holds a zero character or half a surrogate pair")
                continue
            if not all(text.strip() for text in texts):
                out.add(number, "with an empty side")
                continue
            yield self._row(number, sides, texts[0].strip(), texts[1].strip(), source, target, {one, other})
            count += 1
            if count == self.rows:
                break
        out.say()
        if not count:
            there = f"; its keys are {', '.join(sorted(seen))}" if seen else ""
            raise BadInput(f"{out.name} holds no {source}-{target} pair{there}" + (f" ({out.text()})" if out.reasons else ""))

    def _row(self, number: int, sides: Sides, one: str, other: str, source: Lang, target: Lang, used: set[str]) -> Row:
        belongs = sides.get("id") if "id" not in used else None
        question = f"p-{digest(one if belongs is None else [self.path.name, str(belongs)])[:12]}"
        pair = records.Parallel(source=one, target=other, source_lang=source, target_lang=target)
        lineage = Lineage(question=question, source=f"parallel {self.path.name}")
        return Row(id=f"{question}-{target}-{number}", lineage=lineage, payload=pair)

    def identity(self) -> Any:
        return by_content(super().identity(), "path", every(self.path))
