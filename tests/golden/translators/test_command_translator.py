from pathlib import Path

import pytest
import tiny_translators as tiny
from pydantic import ValidationError

from polydistill import models
from polydistill.component import find
from polydistill.records import Lang
from polydistill.translators import FailedTranslation, NoTranslation

ENG, SPA = Lang("eng"), Lang("spa")
Command = find("translators", "command")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "CACHE", tmp_path / "cache")


def lines(folder: Path, how: str = "well", **settings: object):
    return Command(program=(str(tiny.program(folder / "lines", tiny.LINES)), "{source}", "{target}", how), **settings)


@pytest.mark.parametrize(
    ("codes", "arguments"),
    [
        ("bcp47", ["en", "pt-BR"]),
        ("iso3", ["eng", "por"]),
        ("flores", ["eng_Latn", "por_Latn"]),
        ("name", ["English", "Portuguese (Brazil)"]),
    ],
)
def test_codes(codes: str, arguments: list[str]) -> None:
    command = Command(program=("mt", "{source}", "{target}", "{other}"), codes=codes)
    assert command.arguments(ENG, Lang("pt-BR")) == ["mt", *arguments, "{other}"]


def test_no_shell_reads_the_arguments(tmp_path: Path) -> None:
    echo = tiny.program(tmp_path / "echo", "import sys\nfor line in sys.stdin: print(sys.argv[1])\n")
    with Command(program=(str(echo), "$(date); `x` {source}")).open() as translator:
        assert translator.translate(["a"], ENG, SPA) == ["$(date); `x` en"]


def test_odd_text_goes_through(tmp_path: Path) -> None:
    texts = ["", " a ", "ñ日本", "\ttab", "\u2028 is no end of a line"]
    with Command(program=("cat",), lines=2).open() as translator:
        assert translator.translate(texts, ENG, SPA) == texts


@pytest.mark.parametrize(("how", "said"), [("short", "wrote 1 lines for 2"), ("fails", "ended with status 3")])
def test_a_program_that_does_not_do_its_part_fails(tmp_path: Path, how: str, said: str) -> None:
    with lines(tmp_path, how).open() as translator, pytest.raises(FailedTranslation, match=said):
        translator.translate(["a", "b"], ENG, SPA)


def test_line_breaks_are_refused(tmp_path: Path) -> None:
    with lines(tmp_path).open() as translator, pytest.raises(ValueError, match=r"guard\.split"):
        translator.translate(["a\nb"], ENG, SPA)


def test_a_program_that_hangs_is_ended() -> None:
    with (
        Command(program=("sleep", "60"), seconds=0.2).open() as translator,
        pytest.raises(FailedTranslation, match="no answer"),
    ):
        translator.translate(["a"], ENG, SPA)


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(NoTranslation, match="no program no-such-program is installed"):
        Command(program=("no-such-program",)).check(ENG, SPA)
    with pytest.raises(NoTranslation, match="`pairs` allows eng-cat"):
        lines(tmp_path, pairs=(("eng", "cat"),)).check(ENG, SPA)
    with pytest.raises(ValidationError):
        Command(program=())


def test_files_among_the_arguments_enter_by_content(tmp_path: Path) -> None:
    script = tmp_path / "a.py"
    script.write_text("one", "utf-8")
    command = Command(program=("cat", str(script)))
    before = command.identity()
    script.write_text("another", "utf-8")
    assert command.identity() != before
    assert str(tmp_path) not in str(before)
    assert Command(program=("cat", str(script)), seconds=5, lines=7).identity() == command.identity()
    assert Command(program=("cat", str(script)), codes="iso3").identity() != command.identity()
