"""Analyses: tables about a run or a model.

To add one: a file here with one frozen class that gives `Analysis.__call__`. `tests/contract/test_analyses.py` enrols it.
"""

from abc import abstractmethod
from pathlib import Path
from typing import Any, NamedTuple

from ..component import Component, contract


class Table(NamedTuple):
    """Rows of numbers with named columns, and what they say."""

    columns: dict[str, str]
    """What each column holds, with its unit."""
    rows: list[dict[str, Any]]
    sentence: str = ""
    """What they show, in words; a line for each language where there are several."""


@contract
class Analysis(Component):
    """Looks at a finished run and changes nothing."""

    @abstractmethod
    def __call__(self, run: Path) -> Table:
        """The table of a run's folder; the same for the same run.

        Raises:
            ValueError, OSError: the run has not what it needs.
        """
