"""A catalogue of hostile and broken models: none runs code, writes outside its folder, hangs, or passes silently."""

import os
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import pytest
import tiny
import tiny_gguf
from tiny_hostile_models import (
    FOLDERS,
    GGUFS,
    LLAMA,
    LOADED,
    TEMPLATES,
    Spoil,
    canary_of,
    field,
    gguf,
    pickled,
    text,
    write,
)
from typer.testing import CliRunner

from polydistill import cli, exits, models
from polydistill.engines import BadModel, Sampling
from polydistill.engines.transformers import Transformers
from polydistill.records import Chat, Lang, Turn
from polydistill.template import Template

pytestmark = pytest.mark.faults

SECONDS = 40
"""What a case may take on a machine that is busy."""
ASKED = Chat(turns=(Turn(role="user", text="why?", lang=Lang("eng")),))


class Hangs(BaseException):
    """Nothing catches it."""


class Seen(BaseException):
    """A library was called."""


def seen(*given: object, **more: object) -> None:
    raise Seen(f"a library was given {given}")


@contextmanager
def in_time(seconds: int = SECONDS) -> Iterator[None]:
    def late(number: int, frame: FrameType | None) -> None:
        raise Hangs(f"more than {seconds} seconds")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(models, "CACHE", tmp_path / "cache")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "cache"


@pytest.fixture
def folder(random_model: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(random_model, tmp_path / "models" / "model"))


def used(path: Path) -> None:
    """Everything that is done with a model: it is checked, opened and asked."""
    engine = Transformers(path=str(path), dtype="float32", device="cpu", batch_size=1, threads=1)
    engine.check(asks=True)
    with engine.open() as opened:
        opened.answer([ASKED], Sampling(max_tokens=2))


def refused(path: Path) -> str:
    """The sentence that a model is refused with."""
    with in_time(), pytest.raises(BadModel) as said:
        used(path)
    sentence = str(said.value)
    assert sentence.isprintable()  # one line, and nothing that moves a terminal's cursor
    assert "Traceback" not in sentence
    assert path.name in sentence, sentence
    assert len(sentence) < 1000
    return sentence


def outside(folder: Path) -> dict[str, bytes | None]:
    """What lies beside a folder."""
    return {str(p): p.read_bytes() if p.is_file() else None for p in folder.parent.iterdir() if p != folder}


@pytest.mark.parametrize("name", FOLDERS)
def test_a_hostile_folder_is_refused_before_a_library_sees_it(folder: Path, name: str, monkeypatch: pytest.MonkeyPatch):
    FOLDERS[name](folder)
    before = outside(folder)
    for library in ("transformers.AutoTokenizer", "transformers.AutoModelForCausalLM"):
        monkeypatch.setattr(f"{library}.from_pretrained", seen)
    refused(folder)
    assert outside(folder) == before
    assert not canary_of(folder).exists()
    assert not [name for name in sys.modules if "mine" in name.split(".")]


@pytest.mark.parametrize("name", LOADED)
def test_a_broken_folder_is_refused_when_it_is_loaded(folder: Path, name: str):
    LOADED[name](folder)
    before = outside(folder)
    refused(folder)
    assert outside(folder) == before
    assert not canary_of(folder).exists()


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_hostile_template_is_refused(folder: Path, name: str):
    source = TEMPLATES[name].replace("CANARY", str(canary_of(folder)))
    (folder / "chat_template.jinja").write_text(source)
    assert "template" in refused(folder)
    assert not canary_of(folder).exists()


@pytest.mark.parametrize("name", ["loops in loops", "a text doubled", "globals of a filler", "a file included"])
def test_a_hostile_template_of_the_users_own_is_refused_too(name: str, tmp_path: Path):
    tokenizer = tiny.tokenizer(TEMPLATES[name].replace("CANARY", str(tmp_path / "canary")))
    with in_time(), pytest.raises(BadModel, match="chat template"):
        Template(tokenizer).prompt(ASKED)
    assert not (tmp_path / "canary").exists()


@pytest.mark.parametrize("name", GGUFS)
def test_a_hostile_gguf_file_is_refused(tmp_path: Path, name: str, cache: Path):
    path = tmp_path / "models" / "hostile.gguf"
    path.parent.mkdir()
    path.write_bytes(GGUFS[name])
    refused(path)
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    assert not list((cache / "models").glob("*")) if (cache / "models").exists() else True


def test_a_hostile_template_in_a_gguf_file_is_refused_before_it_is_unpacked(tmp_path: Path):
    path = tmp_path / "hostile.gguf"
    path.write_bytes(gguf(LLAMA, field("tokenizer.chat_template", 8, text(TEMPLATES["a text of 10**10"]))))
    with in_time(), pytest.raises(BadModel, match=r"hostile\.gguf is refused .* needs more than 512 MB"):
        Transformers(path=str(path), device="cpu").check()


@pytest.mark.parametrize("name", ["a pipe", "a folder", "a device"])
def test_what_is_no_file_is_no_gguf_file(tmp_path: Path, name: str):
    path = tmp_path / "hostile.gguf"
    if name == "a pipe":
        os.mkfifo(path)
    elif name == "a folder":
        path.mkdir()
    else:
        path.symlink_to("/dev/zero")
    refused(path)


def test_what_lies_beside_a_gguf_file_is_not_read(taught_model: Path, tmp_path: Path):
    path = tiny_gguf.write(taught_model, tmp_path / "tiny.gguf")
    canary = tmp_path / "canary"
    for name in ("config.json", "tokenizer_config.json", "generation_config.json"):
        (tmp_path / name).write_text('{"auto_map": {"AutoTokenizer": ["mine.Mine", null], "AutoConfig": "mine.Mine"}}')
    (tmp_path / "adapter_config.json").write_text('{"base_model_name_or_path": "somebody/else"}')
    (tmp_path / "mine.py").write_text(f"open({str(canary)!r}, 'w')")
    with in_time():
        used(path)
    assert not canary.exists()


@pytest.mark.parametrize("name", ["pytorch_model.bin", "optimizer.pt", "rng_state.pth", "training_args.bin", "tokenizer.pkl"])
def test_a_pickle_beside_whole_weights_is_never_read(folder: Path, name: str):
    pickled(name)(folder)
    with in_time():
        used(folder)
    assert not canary_of(folder).exists()


def test_a_canary_would_sing(tmp_path: Path):
    import pickle

    folder = tmp_path / "model"
    folder.mkdir()
    pickled("x.bin")(folder)
    pickle.loads((folder / "x.bin").read_bytes()).close()
    assert canary_of(folder).exists()


def test_the_catalogue_is_large():
    assert len(FOLDERS) + len(LOADED) + len(TEMPLATES) + len(GGUFS) >= 90


@pytest.mark.parametrize(("hostile", "says"), [
    (FOLDERS["config.json: 'auto_map'"], "/model/config.json asks to run code of its own (auto_map)"),
    (FOLDERS["an adapter beside"], "/model holds an adapter, which names another model"),
    (FOLDERS["a pipe"], "/model/tokenizer_config.json is no plain file"),
    (write("chat_template.jinja", TEMPLATES["a text of 10**10"]), "it needs more than 512 MB; give another with"),
])  # fmt: skip
def test_check_says_it_in_one_line(tmp_path: Path, hostile: Spoil, says: str):
    plan = tiny.world(tmp_path / "world", taught=False)
    hostile(tmp_path / "world" / "model")
    with in_time():
        result = CliRunner().invoke(cli.app, ["check", str(plan)])
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert line.startswith("error: model: ") and says in line  # noqa: PT018
    assert result.exit_code == exits.REFUSED
    assert "Traceback" not in result.stderr


def test_check_says_that_a_template_is_not_known(tmp_path: Path):
    plan = tiny.world(tmp_path / "world", taught=False)
    for _ in range(2):  # the second time it was found right before
        result = CliRunner().invoke(cli.app, ["check", str(plan)])
        assert result.exit_code == 0
        assert result.stderr.count("is none of the known ones (SHA-256 ") == 1
