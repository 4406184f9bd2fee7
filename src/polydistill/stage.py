"""Run once: a stage's result lies in a folder named by its settings and its inputs, whole or not at all.

A stage is a plain function ``(settings, *results, out) -> result``. The decorator gives it ``out``, a folder
``runs/stages/<stage>-<hash>``; the hash covers the stage's version, the identity of its settings and the digests of its
inputs. Every file is written under another name, synced and renamed. ``manifest.json`` lists the files with their
checksums and is written last: a folder with it is finished, a folder without it is gone on with.
"""

import functools
import inspect
import json
import resource
import shutil
import signal
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from . import progress
from .component import IDENTITIES, Settings, identity
from .endings import AfterStage, PartDone, Stopped, WouldRun
from .records import Row, batches, digest
from .storage.files import file_digest, make_folder, replacing, write_json
from .storage.locks import only_runner
from .storage.manifest import BESIDE, damage, finish, is_finished, mended


class Artifact:
    """A finished stage's folder. Two results are equal when their digests are."""

    def __init__(self, folder: Path):
        self.folder = folder

    @functools.cached_property
    def manifest(self) -> dict[str, Any]:
        return json.loads((self.folder / "manifest.json").read_text("utf-8"))

    @property
    def digest(self) -> str:
        """SHA-256 over the names and checksums of the files."""
        return self.manifest["digest"]

    def identity(self) -> str:
        return self.digest


class Rows(Artifact):
    """Rows in JSONL shards; iterating streams them in order."""

    def __iter__(self) -> Iterator[Row]:
        written = self.manifest["files"] if is_finished(self.folder) else None
        for shard in shards_of(self.folder):
            if written is None or shard.name in written:  # others were put there by somebody else
                yield from read_shard(shard)

    def __len__(self) -> int:
        return self.manifest["rows"]


R = TypeVar("R", bound=Artifact)


@dataclass
class Workspace:
    """Where a run lives and how it is watched."""

    root: Path
    """The folder ``runs``."""
    part: tuple[int, int] | None = None
    """(i, N) for worker i of N of the row stage ``until``."""
    only_look: bool = False
    """Raise `WouldRun` at the first stage that is not finished."""
    until: str | None = None
    """Stop after this stage."""
    rounds_left: int = 0
    """Rounds that come after the running one; ``until`` is meant of the last round."""
    begins: Callable[[str, Path], None] = lambda stage, folder: None
    """Called with a stage and its folder before it works there."""
    finished: list[tuple[str, Artifact, bool]] = field(default_factory=list)
    """(stage, result, was it there already), in order."""
    round_at: int = 0
    """Where in ``finished`` the last round begins."""
    stopping: bool = False
    signal: int = 0
    """The signal that asked it to stop."""
    asked: Callable[[], bool] = lambda: False
    """Whether somebody else asks it to stop."""

    def next_round(self) -> None:
        """Called where a further round begins."""
        self.rounds_left -= 1
        self.round_at = len(self.finished)

    def part_of(self, stage: str) -> tuple[int, int] | None:
        """This worker's part of a stage; None for the stages before the divided one, which one runner does alone."""
        return self.part if self.until == stage else None


_workspace: ContextVar[Workspace] = ContextVar("workspace")


def workspace() -> Workspace:
    """The workspace of the current run.

    Raises:
        RuntimeError: no run is open; call stages inside ``with working(Workspace(Path("runs"))):``.
    """
    try:
        return _workspace.get()
    except LookupError:
        raise RuntimeError("no run is open: use `with working(Workspace(Path('runs'))):` or flow.run(plan)") from None


@contextmanager
def working(space: Workspace) -> Iterator[Workspace]:
    """Opens a run: the first Ctrl-C or SIGTERM asks the stages to stop after their batch, the second stops at once."""
    token, identities = _workspace.set(space), IDENTITIES.set({})

    def ask_to_stop(number: int, frame: Any) -> None:
        space.signal = number
        if space.stopping:
            raise KeyboardInterrupt
        space.stopping = True
        progress.say("stopping after this batch; press Ctrl-C again to stop at once")

    previous = {}
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            try:
                previous[number] = signal.signal(number, ask_to_stop)
            except ValueError:  # not the main thread: the caller keeps its own handlers
                break
        with progress.remembering():
            yield space
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
        IDENTITIES.reset(identities)
        _workspace.reset(token)


@contextmanager
def joined(root: Path, asked: Callable[[], bool]) -> Iterator[None]:
    """Opens a run in a process that the run itself started; ``asked`` says when to stop."""
    token = _workspace.set(Workspace(root, asked=asked))
    try:
        yield
    finally:
        _workspace.reset(token)


def pause() -> None:
    """Called between batches: the place where a run that was asked to stop does so."""
    if workspace().stopping or workspace().asked():
        raise Stopped


def stage(version: int = 1) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """Gives a function its folder. ``version`` rises when the same settings begin to give another result."""

    def decorate(work: Callable[..., R]) -> Callable[..., R]:
        name = work.__name__
        result_type = inspect.signature(work).return_annotation

        @functools.wraps(work)
        def run(settings: Settings, *inputs: Artifact) -> R:
            space = workspace()
            key = {"stage": name, "version": version, "settings": identity(settings), "inputs": [i.identity() for i in inputs]}
            out = space.root / "stages" / f"{name}-{digest(key)[:12]}"
            there = is_finished(out) and not damage(out)
            if not there:
                if space.only_look:
                    raise WouldRun(name, out, settings, inputs)
                make_folder(out)
                part = space.part_of(name)
                with only_runner(out, part):
                    mended(out)
                    if not is_finished(out):  # another runner may have finished it just now
                        if part is None:  # the temporary files of other workers are not ours
                            clean(out)
                        write_json(out / BESIDE / "settings.json", key)
                        space.begins(name, out)
                        started = time.monotonic()
                        work(settings, *inputs, out=out)
                        seconds = round(time.monotonic() - started, 1)
                        # Peak memory of the process so far, so that the first stage to need the most shows.
                        peak = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2)
                        finish(out, {"stage": name, "seconds": seconds, "peak_gb": peak, "machine": socket.gethostname()})
            result = result_type(out)
            space.finished.append((name, result, there))
            if there:
                progress.say(f"{name}: kept from {out.name}")
            if space.until == name and not space.rounds_left:
                raise AfterStage(result)
            return result

        return run

    return decorate


def clean(out: Path) -> None:
    """Removes what an interrupted writer left under temporary names."""
    for left in sorted(out.rglob("*.tmp")):  # a folder before what lies in it
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left)
        else:
            left.unlink(missing_ok=True)


def write_shard(out: Path, number: int, rows: Iterable[Row]) -> None:
    with replacing(out / f"rows-{number:06d}.jsonl") as file:
        for row in rows:
            file.write(row.to_json() + "\n")


def shards_of(folder: Path) -> list[Path]:
    return sorted(folder.glob("rows-??????.jsonl"))


def read_shard(path: Path) -> Iterator[Row]:
    """The rows of a shard.

    Raises:
        ValueError: a line holds no row; the error says which and what to do.
    """
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                row = Row.model_validate_json(line)
            except ValidationError:
                raise ValueError(
                    f"{path}, line {number}: no row; move {path.parent.name} away, and the same command makes it anew"
                ) from None
            yield row


def note(out: Path, shard: Path) -> None:
    """Notes a shard of a stage that is not finished, with its checksum: one that is not noted is made again."""
    make_folder(out / BESIDE)
    with (out / BESIDE / "shards.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps([shard.name, file_digest(shard)]) + "\n")


def noted(out: Path) -> dict[str, str]:
    """The checksums of the shards that were written whole; a line that is half there is none."""
    found = {}
    with suppress(FileNotFoundError), (out / BESIDE / "shards.jsonl").open("rb") as file:
        for line in file:
            with suppress(ValueError, TypeError):
                name, digest = json.loads(line)
                found[name] = digest
    return found


def write_rows(out: Path, rows: Iterable[Row], shard_rows: int = 1000) -> Rows:
    """Writes rows as they come, from the first one again; for stages that see their rows only once, in one process."""
    for left in shards_of(out):
        left.unlink()
    for number, batch in enumerate(batches(rows, shard_rows)):
        pause()
        write_shard(out, number, batch)
    return Rows(out)


def map_rows(work: Callable[[list[Row]], list[Row]], rows: Rows, out: Path, shard_rows: int, unit: str = "rows") -> Rows:
    """One pure function over batches of rows, each batch a shard that is finished or absent.

    Batches are cut by row index alone, so one worker, several (`Workspace.part`) and a resumed run write the same bytes.
    """
    name = out.name.rsplit("-", 1)[0]
    part, parts = workspace().part_of(name) or (0, 1)
    shards, written = -(-len(rows) // shard_rows), noted(out)
    for left in out.glob("rows-??????.jsonl.*.tmp"):  # by a worker of this part that was killed
        if int(left.name[5:11]) % parts == part:
            left.unlink(missing_ok=True)
    with progress.line(name, total=len(rows), unit=unit) as seen:
        for number, batch in enumerate(batches(rows, shard_rows)):
            shard = out / f"rows-{number:06d}.jsonl"
            if number % parts != part or (shard.is_file() and written.get(shard.name) == file_digest(shard)):
                seen.skip(len(batch))
                continue
            pause()
            write_shard(out, number, work(list(batch)))
            note(out, shard)
            seen.advance(len(batch))
    done = len(shards_of(out))
    if done < shards:
        raise PartDone(out, done, shards)
    return Rows(out)
