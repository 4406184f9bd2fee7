"""llama.cpp beside transformers on one and the same model, and what is said of files that are none."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import tiny
import tiny_gguf
from tiny_hostile_models import GGUFS

from polydistill.engines import BadModel, Sampling
from polydistill.engines.llama_cpp import LlamaCpp, OpenLlamaCpp
from polydistill.engines.transformers import OpenTransformers, Transformers
from polydistill.records import Chat, Lang, Turn

needs_llama_cpp = pytest.mark.skipif(
    not __import__("importlib").util.find_spec("llama_cpp"), reason="polydistill[llama-cpp] is not installed"
)


def question(text: str) -> Chat:
    return Chat(turns=(Turn(role="user", text=text, lang=Lang("eng")),))


QUESTIONS = [question(text) for text in ("a", "where is the cat?", "why " * 200, "ñ 日 <|end|> 🙂")]


@pytest.fixture(scope="module")
def gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tiny.model_folder(tmp_path_factory.mktemp("gguf") / "model", taught=True, dtype="float32")
    return tiny_gguf.write(folder, folder.parent / "tiny.gguf")


@pytest.fixture(scope="module")
def both(gguf: Path) -> Iterator[tuple[OpenLlamaCpp, OpenTransformers]]:
    plain = Transformers(path=str(gguf.parent / "model"), dtype="float32", device="cpu", batch_size=1)
    with LlamaCpp(path=str(gguf), threads=1).open() as llama, plain.open() as transformers:
        yield llama, transformers


@needs_llama_cpp
def test_prompts_and_texts_are_the_same_tokens(both: tuple[OpenLlamaCpp, OpenTransformers]):
    llama, transformers = both
    for chat in [*QUESTIONS, Chat(turns=())]:
        assert llama.chat.prompt(chat) == transformers.chat.prompt(chat)
    for text in ("", " ", "a  b\n\n\tc", "<|start|>user\n", "ñ 日 🙂 e\u0301", "\x7f\x00", "x" * 3000):
        ids = llama.chat.answer(text)
        assert ids == transformers.chat.answer(text)
        assert llama.chat.tokenizer.decode(ids) == text
    assert llama.chat.start == transformers.chat.start
    assert llama.chat.ends == transformers.chat.ends <= llama.chat.tokenizer.ends
    assert llama.template == transformers.template


@needs_llama_cpp
def test_answers_and_scores_are_those_of_transformers(both: tuple[OpenLlamaCpp, OpenTransformers]):
    llama, transformers = both
    how = Sampling(max_tokens=16)
    assert llama.answer(QUESTIONS[:2], how) == transformers.answer(QUESTIONS[:2], how)
    chats, texts = [*QUESTIONS[:2], None, QUESTIONS[2]], ["the cat", "a bird runs", "our dog sleeps", "x"]
    assert llama.score(chats, texts) == pytest.approx(transformers.score(chats, texts), rel=5e-3)


@needs_llama_cpp
def test_a_prompt_longer_than_a_batch_is_read_in_parts(gguf: Path, monkeypatch: pytest.MonkeyPatch):
    from polydistill.engines import _llama as llama_runtime

    long = [question("the cat " * 20), QUESTIONS[0]]
    found = []
    for size in (512, 64):  # 64: three parts
        monkeypatch.setattr(llama_runtime, "BATCH", size)
        with LlamaCpp(path=str(gguf), threads=1).open() as opened:
            text = "my friend likes the garden " * 5
            found.append((opened.answer(long, Sampling(max_tokens=8)), opened.score([*long, None], [text] * 3)))
    assert found[0][0] == found[1][0]
    assert found[0][1] == pytest.approx(found[1][1], rel=5e-3)


@needs_llama_cpp
def test_the_context_is_what_is_set_and_at_most_what_the_model_knows(gguf: Path):
    rooms = []
    for context in (100, 4096):
        with LlamaCpp(path=str(gguf), context=context, threads=1).open() as opened:
            rooms.append(opened.room([QUESTIONS[0]])[0])
    used = len("<user\na>\n<assistant\n")
    assert rooms == [100 - used, 512 - used]
    assert LlamaCpp(path=str(gguf), context=100).identity() != LlamaCpp(path=str(gguf)).identity()


@needs_llama_cpp
def test_a_file_that_llama_cpp_cannot_load_says_why(gguf: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    whole = gguf.read_bytes()
    for name, content in (("head", b"GGUF\x03\x00\x00\x00" + b"\xff" * 40), ("half", whole[: len(whole) // 2])):
        (tmp_path / f"{name}.gguf").write_bytes(content)
        with pytest.raises(BadModel, match=rf"{name}\.gguf is cut off, damaged or newer"):  # before llama.cpp sees it
            LlamaCpp(path=str(tmp_path / f"{name}.gguf")).check()
    for name in ("an unknown architecture", "an architecture that is a path", "no tokenizer"):
        (tmp_path / "odd.gguf").write_bytes(GGUFS[name])
        with pytest.raises(BadModel, match=r"llama\.cpp cannot load .*odd\.gguf: \w"):
            with LlamaCpp(path=str(tmp_path / "odd.gguf")).open():
                pass
    assert "llama" not in capfd.readouterr().err


@needs_llama_cpp
def test_a_model_without_a_template_needs_one_given(tmp_path: Path):
    folder = tiny.model_folder(tmp_path / "model", template=None, dtype="float32")
    path = str(tiny_gguf.write(folder, tmp_path / "base.gguf"))
    with pytest.raises(BadModel, match="has no chat template"):
        LlamaCpp(path=path).check()
    LlamaCpp(path=path, template="plain").check(asks=True)
    with LlamaCpp(path=path, template="plain", threads=1).open() as opened:
        assert opened.chat.tokenizer.decode(opened.chat.prompt(QUESTIONS[0])) == "Question: a\nAnswer:"


def test_a_folder_is_for_transformers(random_model: Path):
    with pytest.raises(
        BadModel, match=r"is a folder and llama\.cpp reads one \.gguf file; the engine for folders is transformers"
    ):
        LlamaCpp(path=str(random_model)).check()


def test_what_is_no_gguf_file_is_named(tmp_path: Path):
    (tmp_path / "a.gguf").write_bytes(b"<html>")
    with pytest.raises(BadModel, match="does not begin as a GGUF file does"):
        LlamaCpp(path=str(tmp_path / "a.gguf")).check()
    with pytest.raises(FileNotFoundError, match=r"did you mean .*a\.gguf"):
        LlamaCpp(path=str(tmp_path / "b.gguf")).identity()


def test_without_the_package_the_command_is_named(gguf: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "llama_cpp", None)
    with pytest.raises(ModuleNotFoundError, match=r"llama-cpp-python is not installed; .* 'polydistill\[llama-cpp\]'"):
        LlamaCpp(path=str(gguf)).check()
