"""Sources: where rows come from.

To add one: a file here with one frozen class that gives `Source.read`. `tests/contract/test_sources.py` enrols it.
"""

from abc import abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING

from .. import __version__, progress
from ..component import Component, contract, identity
from ..records import Lang, Row, digest
from ..storage.files import write_json

if TYPE_CHECKING:
    from ..engines import Engine


@contract
class Source(Component):
    """Rows from somewhere, the same ones each time."""

    @abstractmethod
    def read(self, languages: "Languages") -> Iterator[Row]:
        """Yields rows lazily, in a fixed order, with languages stated in every payload.

        Raises:
            FileNotFoundError: a file is missing; the error names it.
            BadInput: a file cannot be used; the error names the file and the line.
        """

    def check(self, languages: "Languages") -> None:
        """Finds what would stop `read`, without a model: reads every row. What was found right is not read again."""
        from ..models import CACHE

        state = [identity(self), languages, __version__]
        right = CACHE.expanduser() / "checked" / digest(state)
        if not right.is_file():
            with progress.line("check", unit=self.name()) as shown:
                rows = 0
                for rows, _ in enumerate(self.read(languages), 1):
                    shown.note = f"{rows} rows"
            write_json(right, {"rows": rows})

    def total(self) -> int | None:
        """How many rows to expect, for the progress line; None where that is not known."""
        return None


class Languages(tuple[Lang, ...]):
    """What a run's sources may need to know: the rich language first, then the targets; and the run's model."""

    model: "Engine | None"

    def __new__(cls, rich: Lang, targets: tuple[Lang, ...] = (), model: "Engine | None" = None) -> "Languages":
        self = super().__new__(cls, (rich, *targets))
        self.model = model
        return self

    @property
    def rich(self) -> Lang:
        return self[0]

    @property
    def targets(self) -> tuple[Lang, ...]:
        return self[1:]


class BadInput(ValueError):
    """Input that cannot be used, with the file, the line and what to do."""
