"""What is written down of each training step."""

import json
import time
from pathlib import Path
from typing import Any

from .stage import BESIDE
from .storage.files import replacing
from .train import read_events


class Events:
    """events.jsonl: one line a step; after a resume, what came after the checkpoint is written anew."""

    def __init__(self, out: Path, first: int, writes: bool):
        self.path, self.writes = out / BESIDE / "events.jsonl", writes
        self.tokens, self.started = 0, time.monotonic()
        if writes:
            kept = [e for e in read_events(self.path) if e["step"] < first]
            with replacing(self.path) as file:
                file.writelines(json.dumps(event) + "\n" for event in kept)

    def __enter__(self) -> "Events":
        self._file = self.path.open("a", encoding="utf-8") if self.writes else None
        return self

    def __exit__(self, *error: Any) -> None:
        if self._file:
            self._file.close()

    @property
    def speed(self) -> float:
        """Tokens a second since training began or went on."""
        return self.tokens / max(time.monotonic() - self.started, 1e-9)

    def write(self, number: int, values: dict[str, Any]) -> None:
        self.tokens += int(values["tokens"])
        if self._file:
            self._file.write(
                json.dumps({"step": number, **values, "seconds": round(time.monotonic() - self.started, 2)}) + "\n"
            )
            self._file.flush()
