"""How fast the store of paid-for results keeps and finds them as it grows.

    python benchmarks/store.py --results 1000000

Each result is a sentence of about 100 characters, kept in lots of 256 as the stages do, under the digest of what decided it.
Found are lots of 256 that were kept at any time. At the end the process's file goes into the common one.
"""

import argparse
import platform
import random
import re
import shutil
import sqlite3
import time
from pathlib import Path

from polydistill.records import batches, digest
from polydistill.storage.store import Store

LOT = 256
STEPS = 10


def key_of(number: int) -> str:
    return digest([{"translator": "benchmark"}, number])


def memory(what: str) -> float:
    """MB."""
    return int(re.search(rf"{what}:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024


def size(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.iterdir()) / 1e6


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--results", type=int, default=1_000_000)
    asked.add_argument("--folder", type=Path, default=Path("store_benchmark"), help="made anew and removed")
    given = asked.parse_args()
    shutil.rmtree(given.folder, ignore_errors=True)
    print(f"{platform.machine()}, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}\n")
    print("| results | kept/s | CPU s | found/s | MB on the disk | MB of memory |\n|---|---|---|---|---|---|")
    before, draw, store = memory("VmRSS"), random.Random(0), Store(given.folder / "kept.sqlite")
    for step in range(STEPS):
        numbers = range(step * given.results // STEPS, (step + 1) * given.results // STEPS)
        lots = [{key_of(number): f"{number} " * 14 for number in some} for some in batches(numbers, LOT)]
        started, computed = time.monotonic(), time.process_time()
        for lot in lots:
            store.put(lot)
        put, computed = time.monotonic() - started, time.process_time() - computed
        wanted = [[key_of(draw.randrange(numbers[-1])) for _ in range(LOT)] for _ in range(40)]
        started = time.monotonic()
        assert all(len(store.get(keys)) == len(set(keys)) for keys in wanted)
        got = time.monotonic() - started
        print(
            f"| {numbers[-1] + 1:,} | {len(numbers) / put:,.0f} | {computed:.1f} | {40 * LOT / got:,.0f} |"
            f" {size(given.folder):,.0f} | {memory('VmHWM') - before:,.0f} |", flush=True,
        )  # fmt: skip
    started = time.monotonic()
    store.close()
    merged = time.monotonic() - started
    started = time.monotonic()
    Store(given.folder / "kept.sqlite").close()
    opened = time.monotonic() - started
    print(f"\nmerged in {merged:.1f} s ({size(given.folder):,.0f} MB), opened again in {opened:.2f} s,", end=" ")
    print(f"{memory('VmHWM') - before:,.0f} MB of memory at most")
    shutil.rmtree(given.folder)


if __name__ == "__main__":
    main()
