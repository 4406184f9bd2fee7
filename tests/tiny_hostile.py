"""What the catalogues of hostile inputs share: a time limit, a canary that must not appear, and what became of an input."""

import os
import resource
import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from polydistill.records import Lang, Row
from polydistill.sources import Languages, Source

ENG, SPA = Lang("eng"), Lang("spa")
LANGUAGES = Languages(ENG, (SPA,))
SECONDS = 30
"""For one case, on a machine that is busy."""
MEMORY = 1500 << 20
"""Bytes that one case may add to what the process holds."""


SHOWN = [
    "</script><script>alert(1)</script>", "<img src=x onerror=alert(1)>", "--><script>alert(1)</script><!--", "<!--", "]]>",
    "<script", "</style><style>*{display:none}", "<svg/onload=alert(1)>", "<iframe srcdoc='<script>alert(1)</script>'>",
    "javascript:alert(1)", "<a href=javascript:alert(1)>x</a>", "<base href=//evil>", "<meta http-equiv=refresh content=0>",
    "<form action=//evil><input name=x>", "\" onmouseover=\"alert(1)", "' onfocus='alert(1)' autofocus='", "`${alert(1)}`",
    "{{ 7 * 7 }}", "{% raw %}", "{# x #}", "${7*7}", "\\u003cscript\\u003e", "&lt;script&gt;", "&#60;script&#62;",
    "<math><mtext></p><script>alert(1)</script>", "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "a\u2028alert(1)\u2029", "\u202ecod.exe\u202c", "\u2066x\u2069", "\x1b[2J\x1b]0;title\x07", "\x1b]8;;http://evil\x07x\x1b]8;;\x07",
    "\x9b31m", "\r\x1b[Aerror: forged", "a\bb\x7f", "\x00", "\ud800", "\U000e0041\U000e007f", "\ufeff", "\u2062\u2063",
    "[bold red]x[/bold red]", "[link=http://evil]x[/link]", "[/]", "=HYPERLINK(\"http://evil\")", "+1", "-1", "@x", "\t=1",
    "![x](http://evil/x.png)", "[x](javascript:alert(1))", "a | b | c", "# x", "```\n```",
    "<details open ontoggle=alert(1)>", "~~~",
    "\n---\nlicense: none\n---\n", "שלום (עולם)", "مرحبا \u200f(1)\u061c", "क्\u200dष",
]  # fmt: skip
"""Texts that are markup, code, steering or a formula somewhere; and at the end some that are none."""


class TooSlow(BaseException):
    """No handler of mistakes may swallow it."""


@contextmanager
def bounded(folder: Path, *made: Path) -> Iterator[Path]:
    """Inside, an input may take its time and memory and no more; it must make no canary and change nothing outside.

    Gives the folder of the case; beside it lies what must stay as it is, and what was ``made`` for it before.
    """
    inside, beside = folder / "case", folder / "beside"
    inside.mkdir()
    beside.write_text("untouched", "utf-8")
    there = set(os.listdir(Path.cwd()))

    def late(number: int, frame: Any) -> None:
        raise TooSlow(f"more than {SECONDS} seconds")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        yield inside
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak) << 10
    assert grown < MEMORY, f"{grown >> 20} MiB more"
    assert set(os.listdir(folder)) - {path.name for path in made} == {"beside", "case"}, (
        "something was written beside the folder of the case"
    )
    assert beside.read_text("utf-8") == "untouched"
    assert set(os.listdir(Path.cwd())) <= there | {".pytest_cache", ".hypothesis"}
    assert not list(inside.rglob("canary")), "code ran"


def read(source: Source) -> list[Row]:
    """Every row of a source, written and read back as a stage does it, after what a plan asks of it."""
    source.identity()
    source.about()
    rows = list(source.read(LANGUAGES))
    for row in rows:
        assert Row.model_validate_json(row.to_json().encode("utf-8")) == row
        assert "\n" not in row.to_json()
    return rows


def one_sentence(error: Exception, names: Iterable[object] = ()) -> str:
    """What an error says; it must be short, hold no value of another kind, and name these things."""
    said = str(error)
    assert 10 < len(said) < 5000, said[:300]
    assert "Traceback" not in said
    assert "object at 0x" not in said
    for name in names:
        assert str(name) in said, f"{name} is not in: {said}"
    return said
