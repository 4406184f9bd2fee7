"""What strangers wrote, wherever it is shown: text and nothing else, in pages, on cards and in the terminal."""

import re
import unicodedata
from html.parser import HTMLParser
from pathlib import Path

import pytest
import tiny_page
from tiny_hostile import SHOWN
from tiny_rows import ENG, chat, pair, text
from typer.testing import CliRunner

from polydistill import progress
from polydistill.browsing import as_text
from polydistill.cli import app
from polydistill.exits import fail
from polydistill.provenance import as_text as on_card
from polydistill.provenance import fenced
from polydistill.views.charts import bars
from polydistill.views.comparison_table import _rows as table_rows
from polydistill.views.html_page import page

pytestmark = pytest.mark.faults

UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2060-\u2069\ufeff\ud800-\udfff\U000e0000-\U000e007f]"
)
each = pytest.mark.parametrize("shown", SHOWN, ids=lambda shown: ascii(shown[:24]))


class Marks(HTMLParser):
    """The tags, attributes and comments of a page."""

    def __init__(self, html: str):
        super().__init__()
        self.found: list[object] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, [name for name, _ in attrs]))

    def handle_comment(self, data: str) -> None:
        self.found.append(data)

    def handle_decl(self, decl: str) -> None:
        self.found.append(decl)


def written(given: str) -> str:
    html = page(
        "page.html",
        {"rows": bars(given, given, {given: 1.0})},
        {"answers": [{"before": given, given: given}], "labels": {given: given}},
    )
    return re.sub(r'<script type="module">.*?</script>|<style>.*?</style>', "", html, flags=re.DOTALL)


PLAIN = Marks(written("plain")).found


@each
def test_a_page_has_the_same_marks_whatever_stands_in_it(shown: str):
    html = written(shown)
    assert Marks(html).found == PLAIN
    assert not UNSEEN.search(html)


def reported(folder: Path, planted: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A whole report with a text in every place that can hold one."""
    folder.mkdir()
    monkeypatch.setattr(tiny_page, "PLANTED", planted)
    html = tiny_page.write(folder / "report.html").read_text("utf-8")
    return re.sub(r'<script type="module">.*?</script>|<style>.*?</style>', "", html, flags=re.DOTALL)


def test_a_whole_report_has_the_same_marks_whatever_stands_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    plain = reported(tmp_path / "plain", "plain", monkeypatch)
    strange = reported(tmp_path / "strange", " ".join(text for text in SHOWN if "\ud800" not in text), monkeypatch)
    assert len(strange) > len(plain) + 1000
    assert Marks(strange).found == Marks(plain).found
    assert not UNSEEN.search(strange)


@each
def test_a_row_in_the_terminal_is_text(shown: str):
    for row in (chat(shown, ENG, shown, shown), text(shown, shown), pair(shown, shown, shown).reject(shown)):
        said = as_text(row)
        assert not UNSEEN.search(said)
        assert said.count("\n") <= 2 + 8 * shown.count("\n") + 2


@each
def test_what_is_said_is_text(shown: str, capsys: pytest.CaptureFixture[str]):
    import typer

    progress.say(f"a {shown} b")
    progress.say_once(shown)
    with progress.line("answer", total=3, unit=shown):
        progress.note(shown)
    with pytest.raises(typer.Exit):
        fail(shown, f"no file {shown}")
    assert not UNSEEN.search(capsys.readouterr().err)


@each
def test_a_line_that_is_rewritten_in_a_terminal_holds_no_steering_but_ours(
    shown: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    line = progress.Line("answer", 3, shown)
    line._terminal = True
    line.note = shown
    line.show(last=True)
    assert not UNSEEN.search(capsys.readouterr().err.removeprefix("\r\x1b[K"))


@each
def test_a_card_holds_it_as_text_in_one_line(shown: str):
    cell = on_card(shown)
    assert not UNSEEN.search(cell)
    assert "\n" not in cell
    assert not re.search(r"(?<!\\)[<>|`*\[\]]", cell)
    (line,) = [line for line in table_rows([["head"], [shown]])[2:]]
    assert not UNSEEN.search(line)
    block = fenced({"a": shown.replace("\ud800", "")})
    assert not UNSEEN.search(block)
    fence = block.split("yaml")[0]
    assert block.count(fence) == 2


@each
@pytest.mark.parametrize("verb", ["rows", "show", "list", "check", "chat"])
def test_no_command_repeats_what_steers_a_terminal(verb: str, shown: str):
    if "\0" in shown or shown.startswith("-"):  # no argument can hold it; or it is an option
        return
    result = CliRunner().invoke(app, [verb, shown])
    assert result.exit_code == 2
    assert isinstance(result.exception, SystemExit), result.exception
    assert not UNSEEN.search(result.output)


def test_text_from_right_to_left_is_shown_as_it_is():
    for plain in (
        "שלום (עולם)",
        "مرحبا \u200f(1)\u061c",
        "क्\u200dष",
        "می\u200cخواهم",
        "e\u0301",
        "👩\u200d👩\u200d👧",
        "ไทย\u200bไทย",
    ):
        assert as_text(text("t", plain)) == f"t  text t.txt\n  spa: {plain}\n"
        assert plain in written(plain)
        assert all(unicodedata.category(c) != "Cc" for c in plain)


def test_no_command_writes_a_table_for_spreadsheets():
    """So there is no cell that a spreadsheet could take for a formula; whoever adds one, neutralises = + - @ tab and return."""
    source = Path(progress.__file__).parent
    for path in source.rglob("*.py"):
        code = path.read_text("utf-8")
        assert not re.search(r"^\s*(import csv|from csv )|to_csv|write_csv|to_excel", code, re.MULTILINE), path
