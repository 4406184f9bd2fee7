"""The manifest of a finished folder: written last, and what its files are held against whenever the folder is used again."""

import json
import os
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from .. import progress
from ..records import digest
from .files import file_digest, state_of, sync, write_json
from .marker import File

MANIFEST = "manifest.json"
BESIDE = "beside"
"""The subfolder for what is recorded but decides nothing: events, times. It stays out of the manifest."""


class Manifest(BaseModel):
    """What a finished folder holds."""

    model_config = ConfigDict(extra="forbid")

    digest: str
    """SHA-256 over the names and checksums of the files."""
    rows: int
    files: dict[str, File]


def is_finished(folder: Path) -> bool:
    return (folder / MANIFEST).exists()


def finish(out: Path, about: dict[str, Any]) -> None:
    """Writes the manifest, after every file has reached the disk: from now on the folder is finished."""
    files, rows = {}, 0
    for name, path in _files(out).items():
        sync(path)
        files[name] = {"sha256": file_digest(path), "bytes": path.stat().st_size}
        if _holds_rows(path):
            rows += _lines(path)
    for folder in {(out / name).parent for name in files}:
        sync(folder)
    write_json(out / BESIDE / "about.json", about)
    _remember(out, list(files))
    write_json(out / MANIFEST, {"digest": whole(files), "rows": rows, "files": files})


def whole(files: dict[str, dict[str, Any]]) -> str:
    """The digest of a folder: of its files' names and checksums."""
    return digest({name: file["sha256"] for name, file in files.items()})


def damage(folder: Path) -> dict[str, str]:
    """What is wrong with a finished folder: for each file that is not as its manifest states, how.

    A file's content is read again where its size or time of change is not what it was when it was last found right.
    """
    try:
        manifest = Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    except (OSError, ValidationError):
        return {MANIFEST: "cannot be read"}
    if manifest.digest != whole(manifest.model_dump()["files"]):
        return {MANIFEST: "does not agree with itself"}
    found, known = {}, _remembered(folder)
    for name, stated in manifest.files.items():
        path = folder / name
        if not path.is_file():
            found[name] = "is missing"
        elif path.stat().st_size != stated.bytes:
            found[name] = f"has {path.stat().st_size} bytes, not {stated.bytes}"
        elif known.get(name) != state_of(path) and file_digest(path) != stated.sha256:
            found[name] = "has another content than was written"
    if not found and known.get(MANIFEST) != state_of(folder / MANIFEST):  # its number of rows is in no checksum
        rows = sum(_lines(folder / name) for name in manifest.files if _holds_rows(folder / name))
        if rows != manifest.rows:
            found[MANIFEST] = f"states {manifest.rows} rows where there are {rows}"
    if not found and any(known.get(name) != state_of(folder / name) for name in (MANIFEST, *manifest.files)):
        _remember(folder, [MANIFEST, *manifest.files])
    return found


def reopen(folder: Path, damaged: dict[str, str]) -> None:
    """Makes a damaged folder an unfinished one; the damaged files are set aside in ``beside/damaged``, none is deleted."""
    for name in (MANIFEST, *damaged):  # the manifest first: without it nothing takes the folder for a result
        path, aside = folder / name, folder / BESIDE / "damaged" / name
        if path.is_symlink() or path.exists():
            aside.parent.mkdir(parents=True, exist_ok=True)
            os.replace(path, aside)
    sync(folder)


def _files(out: Path) -> dict[str, Path]:
    """The files that are the result, by their names inside the folder."""
    found = {}
    for path in sorted(p for p in out.rglob("*") if p.is_file()):
        inside = path.relative_to(out)
        if not (inside.parts[0] == BESIDE or path.name == MANIFEST or path.name.startswith(".lock") or path.suffix == ".tmp"):
            found[inside.as_posix()] = path
    return found


def _holds_rows(path: Path) -> bool:
    return path.name.startswith("rows-") and path.is_file()


def _lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))


def _remember(folder: Path, names: list[str]) -> None:
    try:
        for left in (folder / BESIDE).glob("seen.json.*.tmp"):  # by a process that was killed here
            left.unlink(missing_ok=True)
        write_json(folder / BESIDE / "seen.json", {name: state_of(folder / name) for name in names})
    except OSError:  # a folder that can only be read is used as it is
        if not is_finished(folder):
            raise


def _remembered(folder: Path) -> dict[str, Any]:
    try:
        known = json.loads((folder / BESIDE / "seen.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def mended(out: Path) -> None:
    """Opens a finished folder again whose files are not what was written, and says so."""
    if is_finished(out) and (damaged := damage(out)):
        what = ", ".join(f"{file} {fault}" for file, fault in damaged.items())
        reopen(out, damaged)
        progress.say(f"{out.name}: {what}; it is made again, and what was there is in {out.name}/{BESIDE}/damaged")
