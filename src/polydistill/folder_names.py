"""Names that a user gives to folders."""

import os
from pathlib import Path


def folder_name(name: str) -> str:
    """A run's name, as it is.

    Raises:
        ValueError: it cannot be the name of a folder of its own.
    """
    if name in ("stages", "store"):
        raise ValueError(f"the folder {name} holds what all runs share; give the run another name")
    if (
        name[:1] in (".", "-", "~", " ")
        or name.endswith(" ")
        or len(name.encode("utf-8", "replace")) > 200
        or not name.isprintable()
        or set(name) & set("/\\")
    ):
        raise ValueError("a run's name is the name of its folder under `runs`: no path, no dot, dash, tilde or space in front")
    return name


def runs_folder(runs: Path) -> Path:
    """The folder of all runs; a tilde is the home folder.

    Raises:
        ValueError: its path cannot be shown.
    """
    if not str(runs).isprintable():
        raise ValueError("the path of a folder that can be shown: no line break or other control character in it")
    return Path(os.path.expanduser(runs))
