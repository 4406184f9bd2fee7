"""Questions from a data set of the Hugging Face hub."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .. import progress
from ..component import Count, missing_extra
from ..reading import LeftOut, OnError
from ..records import Lang, Row
from . import BadInput, Languages, Source
from ._shapes import question_rows


class Hub(Source):
    """Questions, with their answers where it has any, from a data set that `datasets` can load; streamed.

    The shapes are those of `file`. Data sets that are programs are refused by `datasets` itself. Needs the extra ``hub``.
    """

    dataset: str
    """The data set's name on the hub, such as ``owner/name``, or a folder."""
    config: str | None = None
    """The configuration, where the data set has several."""
    split: str = "train"
    """The split to read."""
    revision: str = "main"
    """A commit (40 hexadecimal digits) pins the data; a branch is read as it is on the day, and that is said."""
    lang: Lang | None = None
    """The language of its texts; by default the rich language."""
    questions: Count | None = None
    """Read this many questions from the top; by default all."""
    on_error: OnError = "stop"
    """``stop`` at the first row that cannot be used, or ``skip`` such rows and say how many, why and where."""

    def read(self, languages: Languages) -> Iterator[Row]:
        try:
            from datasets import load_dataset
        except ImportError:
            raise ModuleNotFoundError(missing_extra("datasets", "hub")) from None
        if not (re.fullmatch(r"[0-9a-f]{40}", self.revision) or Path(self.dataset).is_dir()):
            progress.say(f"{self.dataset}: '{self.revision}' may move; revision: <commit> makes the run repeatable")

        def objects() -> Iterator[tuple[int, dict[str, Any]]]:
            try:
                data = load_dataset(self.dataset, self.config, split=self.split, revision=self.revision, streaming=True)
                yield from enumerate(data, 1)
            except Exception as error:  # its files are read by many libraries, each with errors of its own
                reason = (str(error).strip() or type(error).__name__).splitlines()[0]
                raise BadInput(f"data set {self.dataset} (config {self.config}, split {self.split}): {reason}") from error

        out = LeftOut(f"{self.dataset}, {self.split}", self.on_error, unit="row")
        source = f"hub {self.dataset} {self.revision[:12]}"
        yield from question_rows(objects(), self.lang or languages.rich, source, self.questions, out)

    def check(self, languages: Languages) -> None:
        """Reads the first row; the rest lies elsewhere and comes when it is wanted."""
        next(iter(self.read(languages)), None)

    def total(self) -> int | None:
        return self.questions
