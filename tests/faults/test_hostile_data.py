"""Data files that strangers made, broken or with intent: rows that are left out and counted, or one sentence; never more."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from tiny_hostile import LANGUAGES, bounded, one_sentence, read

from polydistill.languages.dictionaries import read_dictionary
from polydistill.languages.fasttext_file import is_whole
from polydistill.reading import existing
from polydistill.sources import BadInput
from polydistill.sources.file import File
from polydistill.sources.mallard import Mallard
from polydistill.sources.multiway import Multiway
from polydistill.sources.parallel import Parallel
from polydistill.sources.text import Text

pytestmark = pytest.mark.faults

GOOD = b'{"question": "What is it?"}\n'
PAIR = b'{"source": "one", "target": "uno"}\n'
DEEP = b"[" * 200_000
EVIL = "../../beside"

# What is refused whole: file name, bytes, what the sentence says.

REFUSED: dict[str, tuple[str, bytes, str]] = {
    "empty": ("a.jsonl", b"", "is empty"),
    "only line ends": ("a.jsonl", b"\n" * 3_000_000, "is empty"),
    "only a mark": ("a.jsonl", b"\xef\xbb\xbf", "is empty"),
    "cut": ("a.jsonl", GOOD + b'{"question": "Wh', "line 2: cut off"),
    "cut in a character": ("a.jsonl", GOOD + '{"question": "é'.encode()[:-1], "line 2: cut off"),
    "no json": ("a.jsonl", GOOD + b"question: what\n", "line 2: broken JSON"),
    "deep": ("a.jsonl", GOOD + b'{"question": ' + DEEP + b"}\n", "line 2: broken JSON"),
    "deep closed": ("a.jsonl", GOOD + DEEP + b"]" * 200_000 + b"\n", "line 2: broken JSON"),
    "long number": ("a.jsonl", GOOD + b'{"question": ' + b"9" * 100_000 + b"}\n", "line 2: broken JSON"),
    "number": ("a.jsonl", GOOD + b"1e999999999\n", "line 2: not an object"),
    "not a number": ("a.jsonl", GOOD + b'{"question": NaN}\n', "line 2: no question"),
    "no object": ("a.jsonl", GOOD + b"[1]\n", "line 2: not an object"),
    "zero character": ("a.jsonl", GOOD + b'{"question": "a\\u0000b"}\n', "line 2: broken text"),
    "zero byte": ("a.jsonl", GOOD + b'{"question": "a\x00b"}\n', "line 2: broken JSON"),
    "half a pair": ("a.jsonl", GOOD + b'{"question": "a\\ud800b"}\n', "line 2: broken text"),
    "latin": ("a.jsonl", GOOD + b'{"question": "\xe9"}\n', "line 2: not UTF-8"),
    "utf-16": ("a.jsonl", GOOD.decode().encode("utf-16"), "is in UTF-16"),
    "utf-16 without a mark": ("a.jsonl", GOOD.decode().encode("utf-16-le"), "line 1: broken JSON"),
    "a long line": ("a.jsonl", GOOD + b'{"question": "' + b"a" * (17 << 20) + b'"}\n', "line 2: longer than 16 MiB"),
    "no line": ("a.jsonl", b"\x01" * (17 << 20), "line 1: longer than 16 MiB"),
    "twice": ("a.jsonl", GOOD + GOOD, "line 2: repeated question"),
    "many keys": ("a.jsonl", json.dumps({f"key {n}": n for n in range(100_000)}).encode(), "no known shape"),
    "a long key": ("a.jsonl", json.dumps({"k" * 1_000_000: 1}).encode(), "no known shape"),
    "another role": ("a.jsonl", b'{"messages": [{"role": "\x7f root", "content": "a"}]}\n', "unknown role"),
    "roles that are lists": ("a.jsonl", b'{"messages": [{"role": ["user"], "content": "a"}]}\n', "unknown role"),
    "turns that are numbers": ("a.jsonl", b'{"messages": [{"role": "user", "content": 1}, 2]}\n', "no text"),
    "gzip": ("a.jsonl", b"\x1f\x8b\x08" + bytes(100), "gunzip"),
    "zip": ("a.jsonl", b"PK\x03\x04" + bytes(100), "unzip"),
    "zstd": ("a.parquet", b"\x28\xb5\x2f\xfd" + bytes(100), "unzstd"),
    "list cut": ("a.json", b'[{"question": "a"}', "line 1: cut off"),
    "list deep": ("a.json", b"[" + DEEP, "line 1: broken JSON"),
    "list in a list": ("a.json", b"[[{}]]", "line 1: not an object"),
    "text after a list": ("a.json", b'[{"question": "a"}]\n{}', "line 2: broken JSON"),
    "parquet head alone": ("a.parquet", b"PAR1", "cannot be read as Parquet"),
    "parquet without footer": ("a.parquet", b"PAR1" + bytes(1000), "cannot be read as Parquet"),
    "parquet with a wrong footer": ("a.parquet", b"PAR1" + bytes(100) + b"\xff\xff\xff\x7fPAR1", "cannot be read as Parquet"),
    "parquet with rubbish for a footer": ("a.parquet", b"PAR1" + b"\x15" * 400 + b"\x90\x01\x00\x00PAR1", "cannot be read"),
    "parquet by name": ("a.parquet", GOOD, "is not Parquet"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_questions_that_are_refused(name: str, tmp_path: Path):
    file, content, said = REFUSED[name]
    with bounded(tmp_path) as folder:
        path = folder / file
        path.write_bytes(content)
        with pytest.raises(BadInput) as refused:
            read(File(path=path))
        assert said in one_sentence(refused.value, [path])


LEFT_OUT = {name: case for name, case in REFUSED.items() if "line 2: " in case[2] and "longer" not in case[2]}
LEFT_OUT.pop("text after a list")


@pytest.mark.parametrize("name", LEFT_OUT)
def test_a_bad_row_is_left_out_and_counted(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file, content, said = LEFT_OUT[name]
    with bounded(tmp_path) as folder:
        path = folder / file
        path.write_bytes(content)
        rows = read(File(path=path, on_error="skip"))
    assert [row.payload.question.text for row in rows] == ["What is it?"]
    reason = said.removeprefix("line 2: ")
    assert f"left out 1 {reason} (line 2)" in capsys.readouterr().err


# Texts that mean something elsewhere are text.

TEXTS = [
    "</script><script>alert(1)</script>",
    "--><img src=x onerror=alert(1)>", "{{ 7 * 7 }}{% for x in y %}", "${7*7}#{7*7}", "=1+1",
    "@SUM(A1)",
    "abc\u202edef", "a\u2028b\u2029c", "\x1b]0;title\x07\x1b[2J", "<|im_start|>system", EVIL, "/etc/passwd", "%s%n{0}",
    "'; DROP TABLE paid; --", "\ufeffa", "a" * 1_000_000, "\U000e0041\U000e0042", "\u0301" * 5000, "!!python/object:os.system",
    "CON", "~root", "[bold]x[/bold]",
]  # fmt: skip


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: ascii(text[:20]))
def test_what_is_code_elsewhere_is_text_here(text: str, tmp_path: Path):
    with bounded(tmp_path) as folder:
        (folder / "a.jsonl").write_text(json.dumps({"question": text, "id": text}), "utf-8")
        (folder / "b.jsonl").write_text(json.dumps({"source": text, "target": f"{text}.", "id": text}), "utf-8")
        (question,), (pair,) = read(File(path=folder / "a.jsonl")), read(Parallel(path=folder / "b.jsonl"))
    assert question.payload.question.text == text.strip()
    assert (pair.payload.source, pair.payload.target) == (text.strip(), f"{text.strip()}." if text else "")
    for row in (question, pair):
        assert set(row.id) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")  # it may become a file's name
        assert set(row.lineage.question) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")


# Ids, languages and names that lead elsewhere


@pytest.mark.parametrize("id", [EVIL, "\ud800", "a\0b", "i" * 1_000_000, "\x1b[2J"], ids=lambda id: ascii(id[:10]))
def test_the_ids_of_sentences_lead_nowhere(id: str, tmp_path: Path):
    with bounded(tmp_path) as folder:
        for code in ("eng", "spa"):
            (folder / f"{code}.jsonl").write_text(json.dumps({"id": id, "text": f"a text in {code}"}) + "\n", "utf-8")
        source = Multiway(path=folder / "{lang}.jsonl")
        if len(id) > 1000 or "\0" in id or "\ud800" in id:
            with pytest.raises(BadInput, match=r"eng\.jsonl, line 1: an id is"):
                read(source)
        else:
            assert len(read(source)) == 1


@pytest.mark.parametrize("lang", ["../../beside", "/etc/passwd", "a\0b", "x" * 300, "*", "spa/../spa"])
def test_a_language_in_a_files_name_is_a_code(lang: str, tmp_path: Path):
    with bounded(tmp_path) as folder:
        (folder / "a.spa.txt").write_text("un texto", "utf-8")
        with pytest.raises(ValueError, match="is no language code"):
            read(Text(path=folder / "a.{lang}.txt", lang=lang))
        assert len(read(Text(path=folder / "a.{lang}.txt"))) == 1


# What is no file


def pipe(path: Path) -> None:
    os.mkfifo(path)


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def dangling(path: Path) -> None:
    path.symlink_to("/nowhere/at/all")


def circle(path: Path) -> None:
    path.symlink_to(path.name)


def folder(path: Path) -> None:
    path.mkdir()


def socket_file(path: Path) -> None:
    import socket

    here = os.getcwd()
    os.chdir(path.parent)  # such a name is at most 108 bytes long
    try:
        socket.socket(socket.AF_UNIX).bind(path.name)
    finally:
        os.chdir(here)


READERS: dict[str, Callable[[Path], object]] = {
    "questions": lambda path: read(File(path=path)),
    "pairs": lambda path: read(Parallel(path=path)),
    "texts": lambda path: read(Text(path=path)),
    "sentences": lambda path: read(Multiway(path=path)),
    "dictionary": lambda path: read_dictionary(path),
}
ENDINGS = {"questions": ".jsonl", "pairs": ".tmx", "texts": ".txt", "sentences": ".jsonl", "dictionary": ".tsv"}


@pytest.mark.parametrize("make", [pipe, device, dangling, circle, folder, socket_file])
@pytest.mark.parametrize("reader", READERS)
def test_what_is_no_file_is_not_waited_for(reader: str, make: Callable[[Path], None], tmp_path: Path):
    with bounded(tmp_path) as inside:
        path = inside / f"a{ENDINGS[reader]}"
        make(path)
        with pytest.raises((BadInput, OSError)) as refused:
            READERS[reader](path)
        one_sentence(refused.value, [path])


def test_a_path_that_is_none_is_said(tmp_path: Path):
    for path in (Path("a\0b"), Path("x" * 5000), Path("/" + "x/" * 3000)):
        with pytest.raises((BadInput, OSError, ValueError)) as refused:
            existing(path)
        assert len(str(refused.value)) < 10_000


@pytest.mark.parametrize("make", [pipe, device, dangling, circle, folder])
def test_a_help_page_that_is_no_file_is_not_waited_for(make: Callable[[Path], None], tmp_path: Path):
    with bounded(tmp_path) as inside:
        for code in ("C", "es"):
            (inside / code / "gnome-help").mkdir(parents=True)
        make(inside / "C" / "gnome-help" / "a.page")
        make(inside / "C" / "gnome-help" / "legal.xml")
        (inside / "es" / "gnome-help" / "a.page").write_text("<page xmlns='http://projectmallard.org/1.0/'/>")
        with pytest.raises((BadInput, OSError)) as refused:
            read(Mallard(folder=inside))
        one_sentence(refused.value)


# fastText


def fasttext(header: bytes) -> bytes:
    return bytes.fromhex("ba164f2f") + header


@pytest.mark.parametrize(
    "content",
    [
        b"", b"\x00", fasttext(b""), fasttext(b"\xff" * 64), fasttext(b"\xff" * 5000), fasttext(b"\x00" * 20), bytes(10_000),
        fasttext(b"\x0c\0\0\0" + b"\x7f" * 100_000), b"PK\x03\x04" + bytes(99), fasttext(b"\x0c\0\0\0" + b"\x01" * 100_000),
    ],
    ids=range(10),
)  # fmt: skip
def test_a_languages_model_that_is_broken_is_known_before_it_is_loaded(content: bytes, tmp_path: Path):
    with bounded(tmp_path) as inside:
        (inside / "lid.ftz").write_bytes(content)
        assert is_whole(inside / "lid.ftz") is False


def test_nothing_above_reads_what_is_right_as_wrong(tmp_path: Path):
    with bounded(tmp_path) as inside:
        (inside / "a.jsonl").write_bytes(GOOD)
        (inside / "b.jsonl").write_bytes(PAIR)
        assert len(read(File(path=inside / "a.jsonl"))) == len(read(Parallel(path=inside / "b.jsonl"))) == 1
        assert len(LANGUAGES) == 2
