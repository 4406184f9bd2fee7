"""Sentences that people have translated into many languages, such as FLORES+."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .. import progress, records
from ..languages.language_files import by_content, every, in_language, language_named, named
from ..languages.stated_language import in_other_languages, listed
from ..reading import LeftOut, existing, keys_of, objects, unwritable
from ..records import Lang, Lineage, Row, digest
from . import BadInput, Languages, Source

LONGEST_ID = 1000
Said = dict[str, tuple[str, str]]
"""(text, document) by the sentence's id."""


class Multiway(Source):
    """Pairs of the rich language with each target, joined by the sentence's ``id``, in files of FLORES+ or in its shape.

    One JSON object a line, or Parquet: ``id``, ``text`` (or ``sentence``), and perhaps ``iso_639_3`` with ``iso_15924``, which
    say the row's language, and ``url``, the document: its sentences share ``lineage.question`` and fall into one split.
    Sentences that one of the two languages lacks are left out and counted. The older FLORES-200 is plain text, line by
    line, which `parallel` reads: ``flores200_dataset/devtest/{lang}.devtest``.

    Paper: NLLB Team 2022, arXiv 2207.04672, for the data.
    Checked: by hand.
    """

    path: Path
    """The file, with all languages in it, or with ``{lang}`` in its path one a language: ``devtest/{lang}.jsonl``."""

    def read(self, languages: Languages) -> Iterator[Row]:
        if not languages.targets:
            raise BadInput(f"{self.path}: no target language is given")
        said = {lang: self._said(lang) for lang in languages}
        rich = languages.rich
        for target in languages.targets:
            both = [id for id in said[rich] if id in said[target]]
            if not both:
                raise BadInput(f"{self.path}: no id stands in both {rich} and {target}")
            if lacking := sorted(said[rich].keys() ^ said[target].keys()):
                progress.say_once(f"{self.path}: left out {len(lacking)} not in both {rich} and {target}: {listed(lacking)}")
            for id in both:
                (one, document), (other, _) = said[rich][id], said[target][id]
                question = f"w-{digest([document or id])[:12]}"
                pair = records.Parallel(source=one, target=other, source_lang=rich, target_lang=target)
                lineage = Lineage(question=question, source=f"multiway {self.path.name}")
                yield Row(id=f"{question}-{target}-{id}", lineage=lineage, payload=pair)

    def _said(self, lang: Lang) -> Said:
        """What a language's rows say.

        Raises:
            FileNotFoundError: it has no file.
            BadInput: rows lack id or text, an id stands twice, or the texts are in another language.
        """
        path = in_language(self.path, lang) if "{lang}" in str(self.path) else existing(self.path)
        found: Said = {}
        out, there = LeftOut(path), set[str]()
        for number, row in objects(path, out):
            code = "_".join(str(row[key]) for key in ("iso_639_3", "iso_15924") if row.get(key))
            if not named(lang, (code,)):
                if code and "{lang}" in str(self.path):
                    raise BadInput(f"{path}, line {number}: the row says it is in {code}, the file's name {lang}")
                if not code and "{lang}" not in str(self.path):
                    raise BadInput(f"{path}, line {number}: no iso_639_3; or put {{lang}} in the path of one file a language")
                if code:
                    there.add(str(language_named(code) or code))
                    continue
            id, text = row.get("id"), row.get("text", row.get("sentence"))
            if id is None or not isinstance(text, str) or not text.strip() or unwritable(text):
                raise BadInput(f"{path}, line {number}: a row needs id and text; its keys are {keys_of(row)}")
            if unwritable(str(id)) or len(str(id)) > LONGEST_ID:
                raise BadInput(
                    f"{path}, line {number}: an id is a few words; this one has {len(str(id))} characters or a zero one"
                )
            if str(id) in found:
                raise BadInput(f"{path}, line {number}: id {id} stands twice in {lang}; remove one of the two")
            found[str(id)] = (text.strip(), str(row.get("url") or row.get("URL") or ""))
        if not found:
            raise BadInput(f"{path}: nothing in {lang.english_name} ({lang}); languages there: {', '.join(sorted(there))}")
        if doubt := in_other_languages({id: [text] for id, (text, _) in found.items()}, lang, path):
            progress.say_once(f"{path}: {doubt}")
        return found

    def identity(self) -> Any:
        return by_content(super().identity(), "path", every(self.path))
