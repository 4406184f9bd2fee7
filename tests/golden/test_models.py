"""What is a model, what is refused before any library sees it, and what decides its digest."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
import tiny
import tiny_gguf

from polydistill import models
from polydistill.engines import BadModel

INDEX = "model.safetensors.index.json"


@pytest.fixture
def model(random_model: Path, tmp_path: Path) -> Path:
    """A folder of the test's own; the weights are the shared ones."""
    folder = tmp_path / "model"
    folder.mkdir()
    for file in random_model.iterdir():
        os.link(file, folder / file.name)
    return folder


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(models, "CACHE", tmp_path / "cache")
    return tmp_path / "cache"


@pytest.fixture
def gguf(taught_model: Path, tmp_path: Path) -> Path:
    return tiny_gguf.write(taught_model, tmp_path / "tiny.gguf")


def rewrite(path: Path, text: str) -> None:
    """Another file under the same name: the shared one stays as it is."""
    path.unlink(missing_ok=True)
    path.write_text(text, "utf-8")


def change(path: Path, **values: Any) -> None:
    rewrite(path, json.dumps({**(json.loads(path.read_text("utf-8")) if path.exists() else {}), **values}))


# Finding it.


def test_a_missing_model_names_the_nearest_beside_it(model: Path, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(FileNotFoundError, match=r"no model at .*/mdoel; did you mean .*/model\?"):
        models.locate(str(model.parent / "mdoel"))
    with pytest.raises(FileNotFoundError, match=r"no model at /nowhere/at/all$"):
        models.locate("/nowhere/at/all")
    monkeypatch.chdir(model.parent.parent)
    with pytest.raises(FileNotFoundError, match=rf"did you mean {model.parent.name}/model\?"):
        models.locate(f"{model.parent.name}/modle")


def test_a_hub_id_that_is_not_downloaded_names_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(
        FileNotFoundError, match=r"hub model nobody/nothing-at-all is not downloaded.*hf download nobody/nothing-at-all"
    ):
        models.locate("nobody/nothing-at-all")
    with pytest.raises(FileNotFoundError, match="no model at some where/else"):
        models.locate("some where/else")


def test_a_model_is_found_where_it_is(model: Path, monkeypatch: pytest.MonkeyPatch):
    assert models.locate(str(model)) == model
    monkeypatch.setenv("HOME", str(model.parent))
    assert models.locate("~/model") == model


# Refusing it.


def test_a_whole_folder_is_a_model(model: Path):
    models.inspect(model)
    (model / "pytorch_model.bin").write_bytes(b"never read")
    rewrite(model / "pytorch_model.bin.index.json", json.dumps({"weight_map": {"a": "pytorch_model-00001-of-00002.bin"}}))
    models.inspect(model)  # pickles beside safetensors are left alone


@pytest.mark.parametrize("name", ["pytorch_model.bin", "consolidated.00.pth", "model.pt", "last.ckpt"])
def test_pickled_weights_are_refused(model: Path, name: str):
    (model / "model.safetensors").unlink()
    with pytest.raises(BadModel, match=r"has no \.safetensors weights$"):
        models.inspect(model)
    (model / name).write_bytes(b"\x80\x04")
    with pytest.raises(BadModel, match=rf"{name} is a pickle, which can run code"):
        models.inspect(model)


@pytest.mark.parametrize("file", ["config.json", "tokenizer_config.json", "generation_config.json"])
@pytest.mark.parametrize(("inside", "where"), [
    ({"auto_map": {"AutoModelForCausalLM": "modeling.Mine"}}, r"\(auto_map\)"),
    ({"auto_map": {}}, r"\(auto_map\)"),
    ({"trust_remote_code": True}, r"\(trust_remote_code\)"),
    ({"text_config": {"deeper": [{"auto_map": {}}]}}, r"\(text_config\.deeper\.auto_map\)"),
    ({"vision": {"auto_trust_remote_code": False}}, r"\(vision\.auto_trust_remote_code\)"),
    ({"_attn_implementation_internal": "someone/kernel"}, r"\(_attn_implementation_internal\)"),
    ({"attn_implementation": "someone/kernel"}, r"\(attn_implementation\)"),
])  # fmt: skip
def test_code_of_its_own_is_refused(model: Path, file: str, inside: dict[str, Any], where: str):
    change(model / file, **inside)
    with pytest.raises(BadModel, match=rf"{file} asks to run code of its own {where}"):
        models.inspect(model)


def test_a_configuration_that_is_no_json_is_named(model: Path):
    rewrite(model / "config.json", '{"model_type": "llama"')
    with pytest.raises(BadModel, match=r"config\.json is no JSON"):
        models.inspect(model)


@pytest.mark.parametrize("shard", ["../model.safetensors", "/etc/passwd", "inside/model.safetensors", "lost-00002.safetensors"])
def test_weights_outside_the_folder_or_missing_are_refused(model: Path, shard: str):
    os.link(model / "model.safetensors", model.parent / "model.safetensors")
    (model / "inside").mkdir()
    os.link(model / "model.safetensors", model / "inside/model.safetensors")
    rewrite(model / INDEX, json.dumps({"weight_map": {"a": "model.safetensors"}}))
    models.inspect(model)
    rewrite(model / INDEX, json.dumps({"weight_map": {"a": "model.safetensors", "b": shard}}))
    with pytest.raises(BadModel, match=f"names weights outside the folder or missing: {shard}"):
        models.inspect(model)


@pytest.mark.parametrize("index", ["{", "[]", "{}", '{"weight_map": "model.safetensors"}'])
def test_an_index_that_is_none_is_named(model: Path, index: str):
    rewrite(model / INDEX, index)
    with pytest.raises(BadModel, match=INDEX):
        models.inspect(model)


@pytest.mark.parametrize("spoil", ["cut", "pointer", "empty", "longer", "no map"])
def test_broken_weights_are_named_before_they_are_loaded(model: Path, spoil: str):
    path = model / "model.safetensors"
    whole = path.read_bytes()
    path.unlink()
    path.write_bytes({
        "cut": whole[: len(whole) // 2], "pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\n",
        "empty": b"", "longer": whole + b"x", "no map": (2).to_bytes(8, "little") + b"[]",
    }[spoil])  # fmt: skip
    with pytest.raises(BadModel, match=r"model\.safetensors .*download it again"):
        models.inspect(model)


def test_a_folder_without_a_configuration_is_no_model(tmp_path: Path):
    with pytest.raises(BadModel, match=r"has no config\.json, so it is no model folder$"):
        models.inspect(tmp_path)
    (tmp_path / "some.Q4_1.gguf").write_bytes(b"GGUF")
    with pytest.raises(BadModel, match=r"it holds some\.Q4_1\.gguf: give .*/some\.Q4_1\.gguf"):
        models.inspect(tmp_path)


def test_a_file_must_be_gguf_in_name_and_content(tmp_path: Path):
    for name, content, says in (
        ("a.bin", b"GGUF", "is no model: give a folder"), ("a.gguf", b"GGML", "does not begin as a GGUF file does"),
        ("b.gguf", b"", "does not begin as a GGUF file does"),
    ):  # fmt: skip
        (tmp_path / name).write_bytes(content)
        with pytest.raises(BadModel, match=says):
            models.inspect(tmp_path / name)


@pytest.mark.parametrize("kept", [4, 5, 60, 0.1, 0.6, 0.999])
def test_a_gguf_file_that_is_cut_off_is_named_before_it_is_unpacked(gguf: Path, cache: Path, kept: float):
    models.inspect(gguf)
    whole = gguf.read_bytes()
    cut = gguf.with_name("cut.gguf")
    cut.write_bytes(whole[: kept if isinstance(kept, int) else int(kept * len(whole))])
    for refuses in (models.inspect, models.plain_folder, models.about):
        with pytest.raises(BadModel, match=r"cut\.gguf is cut off, damaged or newer .*download it again$"):
            refuses(cut)
    assert not (cache / "models").exists()


# What decides what it says.


def test_the_digest_is_of_the_content_and_not_of_the_place(model: Path, random_model: Path):
    assert models.content(model) == models.content(random_model)
    (model / "README.md").write_text("a card")
    (model / "pytorch_model.bin").write_bytes(b"never read")
    assert models.content(model) == models.content(random_model)


@pytest.mark.parametrize("file", [
    "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja",
    "model.safetensors", "added_tokens.json",
])  # fmt: skip
def test_every_file_that_decides_is_in_the_digest(model: Path, random_model: Path, file: str):
    rewrite(model / file, "{}")
    assert models.content(model) != models.content(random_model)


def test_a_files_digest_is_remembered_until_it_changes(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch):
    import hashlib

    monkeypatch.setattr(models, "FRESH_SECONDS", -60)
    path = tmp_path / "a.gguf"
    path.write_bytes(b"GGUF one")
    assert models.content(path) == hashlib.sha256(b"GGUF one").hexdigest()
    remembered = list((cache / "digests").iterdir())
    assert len(remembered) == 1
    remembered[0].write_text("0" * 64)
    assert models.content(path) == "0" * 64
    path.write_bytes(b"GGUF two")
    os.utime(path, ns=(1, 1))
    assert models.content(path) == hashlib.sha256(b"GGUF two").hexdigest()


# GGUF files.


def test_a_gguf_file_becomes_a_plain_folder_once(gguf: Path, taught_model: Path, cache: Path, monkeypatch: pytest.MonkeyPatch):
    import torch

    folder = models.plain_folder(gguf)
    assert folder == cache / "models" / models.content(gguf)[:16]
    assert sorted(p.name for p in folder.parent.iterdir()) == [folder.name]
    models.inspect(folder)
    whole, plain = (models.load_model(f, "float32", "cpu").state_dict() for f in (folder, taught_model))
    assert whole.keys() == plain.keys()
    assert all(torch.equal(whole[name], plain[name].float()) for name in plain)
    tokenizer = models.load_tokenizer(folder)
    assert tokenizer.chat_template == tiny.TEMPLATE
    text = "hi <|end|> ñ 🙂"
    assert tokenizer.encode(text) == models.load_tokenizer(taught_model).encode(text)
    assert models.about(gguf) == {"file": "tiny.gguf", "sha256": models.content(gguf), "name": "tiny"}
    monkeypatch.setattr(models, "_dequantise", None)  # not called again
    assert models.plain_folder(gguf) == folder


def test_a_folder_is_plain_already(model: Path):
    assert models.plain_folder(model) == model


def test_what_was_half_unpacked_is_not_taken_for_a_model(gguf: Path, cache: Path, monkeypatch: pytest.MonkeyPatch):
    folder = cache / "models" / models.content(gguf)[:16]

    def dies(path: Path, unfinished: Path) -> None:
        unfinished.mkdir(parents=True)
        (unfinished / "config.json").write_text("{}")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(models, "_dequantise", dies)
        with pytest.raises(KeyboardInterrupt):
            models.plain_folder(gguf)
    assert list(folder.parent.iterdir()) == []
    models.inspect(models.plain_folder(gguf))


def test_what_the_library_cannot_unpack_is_named(gguf: Path, cache: Path):
    other = gguf.with_name("other.gguf")
    other.write_bytes(gguf.read_bytes().replace(b"llama", b"lamas"))
    with pytest.raises(BadModel, match=r"other\.gguf cannot be unpacked \(.+\); give the model's own folder"):
        models.plain_folder(other)
    assert not list(cache.rglob("config.json"))


# Loading it.


def test_a_folder_without_a_tokenizer_is_told_so(model: Path):
    (model / "tokenizer.json").unlink()
    with pytest.raises(BadModel, match=r"/model has no tokenizer: put tokenizer\.json"):
        models.load_tokenizer(model)


@pytest.mark.parametrize(("inside", "says"), [
    ('{"version": "1.0", ', r"/model/tokenizer\.json is no JSON \(.*\); download it again$"),
    ("{}", r"the tokenizer in .*/model/tokenizer\.json cannot be read \('added_tokens'\); download it again$"),
])  # fmt: skip
def test_a_broken_tokenizer_is_named(model: Path, inside: str, says: str):
    rewrite(model / "tokenizer.json", inside)
    with pytest.raises(BadModel, match=says):
        models.load_tokenizer(model)


def test_another_template_takes_the_place_of_its_own(model: Path, tmp_path: Path):
    (tmp_path / "mine.jinja").write_text("{{ 'ñ' }}", "utf-8")
    assert models.load_tokenizer(model).chat_template == tiny.TEMPLATE
    assert models.load_tokenizer(model, tmp_path / "mine.jinja").chat_template == "{{ 'ñ' }}"


def test_of_several_templates_the_default_one_is_taken(model: Path):
    (model / "chat_template.jinja").unlink()
    several = [{"name": "tool_use", "template": "tools"}, {"name": "default", "template": tiny.TEMPLATE}]
    change(model / "tokenizer_config.json", chat_template=several)
    assert models.load_tokenizer(model).chat_template == tiny.TEMPLATE


def test_what_the_card_states_is_known(model: Path):
    assert models.about(model) == {"file": "model", "sha256": models.content(model)}
    for card, known in (
        ("---\nlicense: apache-2.0\nlanguage:\n- en\nbase_model: a/b\ntags: [x]\n---\n# A\n",
         {"licence": "apache-2.0", "languages": ["en"], "base model": "a/b"}),
        ("# no head\n", {}), ("---\nlicense: [\n---\n", {}), ("---\n---\n", {}), ("---\nlicense: mit\n", {}),
    ):  # fmt: skip
        (model / "README.md").write_text(card)
        assert models.about(model) == {"file": "model", "sha256": models.content(model), **known}, card


# What a crash or a careless hand leaves in the cache.


@pytest.mark.parametrize("left", ["", "0" * 63, "\x00" * 64, "z" * 64, "0" * 64 + "\n0"])
def test_a_remembered_digest_that_is_torn_is_not_believed(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, left: str
):  # fmt: skip
    monkeypatch.setattr(models, "FRESH_SECONDS", -60)
    path = tmp_path / "a.gguf"
    path.write_bytes(b"GGUF one")
    whole = models.known_digest(path)
    (remembered,) = (cache / "digests").iterdir()
    remembered.write_text(left)
    assert models.known_digest(path) == whole
    assert remembered.read_text() == whole


def test_a_file_replaced_with_the_same_size_and_time_is_seen(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "a.gguf"
    path.write_bytes(b"GGUF one")
    os.utime(path, ns=(1, 1))
    one = models.known_digest(path)
    path.write_bytes(b"GGUF two")  # within the same tick of a coarse clock: what is fresh is not remembered
    os.utime(path, ns=(1, 1))
    assert models.known_digest(path) != one
    assert not (cache / "digests").exists()
    monkeypatch.setattr(models, "FRESH_SECONDS", -60)
    two = models.known_digest(path)
    other = tmp_path / "b.gguf"
    other.write_bytes(b"GGUF six")
    os.utime(other, ns=(1, 1))
    os.replace(other, path)
    assert models.known_digest(path) != two


def test_a_cache_that_cannot_be_written_costs_time_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(models, "FRESH_SECONDS", -60)
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(models, "CACHE", tmp_path / "file" / "cache")
    assert len(models.known_digest(tmp_path / "file")) == 64


@pytest.mark.parametrize("name", ["tokenizer.model", "a.tiktoken", "tekken.json", "additional_chat_templates/default.jinja"])
def test_files_that_only_some_models_have_decide_too(model: Path, random_model: Path, name: str):
    (model / name).parent.mkdir(exist_ok=True)
    (model / name).write_text("{}")
    assert models.content(model) != models.content(random_model)


def damage(folder: Path, how: str) -> None:
    weights = folder / "model.safetensors"
    if how == "cut":
        os.truncate(weights, 1000)
    elif how == "zeros":
        weights.write_bytes(bytes(weights.stat().st_size))
    elif how == "lost":
        weights.unlink()
    elif how == "no marker":
        (folder / "whole.json").unlink()
    else:
        (folder / "whole.json").write_text(how)


@pytest.mark.parametrize(
    "how", ["cut", "zeros", "lost", "no marker", "", "{}", "[]", '{"files": {}}', '{"files": {"x": 1}}', "{"]
)
def test_a_damaged_unpacked_model_is_unpacked_again(gguf: Path, how: str):
    folder = models.plain_folder(gguf)
    whole = {file.name: file.read_bytes() for file in folder.iterdir()}
    damage(folder, how)
    assert not models.is_whole(folder)
    assert models.plain_folder(gguf) == folder
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == whole


def test_what_dead_processes_left_is_cleaned_and_what_living_ones_write_is_not(gguf: Path, cache: Path):
    import socket
    import subprocess
    import sys

    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    mine, here = os.getppid(), socket.gethostname()
    for name in (f"a.{here}.{dead.pid}.tmp", f"b.{here}.{mine}.tmp", f"c.elsewhere.{dead.pid}.tmp"):
        (cache / "models" / name).mkdir(parents=True)
    folder = models.plain_folder(gguf)
    assert {p.name for p in folder.parent.iterdir()} == {folder.name, f"b.{here}.{mine}.tmp", f"c.elsewhere.{dead.pid}.tmp"}


def test_weights_that_are_missing_are_not_made_up(model: Path):
    change(model / "config.json", num_hidden_layers=3)
    models.inspect(model)
    with pytest.raises(BadModel, match=r"the weights of .*/model lack 9 that config\.json asks for \(model\.layers\.2\."):
        models.load_model(model, "float32", "cpu")


def test_nothing_is_asked_of_the_hub_while_a_model_is_loaded():
    from huggingface_hub import is_offline_mode

    assert not is_offline_mode()
    with models.offline():
        assert is_offline_mode()
    assert not is_offline_mode()


@pytest.mark.parametrize("card", [
    b"---\nlicense: &a [x]\nlanguage: *a\n---\n", b"---\nlicense: !!python/object/apply:os.system [id]\n---\n",
    b"---\nlicense: " + b"[" * 500 + b"]" * 500 + b"\n---\n", b"---\n- a\n---\n", b"---\n{? [a] : b}\n---\n",
])  # fmt: skip
def test_a_hostile_card_states_nothing(model: Path, card: bytes):
    (model / "README.md").write_bytes(card)
    assert models.about(model) == {"file": "model", "sha256": models.content(model)}


def test_what_a_card_states_is_text_of_one_line(model: Path):
    (model / "README.md").write_bytes(b'---\nlicense: "a\\x1b[31m"\nlanguage: [no, 1, "\\n"]\nbase_model: {a: b}\n---\n\xff')
    stated = models.about(model)
    assert (stated["licence"], stated["languages"]) == ("a\\x1b[31m", ["no", "1", "\\n"])
