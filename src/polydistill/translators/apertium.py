"""Apertium, rule-based translation from Debian packages."""

import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from ..models import known_digest
from ..records import Lang, batches, digest
from . import FailedTranslation, NoTranslation, OpenTranslator, Translator
from . import _apertium_pairs as pairs
from . import _apertium_stream as stream
from . import _programs as programs

SENTENCES_A_PROCESS = 2000
INSTALL = "sudo apt-get install -y --no-install-recommends"


class Apertium(Translator):
    """Apertium through its own program: one process for many sentences, several pairs in a chain where there is no direct one.

    Sentences go through in Apertium's stream format, each ended by a flush: separated by line breaks alone they run into one
    another, and one in four that does not end in a full stop then has words of the next. Words it does not know stay as they
    are; Spanish questions get the ``¿`` that it does not write. About one English sentence in a hundred may come out with
    another word form after other sentences, because its tagger remembers which ambiguities it has met.

    Checked: on Debian's eng-spa, eng-cat and en-gl.
    """

    through: tuple[Lang, ...] = ()
    """The languages between, such as ``[cat]`` from English to Portuguese; the shortest chain when none are given."""
    data: Path | None = None
    """A folder with ``modes`` in it, for pairs built by hand; Apertium's own when none is given."""

    @contextmanager
    def open(self) -> Iterator[OpenTranslator]:
        yield _Open(self)

    def check(self, source: Lang, target: Lang) -> None:
        if source != target:
            self.chain(source, target)

    def chain(self, source: Lang, target: Lang) -> list[str | None]:
        """The modes that lead from source to target.

        Raises:
            NoTranslation: there are none; the error names the packages to install.
        """
        there = shutil.which("apertium") is not None
        modes = pairs.modes(stream.modes(self.data)) if there else {}
        legs = pairs.chain(modes, source, target, self.through)
        if legs is not None:
            return [modes[leg] for leg in legs]
        packages = pairs.to_install(modes, source, target, self.through)
        lacking = f"Apertium has no {source}-{target} here" if there else "Apertium is not installed"
        if packages:
            wanted = " ".join(packages if there else ["apertium", *packages])
            raise NoTranslation(f"{lacking}; install it with: {INSTALL} {wanted}")
        known = sorted({str(other) for one, other in pairs.packages() if one == source})
        through = f" through {', '.join(self.through)}" if self.through else ""
        direct = f"; from {source} there are {', '.join(known)}" if known else ""
        raise NoTranslation(f"{lacking}, and no package leads from {source} to {target}{through}{direct}")

    def identity(self) -> Any:
        return {self.name(): {"through": list(self.through), "installed": _installed(self.data)}, "version": self.version}

    def about(self) -> dict[str, Any]:
        packages = _packages()
        licence = "GPL-2.0-or-later; its language pairs GPL-2.0-or-later or GPL-3.0-or-later"
        return {"name": "Apertium", "version": packages.get("apertium", ""), "licence": licence, "packages": packages}


class _Open(OpenTranslator):
    def __init__(self, settings: Apertium):
        self._settings = settings

    def translate(self, texts: Sequence[str], source: Lang, target: Lang) -> list[str | None]:
        if source == target or not texts:
            return list(texts)
        found: list[str] = list(texts)
        for mode in self._settings.chain(source, target):
            try:
                lots = [stream.translate(mode, lot, self._settings.data) for lot in batches(found, SENTENCES_A_PROCESS)]
            except programs.Failed as error:
                raise FailedTranslation(str(error)) from None
            found = [text for lot in lots for text in lot]
        return [stream.opened(text, target) for text in found]


@cache
def _packages() -> dict[str, str]:
    """Each installed Debian package of Apertium and its version."""
    if shutil.which("dpkg-query") is None:
        return {}
    query = ["dpkg-query", "-W", "-f", "${Package} ${Version} ${Status}\n", "apertium*", "lttoolbox*"]
    try:
        listed = programs.run(query, b"", seconds=60).decode()
    except programs.Failed:  # none is installed
        return {}
    lines = [line.split() for line in listed.splitlines()]
    return {parts[0]: parts[1] for parts in lines if parts[-1] == "installed" and len(parts) > 2}


@cache
def _installed(data: Path | None) -> str:
    """A digest of the programs and pairs that are installed; of pairs built by hand, of all files their modes name."""
    modes = sorted(path.read_text("utf-8") for path in data.expanduser().glob("modes/*.mode")) if data else []
    files = sorted({name for mode in modes for name in re.findall(r"'([^']+)'", mode) if Path(name).is_file()})
    return digest([sorted(_packages().items()), modes, [known_digest(Path(name)) for name in files]])
