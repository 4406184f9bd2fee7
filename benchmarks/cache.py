"""How many bytes a token a teacher's signal takes on the disk, and how fast it is captured and read.

    python benchmarks/cache.py --model FOLDER README.md docs/*.md

Rows of --length tokens are cut from the texts, the first quarter of each is prompt; the model itself is the teacher. Bytes are
those of all that is kept of the rows, divided by their answer tokens. Rows are read in batches of 16, each row as often as
there are --reads, files warm.
"""

import argparse
import platform
import random
import shutil
import time
from pathlib import Path

import torch

from polydistill.batch import Tokens, padded
from polydistill.models import load_model, load_tokenizer
from polydistill.records import batches
from polydistill.storage.signal_cache import SignalCache
from polydistill.student import TOKENS, Student
from polydistill.teachers.cached import Cached

FORMS = (
    *({"keeps": "top_k", "k": k} for k in (8, 32, 50, 64, 128)),
    *({"keeps": "sampled", "n": n} for n in (8, 32, 50, 64)),
    {"keeps": "sampled", "n": 50, "temperature": 2.0},
    {"keeps": "states"},
    {"keeps": "states", "dtype": "bfloat16"},
)


def rows_of(tokenizer: object, texts: list[Path], rows: int, length: int) -> list[Tokens]:
    ids = tokenizer.encode("\n".join(path.read_text("utf-8") for path in texts))
    draw = random.Random(0)
    starts = [draw.randrange(len(ids) - length) for _ in range(rows)]
    return [Tokens(ids[at : at + length], length // 4, id=str(at)) for at in starts]


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("texts", type=Path, nargs="+")
    asked.add_argument("--model", type=Path, required=True)
    asked.add_argument("--rows", type=int, default=64)
    asked.add_argument("--length", type=int, default=80)
    asked.add_argument("--reads", type=int, default=20)
    asked.add_argument("--folder", type=Path, default=Path("cache_benchmark"), help="made anew and removed")
    given = asked.parse_args()
    torch.set_num_threads(1)
    student = Student(load_model(given.model, "float32", "cpu")).eval()
    rows = rows_of(load_tokenizer(given.model), given.texts, given.rows, given.length)
    tokens, sizes = sum(row.learned for row in rows), student.sizes
    some = [padded(each) for each in batches(rows, 16)]
    print(f"{platform.machine()}, torch {torch.__version__}, one thread; {sizes.vocabulary:,} tokens, width {sizes.width}")
    print(f"{len(rows)} rows, {tokens:,} answer tokens\n")
    print("| kept | bytes a token | captured, rows/s | read, rows/s | looked through, rows/s |\n|---|---|---|---|---|")
    for form in FORMS:
        shutil.rmtree(given.folder, ignore_errors=True)
        teacher = Cached(folder=given.folder, **form).open(student, TOKENS)
        started = time.monotonic()
        teacher.prepare(some)
        captured = len(rows) / (time.monotonic() - started)
        started = time.monotonic()
        for _ in range(given.reads):
            for batch in some:
                teacher.say(batch)
        read = given.reads * len(rows) / (time.monotonic() - started)
        started = time.monotonic()
        for _ in range(given.reads):
            SignalCache(given.folder)
        looked = given.reads * len(rows) / (time.monotonic() - started)
        size = sum(path.stat().st_size for path in given.folder.glob("rows-*.bin")) / tokens
        name = " ".join(f"{value}" if key == "keeps" else f"{key}={value}" for key, value in form.items())
        print(f"| {name} | {size:,.1f} | {captured:,.0f} | {read:,.0f} | {looked:,.0f} |", flush=True)
    shutil.rmtree(given.folder)


if __name__ == "__main__":
    main()
