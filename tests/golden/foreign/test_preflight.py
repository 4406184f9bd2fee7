"""Honest models of every shape pass, and what is read of a stranger's files is what they hold."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import tiny
import tiny_gguf
from tiny_hostile_models import GGUFS, change, gguf, hub, link, sharded, write

from polydistill import models
from polydistill.engines import BadModel
from polydistill.foreign import foreign_json
from polydistill.foreign.foreign_json import MAX_DEPTH, parsed_json, read_json
from polydistill.foreign.gguf_head import read_gguf_head
from polydistill.foreign.preflight import inspect, letters, plain
from polydistill.foreign.safetensors_head import Weights, read_head


@pytest.fixture
def folder(random_model: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(random_model, tmp_path / "model"))


# Honest folders.


def test_the_tiny_models_pass(random_model: Path, taught_model: Path):
    inspect(random_model)
    inspect(taught_model)


def test_a_model_in_several_files_passes(random_model: Path, tmp_path: Path):
    folder = sharded(random_model, tmp_path / "sharded")
    assert len(list(folder.glob("*.safetensors"))) > 1
    inspect(folder)
    whole, parts = (models.load_model(path, "float32", "cpu").state_dict() for path in (random_model, folder))
    assert all((whole[name] == parts[name]).all() for name in whole)


def test_the_hubs_cache_passes_and_its_commit_is_known(random_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    commit = "0123456789" * 4
    snapshot = hub(random_model, tmp_path, commit)
    inspect(snapshot)
    assert models.content(snapshot) == models.content(random_model)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    assert models.locate("somebody/tiny") == models.locate(f"somebody/tiny@{commit}") == snapshot
    stated = models.about(snapshot)
    assert (stated["hub"], stated["commit"]) == ("somebody/tiny", commit)
    with pytest.raises(FileNotFoundError, match=rf"get it with: hf download somebody/tiny --revision {'b' * 40}"):
        models.locate(f"somebody/tiny@{'b' * 40}")
    with pytest.raises(FileNotFoundError, match="pinned by its whole commit, 40 hexadecimal digits"):
        models.locate("somebody/tiny@main")


def test_a_link_from_one_models_cache_to_anothers_is_refused(random_model: Path, tmp_path: Path):
    mine, other = (hub(random_model, tmp_path, name=f"models--{name}--tiny") for name in ("mine", "other"))
    (mine / "config.json").unlink()
    (mine / "config.json").symlink_to(other / "config.json")
    with pytest.raises(BadModel, match="is a link out of the folder"):
        inspect(mine)


@pytest.mark.parametrize(("name", "extra"), {
    "what older versions wrote": change("config.json", _attn_implementation_autoset=True, _name_or_path="/home/me/base",
                                        torch_dtype="float32", attn_implementation="flash_attention_2"),
    "none of it": change("config.json", quantization_config=None, transformers_weights=None, attn_implementation=None),
    "a limit that is none": change("config.json", time_step_limit=[0.0, float("inf")]),
    "a length without a limit": change("tokenizer_config.json", model_max_length=10**30),
    "paths of the author's machine": change("tokenizer_config.json", special_tokens_map_file="/nowhere/x/map.json",
                                            tokenizer_file="/nowhere/tokenizer.json", name_or_path="/nowhere/model"),
    "its own file by name": change("tokenizer_config.json", tokenizer_file="tokenizer.json"),
    "a template in the configuration": change("tokenizer_config.json", chat_template="{% if trust_remote_code %}{% endif %}"),
    "several templates": write("additional_chat_templates/rag.jinja", "{{ messages }}"),
    "an image processor": write("preprocessor_config.json", '{"do_resize": true, "size": {"height": 224}}'),
    "words that are named as settings": write("added_tokens.json", '{"auto_map": 258}'),
    "code that nothing names": write("modeling_mine.py", "raise SystemExit"),
    "other formats beside": write("onnx/model.onnx", b"x"),
    "a card": write("README.md", "---\nlicense: mit\n---\n"),
    "a link inside": link("LICENSE", "README"),
}.items())  # fmt: skip
def test_honest_extras_pass(folder: Path, name: str, extra: Any):
    (folder / "README").write_text("a model")
    extra(folder)
    inspect(folder)


def test_what_transformers_saves_passes(random_model: Path, tmp_path: Path):
    from transformers import AutoModelForCausalLM, GenerationConfig

    tokenizer = tiny.tokenizer()
    tokenizer.add_tokens(["<think>", "auto_map"])
    tokenizer.add_special_tokens({"extra_special_tokens": ["<image>"]})
    model = AutoModelForCausalLM.from_pretrained(random_model)
    model.generation_config = GenerationConfig(do_sample=True, temperature=0.7, eos_token_id=[256, 257])
    model.save_pretrained(tmp_path / "saved")
    tokenizer.save_pretrained(tmp_path / "saved")
    inspect(tmp_path / "saved")
    assert models.load_tokenizer(tmp_path / "saved").convert_tokens_to_ids("<think>") == 258


def test_a_word_of_the_vocabulary_is_no_setting(folder: Path):
    stated = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    stated["model"]["vocab"]["auto_map"] = 300
    (folder / "tokenizer.json").write_text(json.dumps(stated))
    inspect(folder)
    stated["model"]["auto_map"] = 300
    (folder / "tokenizer.json").write_text(json.dumps(stated))
    with pytest.raises(BadModel, match=r"tokenizer\.json asks to run code of its own \(model\.auto_map\)"):
        inspect(folder)


# What is read.


@pytest.mark.parametrize(
    "key", ["auto_map", "AUTO-MAP", "autoMap", "a.u.t.o m a p", "\uff41\uff55\uff54\uff4f_\uff4d\uff41\uff50"]
)
def test_every_spelling_of_a_setting_is_one(key: str):
    assert letters(key) == "automap"


def test_what_a_stranger_wrote_is_shown_without_controls():
    assert plain("a\x1b[31m\nb\u202e\ud800ñ") == "a\\x1b[31m\\nb\\u202e\\ud800ñ"
    assert len(plain("x" * 1000)) == 200


@pytest.mark.parametrize(("given", "says"), [
    (b'{"a": 1, "a": 2}', "the key 'a' more than once"), (b'{"a": NaN}', "NaN"), (b"\xff", "not UTF-8 at byte 0"),
    (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), "nested more than 60 deep"), (b"[" * 50_000, "nested"),
    (b"9" * 5000, "digits"), (b"", "Expecting value"), (b"\xef\xbb\xbf{}", "BOM"),
])  # fmt: skip
def test_json_that_cannot_be_read_in_one_way_is_refused(given: bytes, says: str):
    with pytest.raises(ValueError, match=says):
        parsed_json(given)


def test_json_that_is_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "a.json").write_text("[1, 2]")
    assert read_json(tmp_path / "a.json") == [1, 2]
    monkeypatch.setattr(foreign_json, "MAX_BYTES", 5)
    with pytest.raises(ValueError, match="6 bytes, at most 5"):
        read_json(tmp_path / "a.json")


def test_other_json_is_what_it_is():
    deepest = b"[" * MAX_DEPTH + b"]" * MAX_DEPTH
    assert json.dumps(parsed_json(deepest)).encode() == deepest
    assert parsed_json(b'{"a": [1, -Infinity, {"a": null}]}') == {"a": [1, float("-inf"), {"a": None}]}


def test_the_head_of_weights_is_counted(random_model: Path, tmp_path: Path):
    import torch
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(2, 3), "b": torch.zeros(0, 5), "c": torch.zeros(7, dtype=torch.float16)}, tmp_path / "x")
    assert read_head(tmp_path / "x") == Weights(tensors=3, bytes=2 * 3 * 4 + 7 * 2)
    assert Weights(1, 2) + Weights(3, 4) == Weights(4, 6)


def test_the_head_of_a_gguf_file_is_what_the_library_reads(taught_model: Path, tmp_path: Path):
    from gguf import GGUFReader

    path = tiny_gguf.write(taught_model, tmp_path / "tiny.gguf")
    ours, theirs = read_gguf_head(path), GGUFReader(path)
    wanted = {name: field.contents() for name, field in theirs.fields.items() if not name.startswith("GGUF.")}
    assert ours.fields == wanted
    assert ours.fields["tokenizer.chat_template"] == tiny.TEMPLATE
    assert (ours.tensors, ours.elements) == (len(theirs.tensors), sum(tensor.n_elements for tensor in theirs.tensors))


def test_a_small_honest_gguf_head_passes(tmp_path: Path):
    path = tmp_path / "a.gguf"
    path.write_bytes(gguf())
    assert read_gguf_head(path).elements == 256
    path.write_bytes(gguf()[:-1])
    with pytest.raises(
        BadModel, match=r"a\.gguf is cut off, damaged or newer .* \(its tensors end at byte 1152, the file at 1151\)"
    ):
        read_gguf_head(path)
    for name, says in (("2**60 tensors", "1152921504606846976 tensors"), ("a list of 2**60", "a list of 1152921504606846976")):
        path.write_bytes(GGUFS[name])
        with pytest.raises(BadModel, match=says):
            read_gguf_head(path)


def test_a_head_of_weights_that_is_too_long_is_not_read(folder: Path):
    (folder / "model.safetensors").write_bytes((10**8 + 1).to_bytes(8, "little") + b"{}")
    with pytest.raises(BadModel, match=r"model\.safetensors .* \(a head of 100000001 bytes\); download it again"):
        inspect(folder)
