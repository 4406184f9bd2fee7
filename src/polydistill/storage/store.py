"""Paid-for results, kept one by one under everything that decided them.

Growing a run from 1,000 to 2,000 questions pays for 1,000; a killed stage asks for nothing twice. One SQLite file a kind
of result (synchronous FULL), values in JSON. Every process writes a file of its own, which goes into the common one when the
stage ends, or when the next one begins where the process was killed.
"""

import json
import os
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from .. import progress
from ..records import batches, digest
from .files import make_folder, sync
from .locks import alone, held

T = TypeVar("T")
MOST_TIMES = 3
"""After so many failures that should have passed, one is taken to be lasting."""
NETWORK = (
    "9p", "afs", "beegfs", "ceph", "cifs", "fuse.glusterfs", "fuse.sshfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4", "smb3",
)  # fmt: skip
"""File systems that other machines write to as well; SQLite's shared log does not work there."""
NO_ROOM = (
    sqlite3.SQLITE_BUSY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_PERM, sqlite3.SQLITE_READONLY,
)  # fmt: skip
"""What SQLite says where not its file is at fault but what it lies on."""
TABLES = (
    "kept (key TEXT PRIMARY KEY, value TEXT NOT NULL, at REAL) WITHOUT ROWID",
    "failed (key TEXT PRIMARY KEY, why TEXT NOT NULL, lasting INTEGER NOT NULL, times INTEGER NOT NULL) WITHOUT ROWID",
)


class Failed(NamedTuple):
    """In place of a result: why there is none."""

    why: str
    lasting: bool = True
    """Whether it will fail again; if not it is asked for again in the next run, `MOST_TIMES` in all."""


class Store:
    """Results by key; a key is the digest of everything that decides the result.

    Raises:
        OSError: the file cannot be written, or is damaged; what was kept before still is.
    """

    def __init__(self, path: Path):
        make_folder(path.parent)
        self.path, self._own, self._lock = path, None, None
        self._journal = "DELETE" if _on_network(path.parent) else "WAL"
        if self._journal == "DELETE":
            progress.say_once(
                f"{path.parent} is on a network file system: results are safe there from a kill, less so from the loss of its "
                "server; with runs=FOLDER they can be on a disk of this machine"
            )
        with self._writing(path):
            with alone(path.with_name(f"{path.stem}.lock")):
                self._main = self._opened(path)
            try:
                self._merge()
            except BaseException:
                self._main.close()
                raise

    def _opened(self, path: Path) -> sqlite3.Connection:
        database = sqlite3.connect(path, timeout=60, isolation_level=None)
        try:
            for pragma in (f"journal_mode={self._journal}", "synchronous=FULL"):
                database.execute(f"PRAGMA {pragma}")
            for table in TABLES:
                database.execute(f"CREATE TABLE IF NOT EXISTS {table}")
        except BaseException:
            database.close()
            raise
        return database

    @property
    def _writer(self) -> sqlite3.Connection:
        """This process's own file, made when there is something to write."""
        if self._own is None:
            number = 0
            while self._own is None:
                own = self.path.with_name(f"{self.path.stem}.{socket.gethostname()}-{os.getpid()}-{number}.sqlite")
                if lock := held(_lock_of(own)):
                    self._lock, self._own = lock, self._opened(own)
                number += 1
            sync(self.path.parent)
        return self._own

    def _merge(self) -> None:
        """Takes what other processes kept that are gone, and this one, into the common file."""
        for part in sorted(self.path.parent.glob(f"{self.path.stem}.*.sqlite")):
            if not (lock := held(_lock_of(part))):
                continue  # its owner is at work
            with closing(lock), self._writing(part):
                if not part.exists():  # another process was faster
                    _forget(part)
                    continue
                with closing(self._opened(part)):  # brings its log in order
                    pass
                with alone(self.path.with_name(f"{self.path.stem}.lock")):
                    self._main.execute("ATTACH ? AS part", (str(part),))
                    try:
                        with self._main:
                            self._main.execute("BEGIN IMMEDIATE")
                            self._main.execute("INSERT OR IGNORE INTO kept SELECT * FROM part.kept")
                            self._main.execute("INSERT OR REPLACE INTO failed SELECT * FROM part.failed")
                            self._main.execute("DELETE FROM failed WHERE key IN (SELECT key FROM part.kept)")
                    finally:
                        self._main.execute("DETACH part")
                _forget(part)

    def get(self, keys: Sequence[str]) -> dict[str, Any]:
        """The kept values among these keys, and a `Failed` where that is lasting."""
        found: dict[str, Any] = {}
        for database in (self._main, self._own):
            for some in batches(keys, 500) if database else ():
                marks = ",".join("?" * len(some))
                with self._writing(self.path):
                    failed = database.execute(f"SELECT key, why, lasting, times FROM failed WHERE key IN ({marks})", some)
                    found |= {key: Failed(why) for key, why, lasting, times in failed if lasting or times >= MOST_TIMES}
                    kept = database.execute(f"SELECT key, value FROM kept WHERE key IN ({marks})", some).fetchall()
                    found |= {key: json.loads(value) for key, value in kept}
        return found

    def put(self, values: dict[str, Any]) -> None:
        """Keeps these values and failures; when it returns they are on the disk."""
        rows = [(k, json.dumps(v, ensure_ascii=False), time.time()) for k, v in values.items() if not isinstance(v, Failed)]
        failed = [(key, value) for key, value in values.items() if isinstance(value, Failed)]
        if not values:
            return
        with self._writing(self.path):
            times = self._times([key for key, _ in failed])
            with self._writer as writer:  # rolled back when it fails
                writer.execute("BEGIN IMMEDIATE")
                writer.executemany("INSERT OR IGNORE INTO kept VALUES (?, ?, ?)", rows)
                writer.executemany(
                    "INSERT OR REPLACE INTO failed VALUES (?, ?, ?, ?)",
                    [(key, why, lasting, times.get(key, 0) + 1) for key, (why, lasting) in failed],
                )

    def _times(self, keys: Sequence[str]) -> dict[str, int]:
        """How often each has failed before."""
        found: dict[str, int] = {}
        for database in (self._main, self._own) if keys else ():
            for some in batches(keys, 500) if database else ():
                marks = ",".join("?" * len(some))
                found |= dict(database.execute(f"SELECT key, times FROM failed WHERE key IN ({marks})", some).fetchall())
        return found

    @contextmanager
    def _writing(self, path: Path) -> Iterator[None]:
        try:
            yield
        except (sqlite3.DatabaseError, json.JSONDecodeError) as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in NO_ROOM:
                raise OSError(f"{path} cannot be written: {error}; make room if its disk is full") from error
            raise OSError(
                f"{path} is damaged ({error}); save what it holds with: sqlite3 {path} .recover | sqlite3 {path}.new "
                "and put that in its place, or move it away and pay for its results again"
            ) from error

    def close(self) -> None:
        """Merges what this process kept."""
        try:
            if self._own is not None:
                self._own.close()
                self._lock.close()
                self._own = self._lock = None
                self._merge()
        finally:
            self._main.close()

    def through(
        self, what: Any, items: Sequence[T], pay: Callable[[list[T]], Sequence[Any]], lot: int | None = None,
        then: Callable[[], None] = lambda: None, again: bool = False,
    ) -> list[Any]:  # fmt: skip
        """The result of each item, in order; only items not kept yet, each once, are paid for.

        ``what`` is the identity of whatever pays (a model with its sampling settings, a translator with its pair), an
        item is a JSON value, and ``pay`` gives one JSON value an item, in order, or a `Failed`, which is given back too. None
        says that there is none yet: it is given back but not kept, so that the next run asks again.

        ``lot`` items are paid for at a time, all at once without it. Each lot is kept, then ``then`` is called, which may
        raise to go no further. ``again``: what has failed for good is asked for again.
        """
        keys = [key_of(what, item) for item in items]
        known = {key: value for key, value in self.get(keys).items() if not (again and isinstance(value, Failed))}
        missing = {key: item for key, item in zip(keys, items, strict=True) if key not in known}
        for some in batches(list(missing), lot or max(1, len(missing))):
            paid = dict(zip(some, pay([missing[key] for key in some]), strict=True))
            self.put({key: value for key, value in paid.items() if value is not None})
            known |= paid
            then()
        return [known[key] for key in keys]


def key_of(what: Any, item: Any) -> str:
    """Under which the result of an item is kept; see `Store.through`."""
    return digest([what, item])


def _lock_of(database: Path) -> Path:
    return database.with_suffix(".lock")


def _forget(database: Path) -> None:
    """Removes a merged file; its lock last, by which others know it."""
    for suffix in ("", "-wal", "-shm", "-journal"):
        database.with_name(database.name + suffix).unlink(missing_ok=True)
    _lock_of(database).unlink(missing_ok=True)


def _on_network(folder: Path) -> bool:
    """Whether other machines may write to a folder's file system, as far as the system tells."""
    mounts, real = _mounts(), folder.resolve()
    nearest = max((mount for mount in mounts if real.is_relative_to(mount)), key=len, default="")
    return mounts.get(nearest) in NETWORK


def _mounts() -> dict[str, str]:
    """The kind of file system at each place where one is mounted."""
    try:
        lines = Path("/proc/self/mounts").read_text("utf-8", "replace").splitlines()
    except OSError:
        return {}
    fields = [line.split() for line in lines]
    return {place.replace("\\040", " "): kind for _, place, kind, *_ in fields}
