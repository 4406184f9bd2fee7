"""Rows a second and memory of the row stages, from ten thousand rows up to a million and more. Linux only.

    python benchmarks/million_rows.py --model MODEL --rows 10000 100000 1000000

``rows`` is what enters the mixture: N/4 questions with their answers, their translations into two languages, and N/4 pairs
(N/8 texts by three authors). They are made of the words of the Universal Declaration of Human Rights with the frequencies
they have there: questions of about 20 words, answers and pairs of about 40; the translations are word by word from a toy
dictionary. One question in twenty is another one again in other case and spacing, one in twenty another one with one word
changed; the same holds for pairs. One question in a hundred stands there letter for letter, and the source leaves it out.

Each stage runs in a process of its own. Memory is the peak of its resident set above what it is once everything is imported.
"""

import argparse
import json
import os
import platform
import random
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from pathlib import Path

from polydistill.answer import AnswerSettings, answer
from polydistill.ask import AskSettings, ask
from polydistill.builders.code_switch import CodeSwitch
from polydistill.builders.completion_rows import CompletionRows
from polydistill.builders.copied_source import CopiedSource
from polydistill.builders.exact_duplicates import ExactDuplicates
from polydistill.builders.language_pairs import LanguagePairs
from polydistill.builders.length_ratio import LengthRatio
from polydistill.builders.looping import Looping
from polydistill.builders.near_duplicates import NearDuplicates
from polydistill.builders.translation_rows import TranslationRows
from polydistill.declaration import declaration
from polydistill.engines.transformers import Transformers
from polydistill.mix import MixSettings, mix
from polydistill.models import load_tokenizer
from polydistill.records import Lang
from polydistill.samplers.temperature import Temperature
from polydistill.sources.file import File
from polydistill.sources.parallel import Parallel
from polydistill.stage import Workspace, working
from polydistill.template import Template
from polydistill.translate import TranslateSettings, translate
from polydistill.translators import OpenTranslator, Translator
from polydistill.translators.dictionary import Dictionary

RICH, TARGETS = Lang("eng"), (Lang("spa"), Lang("cat"))
STAGES = ("ask", "answer", "translate", "mix")
TOKENS_A_ROW = 150
"""Tokens of the mixture for each row that enters it: somewhat less than there are candidates for."""


class Dictionaries(Translator):
    """A dictionary for each target language."""

    folder: Path
    """Where they lie."""

    @contextmanager
    def open(self) -> Iterator[OpenTranslator]:
        with ExitStack() as stack:
            yield _Open({target: stack.enter_context(self.into(target).open()) for target in TARGETS})

    def into(self, target: Lang) -> Dictionary:
        return Dictionary(path=self.folder / f"words.{target}.tsv", source=RICH, target=target)

    def check(self, source: Lang, target: Lang) -> None:
        self.into(target).check(source, target)


class _Open(OpenTranslator):
    def __init__(self, by_target: dict[Lang, OpenTranslator]):
        self.by_target = by_target

    def translate(self, texts: Sequence[str], source: Lang, target: Lang) -> list[str | None]:
        return self.by_target[target].translate(texts, source, target)


# Input


def words_of(lang: Lang) -> list[str]:
    return re.findall(r"[^\W\d_]+", " ".join(declaration(lang).values()).casefold())


class Writer:
    """Texts of the words of one language, as one seed gives them."""

    def __init__(self, seed: int):
        self.draw, self.words = random.Random(seed), words_of(RICH)

    def text(self, words: int, end: str = ".") -> str:
        """Sentences of eight to twelve words."""
        sentences = []
        while words > 0:
            said = self.draw.choices(self.words, k=min(words, self.draw.randint(8, 12)))
            sentences.append(" ".join(said).capitalize())
            words -= len(said)
        return ". ".join(sentences) + end

    def again(self, text: str, one_in: int = 20) -> str | None:
        """One time in twenty the text in other case and spacing, one in twenty with another word; None else."""
        at = self.draw.random() * one_in
        if at < 1:
            return text.upper().replace(" ", "  ", 3)
        if at < 2:
            words = text.split(" ")
            words[len(words) // 2] = self.draw.choice(self.words)
            return " ".join(words)
        return None


def make(folder: Path, rows: int) -> None:
    """questions.jsonl, pairs.tsv and the two dictionaries."""
    folder.mkdir(parents=True, exist_ok=True)
    into = {}
    for target in TARGETS:
        known, other = sorted(set(words_of(RICH))), sorted(set(words_of(target)))
        into[target] = {word: other[number % len(other)] for number, word in enumerate(known)}
        lines = (f"{word}\t{said}\n" for word, said in into[target].items())
        (folder / f"words.{target}.tsv").write_text("".join(lines), "utf-8")
    writer, kept = Writer(0), [""] * 1000  # what may come again is one of the last thousand
    with (folder / "questions.jsonl").open("w", encoding="utf-8") as file:
        for number in range(rows // 4):
            earlier = kept[writer.draw.randrange(1000)]
            question = (earlier and writer.again(earlier)) or writer.text(writer.draw.randint(14, 26), "?")
            kept[number % 1000] = question
            line = json.dumps({"question": question, "answer": writer.text(writer.draw.randint(30, 50))}) + "\n"
            file.write(line if number % 100 else line * 2)
    writer, kept = Writer(1), [""] * 1000
    with (folder / "pairs.tsv").open("w", encoding="utf-8") as file:
        file.write("\t".join([RICH, *TARGETS]) + "\n")
        for number in range(rows // 8):
            earlier = kept[writer.draw.randrange(1000)]
            text = (earlier and writer.again(earlier)) or writer.text(writer.draw.randint(30, 50))
            kept[number % 1000] = text
            file.write("\t".join([text, *(_by_words(text, into[target]) for target in TARGETS)]) + "\n")


def _by_words(text: str, entries: dict[str, str]) -> str:
    return " ".join(entries.get(word.strip(".").casefold(), word) for word in text.split(" "))


# Measuring


def run(stage: str, folder: Path, model: str, rows: int) -> dict[str, float]:
    """Runs the stages up to one, of which the earlier ones are there already; what the last one took."""
    engine = Transformers(path=model, dtype="float32")
    with working(Workspace(folder / "runs")) as space:
        load_tokenizer(engine.trainable()[0])  # what is imported late
        import datasketch  # noqa: F401

        started = time.monotonic(), time.process_time()
        before = memory("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
        source = File(path=folder / "questions.jsonl", on_error="skip")
        result = ask(AskSettings(source=source, model=engine, rich=RICH))
        if stage != "ask":
            questions = result
            result = answers = answer(AnswerSettings(by="references", model=engine, rich=RICH), questions)
        if stage in ("translate", "mix"):
            translator = Dictionaries(folder=folder)
            result = translated = translate(TranslateSettings(translator=translator, rich=RICH, targets=TARGETS), answers)
        if stage == "mix":
            result = mix(mixing(folder, engine, rows), answers, translated)
        assert [name for name, _, there in space.finished if not there] == [stage]
    return {
        "rows": len(result), "seconds": time.monotonic() - started[0], "cpu": time.process_time() - started[1],
        "peak": memory("VmHWM") - before, "import": before,
    }  # fmt: skip


def mixing(folder: Path, engine: Transformers, rows: int) -> MixSettings:
    return MixSettings(
        builders=(LanguagePairs(), TranslationRows(), CodeSwitch(), CompletionRows()),
        filters=(ExactDuplicates(), CopiedSource(), LengthRatio(), Looping(), NearDuplicates()),
        texts=(Parallel(path=folder / "pairs.tsv"),), sampler=Temperature(temperature=2.0), tokens=TOKENS_A_ROW * rows,
        model=engine, rich=RICH, targets=TARGETS,
    )  # fmt: skip


def memory(what: str) -> float:
    """MB."""
    return int(re.search(rf"{what}:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024


def measure(rows: int, folder: Path, model: str, keep: bool) -> None:
    here = folder / str(rows)
    shutil.rmtree(here, ignore_errors=True)
    make(here, rows)
    for stage in STAGES:
        command = [sys.executable, __file__, "--model", model, "--rows", str(rows), "--folder", str(folder), "--stage", stage]
        child = subprocess.run(command, stdout=subprocess.PIPE, stderr=None if sys.stderr.isatty() else subprocess.DEVNULL)
        if child.returncode:
            raise SystemExit(f"{stage} failed; try it alone: {' '.join(command)}")
        found = json.loads(child.stdout)
        given = {"ask": rows // 4, "answer": rows // 4, "translate": rows // 2, "mix": rows}[stage]
        print(
            f"| {stage} | {given:,} | {found['rows']:,} | {found['seconds']:.1f} | {found['cpu']:.1f} |"
            f" {given / found['seconds']:,.0f} | {found['peak']:,.0f} |", flush=True,
        )  # fmt: skip
    if not keep:
        shutil.rmtree(here)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--model", required=True, help="whose tokenizer counts the tokens: a folder or a GGUF file")
    asked.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    asked.add_argument("--folder", type=Path, default=Path("million_rows"), help="where the rows lie while they are needed")
    asked.add_argument("--keep", action="store_true", help="keep them")
    asked.add_argument("--stage", choices=STAGES, help="this stage alone, the earlier ones being there; prints JSON")
    given = asked.parse_args()
    given.folder = given.folder.resolve()
    if given.stage:
        print(json.dumps(run(given.stage, given.folder / str(given.rows[0]), given.model, given.rows[0])))
        return
    packages = ", ".join(f"{name} {version(name)}" for name in ("pydantic", "tokenizers", "numpy", "datasketch"))
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, {packages}")
    sample = Template(load_tokenizer(Transformers(path=given.model).trainable()[0])).answer(Writer(2).text(10_000))
    print(f"tokenizer of {Path(given.model).name}: {len(sample) / 10_000:.2f} tokens a word of these texts\n")
    print(
        "| stage | rows in | rows out | seconds | CPU seconds | rows/s | MB above the import |\n|---|---|---|---|---|---|---|"
    )
    for rows in given.rows:
        measure(rows, given.folder, given.model, given.keep)


if __name__ == "__main__":
    main()
