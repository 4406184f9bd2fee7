"""Commands of polydistill that are killed, or refused the disk, at a chosen change; and what they left."""

import errno
import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import tiny

HERE = Path(__file__).parent
STAGES = ("ask", "answer", "translate", "mix", "train", "choose", "evaluate", "report")
"""The verbs in their order; each does what is before it, too."""
LOTS = {"polydistill.answer.SHARD_ROWS": 6, "polydistill.translate.SHARD_ROWS": 8, "polydistill.paid.LOT": 3}
"""What is in flight at a time, made small for a world of 40 questions. It decides nothing."""
KILLED = -int(signal.SIGKILL)


@functools.cache
def library() -> Path:
    """`faults/preload.c`, compiled once a process."""
    made = Path(tempfile.mkdtemp(prefix="faults")) / "preload.so"
    command = ["cc", "-O1", "-Wall", "-Werror", "-shared", "-fPIC", "-o", str(made), str(HERE / "faults" / "preload.c"), "-ldl"]
    subprocess.run(command, check=True)
    return made


@dataclass(frozen=True)
class Fault:
    """What befalls a command at its ``at``-th change below a folder: it is killed, or ``many`` changes are refused."""

    below: Path
    at: int
    error: int = 0
    """The number of the system's error; 0 kills. Below 0: a signal that may be caught, sent again ``many`` changes later."""
    many: int = 1
    only: str = ""
    """Count what takes room alone (``w``: a full disk, whose last write is done by half), syncs alone (``s``), or the bytes
    that are written (``q``: a quota)."""
    journal: str = ""
    """A file that every change is written to."""


def full(below: Path, at: int) -> Fault:
    """From here on the disk takes no more."""
    return Fault(below, at, errno.ENOSPC, 1 << 40, "w")


@dataclass
class Ended:
    """A command that ended."""

    code: int
    said: str
    errors: str

    @property
    def in_words(self) -> bool:
        """Whether it ended well, or with a sentence on standard error and without a traceback."""
        last = self.errors.rstrip().splitlines()[-3:]
        told = any(line.startswith("error: ") or "the same command goes on from here" in line for line in last)
        return "Traceback" not in self.errors and (self.code in (0, 3) or (self.code > 0 and told))


@dataclass
class Running:
    """A command that runs."""

    parent: "Parent"
    number: int
    outputs: tuple[Path, Path]

    def kill(self, which: int = signal.SIGKILL) -> None:
        os.kill(self.number, which)

    def wait(self) -> Ended:
        code = self.parent.ask({"wait": self.number})
        return Ended(code, *(path.read_text("utf-8") for path in self.outputs))

    @property
    def errors(self) -> str:
        """What it has said so far."""
        return self.outputs[1].read_text("utf-8")


@dataclass
class Parent:
    """The process of `faults/parent.py`."""

    process: subprocess.Popen[str]
    folder: Path
    started: int = 0
    ends: Counter[str] = field(default_factory=Counter)

    def ask(self, request: dict[str, Any]) -> int:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(request, default=str) + "\n")
        self.process.stdin.flush()
        return int(json.loads(self.process.stdout.readline()))

    def start(
        self, *arguments: object, fault: Fault | None = None, shift: float = 0, home: Path | None = None,
        environment: dict[str, str] | None = None, changes: dict[str, Any] | None = None,
    ) -> Running:  # fmt: skip
        """Starts a command line; ``changes`` are module variables, ``shift`` the seconds that its clock is off."""
        self.started += 1
        outputs = (self.folder / f"{self.started}.out", self.folder / f"{self.started}.err")
        for path in outputs:
            path.touch()
        number = self.ask({
            "arguments": [str(argument) for argument in arguments], "said": outputs[0], "errors": outputs[1], "shift": shift,
            "fault": fault and asdict(fault), "set": LOTS if changes is None else changes,
            "environment": {"HOME": str(home or self.folder), **(environment or {})},
        })  # fmt: skip
        return Running(self, number, outputs)

    def run(self, *arguments: object, **how: Any) -> Ended:
        return self.start(*arguments, **how).wait()


@contextmanager
def parent(folder: Path) -> Iterator[Parent]:
    """The forking process for the length of a ``with`` block."""
    folder.mkdir(parents=True, exist_ok=True)
    path = os.pathsep.join(filter(None, [str(HERE), os.environ.get("PYTHONPATH")]))
    quiet = {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false", "PYTHONWARNINGS": "ignore"}
    environment = {**os.environ, "LD_PRELOAD": str(library()), "PYTHONPATH": path, **quiet}
    command = [sys.executable, str(HERE / "faults" / "parent.py")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout is not None
            assert json.loads(process.stdout.readline()) == "ready"
            yield Parent(process, folder)
        finally:
            assert process.stdin is not None
            process.stdin.close()


@dataclass(frozen=True)
class World:
    """The tiny world with a model and a translator that are counted."""

    parent: Parent
    plan: Path
    runs: Path
    calls: Path

    def start(self, verb: str, *changes: str, fault: Fault | None = None, **how: Any) -> Running:
        allowed = ("--allow", "faults.counting_engine", "--allow", "faults.counting_translator")
        name, *rest = verb.split()
        return self.parent.start(
            name, self.plan, *rest, f"runs={self.runs}", *changes, *allowed, fault=fault, home=self.plan.parent,
            environment={"TINY_CALLS": str(self.calls), **how.pop("environment", {})}, **how,
        )  # fmt: skip

    def run(self, verb: str = "run", *changes: str, **how: Any) -> Ended:
        return self.start(verb, *changes, **how).wait()

    def at(self, folder: Path, state: Path | None = None) -> "World":
        """The same world with its results in another folder, which begins as a copy of ``state``."""
        if state:
            shutil.copytree(state, folder, symlinks=True)
        folder.mkdir(exist_ok=True)
        return World(self.parent, self.plan, folder / "runs", folder / "calls")

    def stage(self, name: str) -> Path:
        """The folder of a stage; the first where there are several."""
        return min(self.runs.glob(f"stages/{name}-*"))

    def counted(self) -> Counter[str]:
        """How often each item was paid for."""
        return Counter(self.calls.read_text("ascii").splitlines()) if self.calls.is_file() else Counter()


def world(over: Parent, folder: Path) -> World:
    """A new one."""
    plan = tiny.world(folder)
    text = plan.read_text("utf-8").replace("transformers:", "faults.counting_engine:")
    text = text.replace("dictionary:", "faults.counting_translator:").replace(
        " loops]", " {loops: {sampling: {max_tokens: 8}}}]"
    )
    assert text.count("faults.counting") == 2
    assert "max_tokens: 8" in text
    plan.write_text(text, "utf-8")
    return World(over, plan, folder / "runs", folder / "calls")


def results(runs: Path) -> dict[str, bytes]:
    """Every byte of the stages that decides something, and the scores; times and logs aside."""
    found = {}
    for path in sorted(runs.glob("stages/*/**/*")):
        inside = path.relative_to(runs / "stages")
        decides = inside.parts[1] != "beside" and not path.name.startswith(".lock") and path.is_file()
        if decides and (path.name == "scores.json" or not inside.parts[0].startswith("report-")):
            found[str(inside)] = path.read_bytes()
    return found


def leftovers(runs: Path) -> list[str]:
    """What an interrupted writer left."""
    return [str(path.relative_to(runs)) for path in runs.rglob("*") if path.name.endswith(".tmp")]
