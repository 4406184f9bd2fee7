"""A line of progress with time left, and never five seconds without a sign of life."""

import os
import shutil
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from .privacy.keys import masked
from .privacy.visible import visible

QUIET_SECONDS = 4.0
LONGEST = 4000
"""Characters of a sentence; a longer one repeats what somebody else wrote."""
SAID: ContextVar[set[str] | None] = ContextVar("said", default=None)
"""What `say_once` has said in the current run."""
SHOWN = os.environ.get("RANK", "0") == "0"
"""Of several ranks of one job, which torchrun numbers, the first one speaks."""
_current: "Line | None" = None


class Line:
    """One line for one job; rewritten in place on a terminal, printed again every few seconds elsewhere."""

    def __init__(self, name: str, total: int | None, unit: str):
        self.name, self.total, self.unit = name, total, unit
        self.done = self.skipped = 0
        self.note = ""
        self.started = time.monotonic()
        self._shown = 0.0
        self._terminal = sys.stderr.isatty()

    def advance(self, steps: int = 1, note: str = "") -> None:
        """Counts work that was just done."""
        self.done += steps
        self.note = note or self.note

    def skip(self, steps: int) -> None:
        """Counts work that was there already; it does not flatter the speed."""
        self.done += steps
        self.skipped += steps

    def text(self) -> str:
        seconds = time.monotonic() - self.started
        worked = self.done - self.skipped
        parts = [f"{self.name:<10}", f"{self.done}/{self.total} {self.unit}" if self.total else self.unit]
        if self.note:
            parts.append(self.note)
        parts.append(clock(seconds))
        if self.total and worked and self.done < self.total:
            parts.append(f"{clock(seconds / worked * (self.total - self.done))} left")
        return "  ".join(parts)

    def show(self, last: bool = False) -> None:
        now = time.monotonic()
        if not SHOWN or (not last and not self._terminal and now - self._shown < QUIET_SECONDS):
            return
        self._shown = now
        if self._terminal:
            width = shutil.get_terminal_size().columns - 1
            sys.stderr.write("\r\x1b[K" + spoken(self.text())[:width] + ("\n" if last else ""))
        else:
            sys.stderr.write(spoken(self.text()) + "\n")
        sys.stderr.flush()


@contextmanager
def line(name: str, total: int | None = None, unit: str = "") -> Iterator[Line]:
    """Shows a line while the block runs, from a thread of its own, so that one long step is no silence."""
    global _current
    outer, _current = _current, Line(name, total, unit)
    mine, over = _current, threading.Event()

    def beat() -> None:
        while not over.wait(1.0):
            if _current is mine:
                mine.show()

    thread = threading.Thread(target=beat, daemon=True)
    mine.show()
    thread.start()
    try:
        yield mine
    finally:
        over.set()
        thread.join()
        mine.show(last=True)
        _current = outer


def say(sentence: str) -> None:
    """One sentence on a line of its own, above a line of progress where one is shown."""
    if not SHOWN:
        return
    if _current is not None and sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")
    sys.stderr.write(spoken(sentence, LONGEST) + "\n")
    sys.stderr.flush()


def spoken(text: str, longest: int | None = None) -> str:
    """A text as it goes to a terminal: without keys, and without characters that would steer it."""
    if longest is None or len(text) <= longest:
        return visible(masked(text))
    return visible(masked(text[: 2 * longest])[:longest] + " ...")


@contextmanager
def remembering() -> Iterator[None]:
    """Around a run, or the whole command that it is a part of: what `say_once` says in it, it says once."""
    if SAID.get() is not None:
        yield
        return
    token = SAID.set(set())
    try:
        yield
    finally:
        SAID.reset(token)


def say_once(sentence: str) -> None:
    """One sentence, the first time it comes in a run: sources are read more than once."""
    said = SAID.get()
    if said is None or sentence not in said:
        say(sentence)
    if said is not None:
        said.add(sentence)


def clock(seconds: float) -> str:
    """Seconds as m:ss or h:mm:ss."""
    whole = int(seconds + 0.5)
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"


def note(text: str) -> None:
    """Shows a few words, such as a speed, on the line that is running."""
    if _current is not None:
        _current.note = text


def beside(name: str, text: str, at: int) -> str:
    """A name and what is to be said of it from column ``at`` on; as wide as the terminal, and one line elsewhere."""
    if not sys.stdout.isatty():
        return f"{name:<{at}}{text}"
    width = max(at + 20, shutil.get_terminal_size().columns)
    return textwrap.fill(text, width, initial_indent=f"{name:<{at}}", subsequent_indent=" " * at)
