"""Paid-for results, kept one by one under everything that decided them.

Growing a run from 1,000 to 2,000 questions pays for 1,000; a killed stage asks for nothing twice. One SQLite file a kind
of result (WAL, synchronous FULL), values in JSON.
"""

import json
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from .records import batches, digest

T = TypeVar("T")
SECONDS = 60
"""How long one process waits for another that writes."""


class Store:
    """Results by key; a key is the digest of everything that decides the result."""

    def __init__(self, path: Path):
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        with self._writing():
            self._db = sqlite3.connect(path, timeout=SECONDS, isolation_level=None)
            self._set_up()

    def _set_up(self) -> None:
        until = time.monotonic() + SECONDS
        while True:
            try:
                for pragma in ("journal_mode=WAL", "synchronous=FULL"):
                    self._db.execute(f"PRAGMA {pragma}")
                table = "kept (key TEXT PRIMARY KEY, value TEXT NOT NULL, at REAL) WITHOUT ROWID"
                self._db.execute(f"CREATE TABLE IF NOT EXISTS {table}")
                return
            except sqlite3.OperationalError as error:
                # While another process turns the file's log on, SQLite refuses at once and does not wait as it does elsewhere.
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                    raise
                time.sleep(0.01)

    def get(self, keys: Sequence[str]) -> dict[str, Any]:
        """The kept values among these keys."""
        found: dict[str, Any] = {}
        for some in batches(keys, 500):
            marks = ",".join("?" * len(some))
            found.update(self._db.execute(f"SELECT key, value FROM kept WHERE key IN ({marks})", some).fetchall())
        return {key: json.loads(value) for key, value in found.items()}

    def put(self, values: dict[str, Any]) -> None:
        """Keeps these values; when it returns they are on the disk.

        Raises:
            OSError: the disk is full or cannot be written to; what was kept before still is.
        """
        rows = [(key, json.dumps(value, ensure_ascii=False), time.time()) for key, value in values.items()]
        with self._writing(), self._db:  # rolled back when it fails
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany("INSERT OR IGNORE INTO kept VALUES (?, ?, ?)", rows)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise OSError(f"{self.path} cannot be written: {error}; make room if its disk is full") from error

    def close(self) -> None:
        self._db.close()

    def through(
        self, what: Any, items: Sequence[T], pay: Callable[[list[T]], Sequence[Any]], lot: int | None = None,
        then: Callable[[], None] = lambda: None,
    ) -> list[Any]:  # fmt: skip
        """The result of each item, in order; only items not kept yet, each once, are paid for.

        ``what`` is the identity of whatever pays (a model with its sampling settings, a translator with its pair), an
        item is a JSON value, and ``pay`` gives one JSON value an item, in order. None says that it failed: it is given back but
        not kept, so that the next run asks again.

        ``lot`` items are paid for at a time, all at once without it. Each lot is kept, then ``then`` is called, which may
        raise to go no further.
        """
        keys = [digest([what, item]) for item in items]
        known = self.get(keys)
        missing = {key: item for key, item in zip(keys, items, strict=True) if key not in known}
        for some in batches(list(missing), lot or max(1, len(missing))):
            paid = dict(zip(some, pay([missing[key] for key in some]), strict=True))
            self.put({key: value for key, value in paid.items() if value is not None})
            known |= paid
            then()
        return [known[key] for key in keys]
