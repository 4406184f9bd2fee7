"""Stage one: questions in the rich language, from a file, a data set or the model itself."""

from itertools import islice
from pathlib import Path

from . import progress
from .component import Count, Settings
from .engines import Engine
from .reading import counting_skipped
from .records import Lang, Row
from .sources import BadInput, Languages, Source
from .stage import BESIDE, Rows, stage, write_json, write_rows


class AskSettings(Settings):
    """Where the questions come from."""

    source: Source
    """A component of sources that yields questions."""
    questions: Count | None = None
    """How many to take; all where there is an end to them."""
    model: Engine
    """Who writes them, for sources that ask the model."""
    rich: Lang
    """The language they are in."""


@stage()
def ask(settings: AskSettings, *, out: Path) -> Rows:
    """Takes the first questions of the source; the same source gives the same ones, and more after them."""

    def seen() -> "list[Row]":
        rows = settings.source.read(Languages(settings.rich, model=settings.model))
        with progress.line("ask", total=settings.questions, unit="questions") as shown:
            for row in islice(rows, settings.questions):
                if row.payload.type == "chat":
                    shown.advance()
                    yield row

    with counting_skipped() as skipped:
        rows = write_rows(out, seen(), shard_rows=256)
    write_json(out / BESIDE / "left_out.json", skipped())
    if not any(True for _ in rows):
        raise BadInput(f"{settings.source.name()} gave no questions")
    return rows
