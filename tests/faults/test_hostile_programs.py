"""Translators that are other people's programs: whatever they do, there is one sentence, an end, and nothing left running."""

import os
import sys
import time
from pathlib import Path

import pytest
from tiny_hostile import ENG, SPA, bounded, one_sentence

from polydistill import guard
from polydistill.faults import REASONS
from polydistill.translators import FailedTranslation
from polydistill.translators import _programs as programs
from polydistill.translators.command import Command

pytestmark = pytest.mark.faults

TEXTS = ["The first text is here.", "And so is the second one."]

# What it does with its input, and what is said of it.

PROGRAMS: dict[str, tuple[str, str]] = {
    "nothing": ("pass", "wrote 1 lines for 2"),
    "one line": ("print('a')", "wrote 1 lines for 2"),
    "many lines": ("print('a\\n' * 100)", "wrote 101 lines for 2"),
    "without end": ("while True: print('a' * 10000)", "wrote more than"),
    "one line without end": ("while True: sys.stdout.write('a' * 10000)", "wrote more than"),
    "zeros": ("sys.stdout.buffer.write(bytes(200 << 20))", "wrote more than"),
    "latin": ("sys.stdout.buffer.write(b'\\xe9\\n\\xe9\\n')", "wrote what is not UTF-8 (byte 0)"),
    "half a character": ("sys.stdout.buffer.write(b'a\\nb\\xc3\\n')", "wrote what is not UTF-8 (byte 3)"),
    "status 1": ("sys.exit(1)", "ended with status 1: it said nothing"),
    "status 1 with words": ("sys.exit('no such model')", "ended with status 1: no such model"),
    "a traceback": ("1 / 0", "ended with status 1: ZeroDivisionError"),
    "many words": ("sys.stderr.write('x' * (5 << 20)); sys.exit(3)", "ended with status 3: xxx"),
    "killed": ("os.kill(os.getpid(), 9)", "ended with status -9"),
    "crash": ("os.abort()", "ended with status -6"),
    "closes its input": ("os.close(0)", "wrote 1 lines for 2"),
    "closes its output": ("os.close(1); time.sleep(60)", "gave no answer within"),
    "closes everything": ("os.closerange(0, 3); time.sleep(60)", "gave no answer within"),
    "sleeps": ("time.sleep(60)", "gave no answer within"),
    "does not stop when asked": ("signal.signal(15, signal.SIG_IGN); time.sleep(60)", "gave no answer within"),
    "spins": ("while True: pass", "gave no answer within"),
    "stops itself": ("os.kill(os.getpid(), signal.SIGSTOP)", "gave no answer within"),
    "asks": ("input(); open('/dev/tty').read(); print('a')", "ended with status 1"),
    "escapes": ("sys.exit('\\x1b]0;title\\x07')", "ended with status 1"),
}


def program(folder: Path, does: str) -> tuple[str, ...]:
    script = folder / "program.py"
    script.write_text(f"import os, signal, sys, time\nopen({str(folder / 'pids')!r}, 'a').write(f'{{os.getpid()}} ')\n{does}\n")
    return (sys.executable, str(script))


def running(folder: Path) -> list[int]:
    """Those of the program's processes that live."""
    numbers = [int(number) for number in (folder / "pids").read_text().split()]
    deadline = time.monotonic() + 5
    while (left := [number for number in numbers if alive(number)]) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


def alive(number: int) -> bool:
    try:
        return Path(f"/proc/{number}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_that_does_not_do_its_part(name: str, tmp_path: Path):
    does, said = PROGRAMS[name]
    with bounded(tmp_path) as folder:
        with Command(program=program(folder, does), seconds=4.0).open() as opened:
            with pytest.raises(FailedTranslation) as failed:
                opened.translate(TEXTS, ENG, SPA)
        assert said in one_sentence(failed.value)
        assert running(folder) == []


@pytest.mark.parametrize("ends", ["time.sleep(60)", "os._exit(0)"], ids=["stays", "goes"])
def test_what_a_program_starts_is_ended_with_it(ends: str, tmp_path: Path):
    """The child holds the program's output, so nobody who waits for its end ever sees one."""
    does = f"""
text = sys.stdin.read()
if os.fork() == 0:
    open({str(tmp_path / "case" / "pids")!r}, 'a').write(f'{{os.getpid()}} ')
    time.sleep(60)
sys.stdout.write(text)
sys.stdout.flush()
{ends}"""
    with bounded(tmp_path) as folder:
        with Command(program=program(folder, does), seconds=2.0).open() as opened:
            if "sleep" in ends:
                with pytest.raises(FailedTranslation, match="gave no answer within 2 seconds"):
                    opened.translate(TEXTS, ENG, SPA)
            else:
                assert opened.translate(TEXTS, ENG, SPA) == TEXTS
        assert running(folder) == []


def test_a_program_that_never_reads_is_no_reason_to_wait(tmp_path: Path):
    with bounded(tmp_path) as folder:
        with pytest.raises(programs.Failed, match="gave no answer within"):
            programs.run(program(folder, "time.sleep(60)"), b"x" * (10 << 20), 1.0)
        assert programs.run(program(folder, "print('done')"), b"x" * (10 << 20), 20.0) == b"done\n"
        assert running(folder) == []


@pytest.mark.parametrize("command", ["/nowhere/program", "a\0b", "/etc/passwd", "/tmp"])
def test_what_is_no_program_is_said(command: str):
    with pytest.raises(programs.Failed, match="cannot be run"):
        programs.run([command], b"", 1.0)


# What comes back is only ever text with a reason.

BACK = [
    "", " ", "\t", "\\0", "\\x1b[2J", "a" * 100_000, "</script><script>x</script>", "XQAX" * 50, "{{7*7}}", "\\u202e",
    "loop de loop " * 200, "\\ufffd", "1" * 1000,
]  # fmt: skip


@pytest.mark.parametrize("back", BACK, ids=lambda back: ascii(back[:12]))
def test_rubbish_that_comes_back_is_known_for_what_it_is(back: str, tmp_path: Path):
    does = f"for line in sys.stdin: sys.stdout.write('{back}' + chr(10))"
    texts = ["Open the file `x.txt` 3 times, and then close it again.", "It is the last sentence of all that are here."]
    with bounded(tmp_path) as folder:
        with Command(program=program(folder, does)).open() as opened:
            found = guard.translate(opened, texts, ENG, SPA)
    assert len(found) == len(texts)
    for text in found:
        assert "".join(text.pieces) == text.text
        assert text.reason in REASONS


def test_a_program_sees_what_its_user_has_in_the_environment_and_nothing_in_its_arguments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("MT_KEY", "hunter2hunter2")
    with bounded(tmp_path) as folder:
        does = "sys.stdin.read(); print(os.environ['MT_KEY']); print(sys.argv)"
        with Command(program=program(folder, does)).open() as opened:
            key, arguments = opened.translate(TEXTS, ENG, SPA)
    assert key == "hunter2hunter2"
    assert "hunter2" not in str(arguments)
    assert os.environ["MT_KEY"] == "hunter2hunter2"
