"""XML, Parquet, dictionaries and task folders that strangers made: nothing is fetched, expanded, run or waited for."""

import os
from itertools import pairwise
from pathlib import Path
from string import ascii_lowercase

import pytest
from tiny_hostile import ENG, LANGUAGES, SPA, bounded, one_sentence, read

from polydistill.languages.dictionaries import read_dictionary
from polydistill.sources import BadInput
from polydistill.sources.file import File
from polydistill.sources.hub import Hub
from polydistill.sources.mallard import Mallard
from polydistill.sources.parallel import Parallel

pytestmark = pytest.mark.faults

UNIT = '<tu><tuv xml:lang="en"><seg>{}</seg></tuv><tuv xml:lang="es"><seg>{}</seg></tuv></tu>'
GOOD = UNIT.format("one", "uno")
LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 20))
MIB = "a" * (1 << 20)

# What is refused, with the line; under `skip` as well where ``always`` is said.

TMX: dict[str, tuple[str, str]] = {
    "laughs": (f'<!DOCTYPE tmx [<!ENTITY l0 "ha">{LAUGHS}]><tmx>{UNIT.format("&l19;", "x")}</tmx>', "entity 'l0' is refused"),
    "quadratic": (f'<!DOCTYPE tmx [<!ENTITY a "{"a" * 10_000}">]><tmx>{UNIT.format("&a;" * 9999, "x")}</tmx>', "entity 'a'"),
    "a file": ('<!DOCTYPE t [<!ENTITY x SYSTEM "file:///etc/passwd">]><t>&x;</t>', "entity 'x' is refused"),
    "an address": ('<!DOCTYPE t [<!ENTITY x SYSTEM "http://192.0.2.1/">]><t>&x;</t>', "entity 'x' is refused"),
    "a parameter": ('<!DOCTYPE t [<!ENTITY % x SYSTEM "http://192.0.2.1/"> %x;]><t/>', "entity 'x' is refused"),
    "of another file": ('<!DOCTYPE t SYSTEM "http://192.0.2.1/t.dtd"><t>&x;</t>', "entity 'x' is refused"),
    "unknown": (f"<tmx>{UNIT.format('&nbsp;', 'x')}</tmx>", "undefined entity"),
    "deep": (f"<tmx><tu>{'<a>' * 50_000}", "elements more than 100 deep"),
    "deep closed": (f"<tmx>{UNIT.format('<hi>' * 5000 + 'a' + '</hi>' * 5000, 'x')}</tmx>", "elements more than 100 deep"),
    "a long text": (f"<tmx>{UNIT.format(MIB * 17, 'x')}</tmx>", "a tu of more than 16 MiB"),
    "many elements": (f"<tmx><tu>{'<a/>' * 300_000}</tu></tmx>", "a tu of more than 16 MiB"),
    "many attributes": (f"<tmx><tu {' '.join(f'a{n}={chr(34)}{chr(34)}' for n in range(300_000))}/></tmx>", "holds no eng-spa"),
    "a long tag": (f"<tmx><tu a='{MIB * 17}'/></tmx>", "a tag or a comment of more than 16 MiB"),
    "a long comment": (f"<tmx><!--{MIB * 17}--></tmx>", "a tag or a comment of more than 16 MiB"),
    "a zero": (f"<tmx>{UNIT.format('&#0;', 'x')}</tmx>", "reference to invalid character number"),
    "half a pair": (f"<tmx>{UNIT.format('&#xD800;', 'x')}</tmx>", "reference to invalid character number"),
    "a control": (f"<tmx>{UNIT.format(chr(27), 'x')}</tmx>", "not well-formed"),
    "cut": (f"<tmx>{GOOD}<tu><tuv xml:lang='en'><seg>tw", "broken XML"),
    "two roots": (f"<tmx>{GOOD}</tmx><tmx/>", "junk after document element"),
    "crossed": ("<tmx><tu></tmx></tu>", "mismatched tag"),
    "the same attribute": ("<tmx><tu a='' a=''/></tmx>", "duplicate attribute"),
    "an unknown encoding": ("<?xml version='1.0' encoding='x-none'?><tmx/>", "states an encoding that is not known"),
    "another version": ("<?xml version='9.9'?><tmx/>", "holds no eng-spa pair"),
    "no xml": ("hello", "broken XML"),
    "page": ("<!doctype html><script>alert(1)</script>", "broken XML"),
    "spaces": (" " * 100, "no element found"),
    "included": ("<tmx xmlns:xi='http://www.w3.org/2001/XInclude'><xi:include href='/etc/passwd'/></tmx>", "holds no eng-spa"),
    "no language": ("<tmx><tu><tuv><seg>a</seg></tuv></tu></tmx>", "holds no eng-spa pair"),
    "languages that are paths": (GOOD.replace('"en"', '"../en"').join(("<tmx>", "</tmx>")), "holds no eng-spa pair"),
}  # fmt: skip


@pytest.mark.parametrize("on_error", ["stop", "skip"])
@pytest.mark.parametrize("name", TMX)
def test_translation_memories(name: str, on_error: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    content, said = TMX[name]
    with bounded(tmp_path) as folder:
        path = folder / "a.tmx"
        path.write_text(content, "utf-8")
        if on_error == "skip" and GOOD in content:
            assert [row.payload.source for row in read(Parallel(path=path, on_error="skip"))] == ["one"]
            assert "left out 1 broken XML (line 1)" in capsys.readouterr().err
            return
        with pytest.raises(BadInput) as refused:
            read(Parallel(path=path, on_error=on_error))
        found = one_sentence(refused.value, [path])
        assert said in found or (on_error == "skip" and "holds no eng-spa pair" in found)


@pytest.mark.parametrize(
    "name", ["laughs", "a file", "an address", "deep", "a long text", "cut", "no xml", "an unknown encoding"]
)
def test_help_pages(name: str, tmp_path: Path):
    content = TMX[name][0].replace("tmx", "page").replace("<tu>", "<page>")
    with bounded(tmp_path) as folder:
        for code in ("C", "es"):
            (folder / code / "gnome-help").mkdir(parents=True)
            (folder / code / "gnome-help" / "a.page").write_text(content, "utf-8")
        with pytest.raises(BadInput) as refused:
            read(Mallard(folder=folder, documents=("gnome-help",)))
        one_sentence(refused.value)


def test_pages_that_are_links_to_other_files_give_nothing_of_them(tmp_path: Path):
    secret = tmp_path / "secret"
    secret.write_text("hunter2\n")
    try:
        (tmp_path / "x").mkdir()
        with bounded(tmp_path / "x") as folder:
            for code in ("C", "es"):
                (folder / code / "gnome-help").mkdir(parents=True)
                (folder / code / "gnome-help" / "a.page").symlink_to(secret)
            with pytest.raises(BadInput) as refused:
                read(Mallard(folder=folder, documents=("gnome-help",)))
            assert "hunter2" not in one_sentence(refused.value)
    finally:
        assert secret.read_text() == "hunter2\n"


# Parquet


def parquet(path: Path, **columns: list[object]) -> Path:
    import pyarrow
    from pyarrow import parquet as library

    library.write_table(pyarrow.table(columns), path, compression="zstd", use_dictionary=False)
    return path


def test_a_column_that_grows_a_thousandfold_is_not_unfolded(tmp_path: Path):
    made = parquet(tmp_path / "made", question=["a" * (200 << 20)])
    with bounded(tmp_path, made) as folder:
        path = made.rename(folder / "a.parquet")
        assert path.stat().st_size < 1 << 20
        with pytest.raises(BadInput, match="rows of more than 16 MiB"):
            read(File(path=path))


@pytest.mark.parametrize("cut", [5, 50, 100, 0.5, 0.9, 0.99])
def test_a_parquet_file_with_a_hole_in_it(cut: float, tmp_path: Path):
    with bounded(tmp_path) as folder:
        path = parquet(folder / "a.parquet", question=[f"What is {n}?" for n in range(2000)], answer=["x"] * 2000)
        content = bytearray(path.read_bytes())
        at = int(cut * len(content)) if cut < 1 else int(cut)
        content[at : at + 40] = os.urandom(40)
        path.write_bytes(content)
        try:
            rows = read(File(path=path))
        except BadInput as refused:
            one_sentence(refused, [path])
        else:  # the hole is in what is not read
            assert len(rows) == 2000


def test_a_parquet_column_of_another_kind_is_no_text(tmp_path: Path):
    with bounded(tmp_path) as folder:
        path = parquet(folder / "a.parquet", question=[b"\xff\xfe", b"a"])
        with pytest.raises(BadInput, match="no known shape"):
            read(File(path=path))


# Dictionaries


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"), (b"dog perro\n", "line 1: a dictionary line is"), (b"dog\tperro\n\xff\tx\n", "line 2: not UTF-8"),
        (b"dog\tperro\n" + b"a" * (17 << 20), "line 2: longer than 16 MiB"), ("dog\tperro\n".encode("utf-16"), "UTF-16"),
        (b"\x1f\x8b" + bytes(20), "gunzip"),
    ],
    ids=range(6),
)  # fmt: skip
def test_dictionaries(content: bytes, said: str, tmp_path: Path):
    from polydistill.translators import NoTranslation
    from polydistill.translators.dictionary import Dictionary

    with bounded(tmp_path) as folder:
        path = folder / "words.tsv"
        path.write_bytes(content)
        with pytest.raises(BadInput) as refused:
            read_dictionary(path)
        assert said in one_sentence(refused.value, [path])
        with pytest.raises(NoTranslation) as refused:
            Dictionary(path=path, source=ENG, target=SPA).check(ENG, SPA)
        assert said in one_sentence(refused.value, [path])


# Task folders of lm-evaluation-harness

TASKS: dict[str, tuple[str, str]] = {
    "an object": ("task: a\nx: !!python/object/apply:os.system [touch canary]\n", "tag"),
    "a function": ("task: a\ndoc_to_text: !function evil.run\n", "only with --allow evil"),
    "a function elsewhere": ("task: a\ndoc_to_text: !function ../../evil.run\n", "only with --allow"),
    "a program": ("task: a\ndataset_kwargs: {trust_remote_code: true}\n", "trust_remote_code"),
    "a program deep": ("task: a\nx: {y: [{z: {trust_remote_code: true}}]}\n", "trust_remote_code"),
    "unsafe code": ("task: a\nunsafe_code: true\n", "unsafe_code"),
    "a metric": ("task: a\nmetric_list: [{metric: ../../evil, hf_evaluate: true}]\n", "runs code from elsewhere|no metric"),
    "itself": ("include: a.yaml\ntask: a\n", "includes itself"),
    "elsewhere": ("include: ../../../../etc/passwd\ntask: a\n", "outside"),
    "absolute": ("include: /etc/passwd\ntask: a\n", "outside"),
    "laughs": ("a: &a [x]\n" + "".join(f"{b}: &{b} [{f'*{a},' * 9}]\n" for a, b in pairwise(ascii_lowercase)), "alias"),
    "deep": ("a: " + "[" * 5000, "deep"),
    "large": ("a: " + "x" * 2_000_000, "larger"),
    "a list": ("- task: a\n", "is no task"),
    "a word": ("task\n", "is no task"),
    "nothing": ("# nothing\n", "is no task"),
    "latin": ("task: \xe9".encode("latin-1").decode("latin-1"), ""),
    "broken": ("task: [\n", "is no task"),
}  # fmt: skip


@pytest.mark.parametrize("name", [name for name, (_, said) in TASKS.items() if said])
def test_tasks(name: str, tmp_path: Path):
    pytest.importorskip("lm_eval")
    from polydistill.evaluators._harness_folder import refuse_code

    content, said = TASKS[name]
    with bounded(tmp_path) as folder:
        (folder / "evil.py").write_text("from pathlib import Path\nPath(__file__).with_name('canary').touch()\n")
        (folder / "a.yaml").write_text(content, "utf-8")
        with pytest.raises(BadInput, match=said) as refused:
            refuse_code(folder / "a.yaml", folder)
        one_sentence(refused.value, [folder / "a.yaml"])


# The hub's own reader, on folders


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("evil.py", b"from pathlib import Path\nPath(__file__).with_name('canary').touch()\n"), ("a.jsonl", b"{"),
        ("a.jsonl", b'{"question": "\xff"}\n'), ("a.parquet", b"PAR1" + bytes(99)), ("a.csv", b"a,b\n1\n2,3,4\n"),
        ("a.zip", b"PK\x03\x04" + bytes(99)), ("a.jsonl.gz", b"\x1f\x8b" + bytes(99)), ("a.txt", b""), ("a.tar", b"x" * 999),
        ("a.pkl", b"cos\nsystem\n(S'touch canary'\ntR."),
    ],
    ids=range(10),
)  # fmt: skip
def test_data_sets_in_folders(file: str, content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("datasets")
    with bounded(tmp_path) as folder:
        monkeypatch.setenv("HF_DATASETS_CACHE", str(folder / "cache"))
        data = folder / (file.removesuffix(".py") if file.endswith(".py") else "data")
        data.mkdir()
        (data / file).write_bytes(content)
        with pytest.raises(BadInput) as refused:
            list(Hub(dataset=str(data)).read(LANGUAGES))
        one_sentence(refused.value)
