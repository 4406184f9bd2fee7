"""An analysis of a finished run, from its name and settings to a table in the terminal and a file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

from pydantic import TypeAdapter, ValidationError
from ruamel.yaml.comments import CommentedMap

from .analyses import Analysis, Table
from .choose import run_from
from .component import find, write_component
from .engines import Engine
from .mistakes import sentences
from .privacy.visible import visible
from .storage.files import make_folder, write_json
from .yaml_tree import PlanError, override, plain


def analysis_of(name: str, changes: Sequence[str], model: Engine) -> Analysis:
    """The analysis of this name with these settings, each ``key=value``; a model's path alone is run as ``model`` is.

    Raises:
        PlanError: every mistake.
    """
    tree = CommentedMap()
    for change in changes:
        override(tree, change)
    given = plain(tree)
    for key, field in _fields(name).items():
        if isinstance(given.get(key), str) and Engine in (field.annotation, *get_args(field.annotation)):
            given[key] = run_from(Path(given[key]), model)
    try:
        return TypeAdapter(Analysis).validate_python({name: given})
    except ValidationError as error:
        raise PlanError([": ".join([".".join(map(str, loc[1:])), text]) for loc, text in sentences(error, None)]) from None


def _fields(name: str) -> dict[str, Any]:
    try:
        return dict(find("analyses", name).model_fields)
    except LookupError as error:
        raise PlanError([str(error)]) from None


def analysed(analysis: Analysis, run: Path) -> tuple[Table, Path]:
    """The table, and the file in the run's folder that it is written to."""
    found = analysis(run)
    file = run / "analyses" / f"{analysis.name()}.json"
    make_folder(file.parent)
    write_json(file, {"analysis": write_component(analysis), **found._asdict()})
    return found, file


def print_table(found: Table, console: Any) -> None:
    """A table in the terminal, readable at 80 columns, with what its columns hold and what it says."""
    from rich.table import Table as Shown

    shown = Shown(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for column in found.columns:
        shown.add_column(column.replace("_", "\n"), justify="right", vertical="bottom")
    for row in found.rows:
        shown.add_row(*(visible(cell(row[column])).replace("[", r"\[") for column in found.columns))
    console.print(shown)
    for column, holds in found.columns.items():
        console.print(visible(f"{column}: {holds}"), highlight=False, markup=False)
    console.print(visible(found.sentence), highlight=False, markup=False)


def cell(value: Any) -> str:
    """A value as people read it."""
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
