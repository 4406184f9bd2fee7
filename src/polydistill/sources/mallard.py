"""Help pages that people have translated."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

from ..component import nearest
from ..languages.language_files import by_content, language_named, named
from ..reading import LeftOut, OnError
from ..records import Lang, Lineage, Parallel, Row
from . import BadInput, Languages, Source
from ._help_pages import prose, side_by_side
from ._xml import elements

ORIGINAL = "C"
"""The folder of the English pages, which every other one was translated from."""
NAME = 3
"""Words. A longer text that is the same in both languages was not translated; a shorter one may be a name."""


class Mallard(Source):
    """Pairs of paragraphs from Mallard help pages and their translations, as Debian's ``gnome-user-docs`` has them.

    A page and its translation are walked together: elements whose children are the same are followed; where children
    differ, only those of a kind that each side has once are, and the rest is left out. Each pair has a ``note``: ``title``
    and ``description`` (at most one of each a page), ``heading`` or ``paragraph``. All pairs of a page share
    ``lineage.question`` in every language, so that splits go by page. Markup is dropped and white space made single.
    A side that is still the original (more than three words, equal to the other or to the English text) is left out.
    """

    folder: Path = Path("~/.cache/polydistill/gnome-user-docs/usr/share/help")
    """The folder with one folder a language: ``C`` (English), ``es``, ``pt_BR``, ``sr@latin``."""
    documents: tuple[str, ...] = ("gnome-help", "system-admin-guide")
    """Documents to read, in this order; each a folder of pages inside the language's folder."""
    on_error: OnError = "stop"
    """``stop`` at the first page with broken XML, or ``skip`` such pages and say how many and which."""

    def read(self, languages: Languages) -> Iterator[Row]:
        root, targets = self._root(), languages.targets
        if not targets:
            raise BadInput(f"{root}: no target language is given")
        folders = {lang: root / self._language(root, lang) for lang in languages}
        outs = {lang: LeftOut(f"{root.name}, {languages.rich}-{lang}", self.on_error, "page") for lang in targets}
        found = dict.fromkeys(targets, 0)
        for page in self._pages(root, folders[languages.rich]):
            read = {folder: self._read(folder, page) for folder in {root / ORIGINAL, *folders.values()}}
            english = prose(original) if (original := read[root / ORIGINAL]) is not None else set()
            for target in targets:
                one, other = read[folders[languages.rich]], read[folders[target]]
                if one is None or other is None:
                    outs[target].add(page, "pages missing or broken on one side")
                    continue
                said, unequal = side_by_side(one, other)
                for _ in range(unequal):
                    outs[target].add(page, "elements with other parts")
                for number, (note, source, translated) in enumerate(said):
                    sides = [side for side, lang in ((source, languages.rich), (translated, target)) if lang.language != "en"]
                    if any(side in english or source == translated for side in sides if len(side.split()) > NAME):
                        outs[target].add(page, "untranslated texts")
                        continue
                    found[target] += 1
                    yield _row(page, number, note, source, translated, languages.rich, target)
        for target, out in outs.items():
            out.say()
            if not found[target]:
                raise BadInput(f"{root} holds no {languages.rich}-{target} pair: {out.text()}")

    def _root(self) -> Path:
        root = self.folder.expanduser()
        if not root.is_dir():
            unpack = "apt-get download gnome-user-docs && dpkg-deb -x gnome-user-docs_*.deb HERE"
            raise FileNotFoundError(f"no folder {root}; unpack the pages with: {unpack}, and set folder: HERE/usr/share/help")
        return root

    def _language(self, root: Path, lang: Lang) -> str:
        """The name of a language's folder."""
        there = sorted(path.name for path in root.iterdir() if any((path / document).is_dir() for document in self.documents))
        codes = {"en" if name == ORIGINAL else name: name for name in there}
        code = named(lang, tuple(codes))
        if code is None:
            self._check_documents(root)
            known = ", ".join(sorted(read for name in codes if (read := language_named(name)))) or "none"
            raise BadInput(f"{root} has no pages in {lang.english_name} ({lang}); languages there: {known}")
        return codes[code]

    def _check_documents(self, root: Path) -> None:
        there = {path.name for path in root.glob("*/*") if path.is_dir()}
        for document in self.documents:
            if document not in there:
                near = nearest(document, there)
                hint = f"did you mean {near}?" if near else f"documents there: {', '.join(sorted(there)) or 'none'}"
                raise FileNotFoundError(f"no document {document} in {root}; {hint}")

    def _pages(self, root: Path, rich: Path) -> Iterator[str]:
        """The names of all pages, from the English folder where there is one."""
        self._check_documents(root)
        for document in self.documents:
            folder = root / ORIGINAL / document
            pages = (folder if folder.is_dir() else rich / document).glob("*.page")
            yield from sorted(f"{document}/{path.stem}" for path in pages)

    def _read(self, folder: Path, page: str) -> Element | None:
        path = folder / f"{page}.page"
        if not path.is_file():
            return None
        return next((root for _, root in elements(path, "page", LeftOut(path, self.on_error))), None)

    def about(self) -> dict[str, Any]:
        found = {"name": "Mallard pages " + ", ".join(self.documents)}
        for legal in sorted(filter(Path.is_file, self._root().glob(f"{ORIGINAL}/*/legal.xml"))):
            if licence := re.search(r'href="(https?://[^"]*licen[cs]e[^"]*)"', legal.read_text("utf-8", "replace")):
                found["licence"] = licence[1]
        return found

    def identity(self) -> Any:
        root = self._root()
        pages = {str(p.relative_to(root)): p for document in self.documents for p in root.glob(f"*/{document}/*.page")}
        return by_content(super().identity(), "folder", pages)


def _row(page: str, number: int, note: str, source: str, translated: str, rich: Lang, target: Lang) -> Row:
    pair = Parallel(source=source, target=translated, source_lang=rich, target_lang=target, note=note)
    lineage = Lineage(question=f"page-{page}", source=f"mallard {page}")
    return Row(id=f"page-{page}-{target}-{number}", lineage=lineage, payload=pair)
