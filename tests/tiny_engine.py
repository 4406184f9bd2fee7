"""The engine `transformers` as tests of it build it, and folders that they may change."""

import json
from pathlib import Path
from typing import Any

from polydistill.engines.transformers import Transformers
from polydistill.records import Chat, Lang, Turn


def question(text: str) -> Chat:
    return Chat(turns=(Turn(role="user", text=text, lang=Lang("eng")),))


def engine(folder: Path, **settings: Any) -> Transformers:
    return Transformers(path=str(folder), **{"dtype": "float64", "device": "cpu", "batch_size": 4, **settings})


def change(path: Path, **values: Any) -> None:
    found = json.loads(path.read_text("utf-8"))
    path.unlink()
    path.write_text(json.dumps({**found, **values}), "utf-8")
