"""Files torn by hand."""

import json
import os
from pathlib import Path
from typing import Any

import tiny_faults
from tiny_faults import World


def cut(path: Path, share: float = 0.5) -> None:
    os.truncate(path, int(path.stat().st_size * share))


def edit(path: Path, **values: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-100] ^= 1
    path.unlink()  # a link to the same bytes elsewhere keeps them
    path.write_bytes(data)


def ends_well(world: World, whole: Any, code: int | None = None) -> str:
    """The same command gives the results of an untouched run; what it said."""
    ended = world.run()
    assert ended.in_words, ended.errors
    assert ended.code == (whole.code if code is None else code), ended.errors
    wanted, found = tiny_faults.results(whole.world.runs), tiny_faults.results(world.runs)
    assert [name for name in wanted if found.get(name) != wanted[name]] == []
    assert tiny_faults.leftovers(world.runs) == []
    return ended.errors
