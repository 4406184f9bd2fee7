"""What the contract does not see: end tokens, kinds of models, the probe, what is checked and what is identity."""

from pathlib import Path

import pytest
import tiny_gguf
from tiny_engine import change, engine, question

from polydistill import models
from polydistill.engines import BadModel

QUESTIONS = [question(text) for text in ("a", "where is the cat?", "why " * 9)]


def test_what_would_stop_it_is_found_without_loading(taught: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(models, "load_model", None)
    engine(taught).check(asks=True)
    with pytest.raises(FileNotFoundError, match="no chat template at none-such"):
        engine(taught, template="none-such").check()
    with pytest.raises(FileNotFoundError, match="did you mean"):
        engine(taught.with_name("modle")).check()
    (taught / "chat_template.jinja").unlink()
    with pytest.raises(BadModel, match=r"has no chat template; give one with model\.template"):
        engine(taught).check(asks=True)
    engine(taught, template="plain").check(asks=True)
    (taught / "model.safetensors").rename(taught / "pytorch_model.bin")
    with pytest.raises(BadModel, match="is a pickle"):
        engine(taught).check()


def test_a_gguf_file_is_checked_without_unpacking_it(taught: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(models, "CACHE", tmp_path / "cache")
    (tmp_path / "with").mkdir()
    whole = tiny_gguf.write(taught, tmp_path / "with" / "model.gguf")
    (taught / "chat_template.jinja").unlink()
    bare = tiny_gguf.write(taught, tmp_path / "bare.gguf")
    with monkeypatch.context() as patch:
        patch.setattr(models, "_dequantise", None)
        engine(whole).check(asks=True)
        with pytest.raises(BadModel, match=r"bare\.gguf has no chat template; give one with model\.template"):
            engine(bare).check()
        engine(bare, template="plain").check()
    models.plain_folder(whole)
    monkeypatch.setattr(models, "load_tokenizer", None)
    with pytest.raises(TypeError):  # once it is unpacked its template is tried
        engine(whole).check(asks=True)


def test_the_identity_is_the_content_the_dtype_and_the_template(taught: Path, taught_model: Path, tmp_path: Path):
    first = engine(taught).identity()
    assert engine(taught_model, device="auto", batch_size=1).identity() == first
    assert engine(taught, dtype="float32").identity() != first
    assert engine(taught, template="plain").identity() != first
    (tmp_path / "mine.jinja").write_text(models.load_tokenizer(taught).chat_template)
    mine = engine(taught, template=str(tmp_path / "mine.jinja")).identity()
    assert mine != first
    (tmp_path / "mine.jinja").rename(tmp_path / "other.jinja")
    assert engine(taught, template=str(tmp_path / "other.jinja")).identity() == mine
    here = engine(taught, dtype="auto", device="cpu")
    assert here.identity() == engine(taught, dtype=here.real_dtype).identity()
    change(taught / "config.json", rms_norm_eps=0.5)
    assert engine(taught).identity() != first


def test_another_template_is_asked_with(taught: Path):
    with engine(taught, template="plain").open() as opened:
        assert opened.chat.tokenizer.decode(opened.chat.prompt(QUESTIONS[0])) == "Question: a\nAnswer:"
        assert opened.template == opened.chat.digest
    assert engine(taught, template="plain").trainable()[1].name == "plain.jinja"
