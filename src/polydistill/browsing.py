"""Rows of a run as text."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from .privacy.visible import visible
from .records import Chat, Row
from .stage import BESIDE, Rows, read_shard

BROWSED = ("ask", "answer", "translate", "rivals", "mix")
"""The stages whose results are rows."""


def rows_as_text(folder: Path, rejected: bool, limit: int) -> Iterator[str]:
    """The first rows of a stage, or of those that are out; each with where it comes from and what it says."""
    pool = folder / BESIDE / "pool.jsonl"
    found = read_shard(pool) if rejected and pool.is_file() else iter(Rows(folder))
    return islice((as_text(row) for row in found if row.rejected or not rejected), limit)


def as_text(row: Row) -> str:
    """A row in a few lines, the last one empty."""
    lineage, payload = row.lineage, row.payload
    origin = " / ".join(filter(None, (lineage.builder, lineage.source, lineage.translator, *lineage.marks)))
    said = [f"{row.id}  {origin}" + (f"  OUT: {row.rejected}" if row.rejected else "")]
    chat = payload.chat if payload.type == "preference" else payload if payload.type == "chat" else Chat(turns=())
    said += [f"  shown {turn.role} ({turn.lang}): {turn.text}" for turn in chat.shown]
    said += [f"  {turn.role} ({turn.lang}): {turn.text}" for turn in chat.turns]
    if payload.type == "preference":
        said += [f"  preferred: {payload.chosen}", f"  to: {payload.rejected}"]
    if payload.type == "text":
        said.append(f"  {payload.lang}: {payload.text}")
    if payload.type == "parallel":
        said += [f"  {payload.source_lang}: {payload.source}", f"  {payload.target_lang}: {payload.target}"]
    return visible("\n".join([*said, ""]))
