"""Models of the tiny world made hostile: folders, GGUF files and chat templates, each with one thing wrong."""

import json
import os
import pickle
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

Spoil = Callable[[Path], object]
SAFETENSORS, INDEX = "model.safetensors", "model.safetensors.index.json"


class Canary:
    """Unpickling it writes a file."""

    def __init__(self, path: Path):
        self.path = str(path)

    def __reduce__(self) -> Any:
        return open, (self.path, "w")


def canary_of(folder: Path) -> Path:
    """The file that hostile code would write, beside the folder."""
    return folder.parent / "canary"


def change(name: str, **values: Any) -> Spoil:
    """Sets keys of a JSON file."""

    def spoil(folder: Path) -> None:
        path = folder / name
        path.write_text(json.dumps({**(json.loads(path.read_text("utf-8")) if path.exists() else {}), **values}), "utf-8")

    return spoil


def write(name: str, content: str | bytes) -> Spoil:
    """Puts a file in place of another."""

    def spoil(folder: Path) -> None:
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())

    return spoil


def remove(*names: str) -> Spoil:
    """Takes files away."""

    def spoil(folder: Path) -> None:
        for name in names:
            (folder / name).unlink()

    return spoil


def larger(name: str, size: int) -> Spoil:
    """A file, there or not, of another size."""

    def spoil(folder: Path) -> None:
        (folder / name).touch()
        os.truncate(folder / name, size)

    return spoil


def link(name: str, target: str) -> Spoil:
    """A link in place of a file; what was there is put beside the folder, where ``../`` finds it."""

    def spoil(folder: Path) -> None:
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        if path.exists():
            path.rename(folder.parent / Path(target).name)
        path.symlink_to(target)

    return spoil


def outside(name: str, key: str) -> Spoil:
    """A setting that names a file which is there, outside the folder, by its whole path."""

    def spoil(folder: Path) -> None:
        there = folder.parent / "outside.json"
        there.write_text("{}")
        change(name, **{key: str(there)})(folder)

    return spoil


def pipe(name: str) -> Spoil:
    """A pipe in place of a file: who reads it waits for ever."""

    def spoil(folder: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        os.mkfifo(folder / name)

    return spoil


def socket(folder: Path) -> None:
    """A socket in the folder."""
    from socket import AF_UNIX
    from socket import socket as new

    here = os.open(".", os.O_RDONLY)
    os.chdir(folder)  # the name of a socket must be short
    try:
        new(AF_UNIX).bind("s")
    finally:
        os.fchdir(here)


def pickled(name: str, alone: bool = False) -> Spoil:
    """A pickle that runs code, beside the weights or in their place."""

    def spoil(folder: Path) -> None:
        if alone:
            (folder / SAFETENSORS).unlink()
        (folder / name).write_bytes(pickle.dumps(Canary(canary_of(folder))))

    return spoil


def code(folder: Path) -> None:
    """Code beside the model, for its configuration to name."""
    for name in ("modeling_mine.py", "tokenization_mine.py", "configuration_mine.py", "custom_generate/generate.py"):
        write(name, f"open({str(canary_of(folder))!r}, 'w')\n")(folder)


def head(change: Callable[[dict[str, Any]], Any] | None = None, length: int | None = None, text: bytes | None = None) -> Spoil:
    """Another head before the same tensors."""

    def spoil(folder: Path) -> None:
        path = folder / SAFETENSORS
        whole = path.read_bytes()
        old = int.from_bytes(whole[:8], "little")
        stated = json.loads(whole[8 : 8 + old])
        if change:
            stated = change(stated) or stated
        new = text if text is not None else json.dumps(stated).encode()
        path.write_bytes((len(new) if length is None else length).to_bytes(8, "little") + new + whole[8 + old :])

    return spoil


def first(**values: Any) -> Spoil:
    """The first tensor that a head states, with other values."""

    def change(stated: dict[str, Any]) -> None:
        next(about for name, about in stated.items() if name != "__metadata__").update(values)

    return head(change)


def all_but_one(stated: dict[str, Any]) -> dict[str, Any]:
    """A head without the second tensor."""
    left_out = sorted(stated, key=lambda name: stated[name].get("data_offsets", [0]))[2]
    return {name: about for name, about in stated.items() if name != left_out}


def both(*spoils: Spoil) -> Spoil:
    """One after the other."""

    def spoil(folder: Path) -> None:
        for one in spoils:
            one(folder)

    return spoil


def without_layer(folder: Path) -> None:
    """The weights of the second layer are missing."""
    from safetensors.torch import load_file, save_file

    kept = {name: value for name, value in load_file(folder / SAFETENSORS).items() if ".layers.1." not in name}
    save_file(kept, folder / SAFETENSORS, {"format": "pt"})


def sharded(folder: Path, into: Path) -> Path:
    """The same model in several files."""
    from transformers import AutoModelForCausalLM

    AutoModelForCausalLM.from_pretrained(folder, dtype="auto").save_pretrained(into, max_shard_size="60KB")
    for file in folder.iterdir():
        if not (into / file.name).exists() and file.name != SAFETENSORS:
            shutil.copy(file, into)
    return into


def hub(folder: Path, cache: Path, commit: str = "a" * 40, name: str = "models--somebody--tiny") -> Path:
    """The same model as the hub's cache keeps it."""
    blobs, snapshot = cache / name / "blobs", cache / name / "snapshots" / commit
    blobs.mkdir(parents=True)
    snapshot.mkdir(parents=True)
    for number, file in enumerate(sorted(folder.iterdir())):
        shutil.copy(file, blobs / f"{number:064x}")
        (snapshot / file.name).symlink_to(f"../../blobs/{number:064x}")
    (cache / name / "refs").mkdir()
    (cache / name / "refs" / "main").write_text(commit)
    return snapshot


CODE = {
    "auto_map": {"AutoModelForCausalLM": "modeling_mine.Mine", "AutoConfig": "configuration_mine.Mine"},
    "trust_remote_code": True, "Trust-Remote-Code": True, "trustRemoteCode": 1, "TRUST_REMOTE_CODE": "yes",
    "auto-map": {}, "autoMap": {"AutoModel": "x--y.Mine"}, "_auto_map": None, "\uff41uto_map": {}, "AUTO MAP": [],
    "custom_generate": "somebody/repository", "custom_pipelines": {"x": {"impl": "mine.Mine"}},
    "_attn_implementation_internal": "somebody/kernel", "_experts_implementation_internal": "eager",
    "_attn_implementation_autoset": "somebody/kernel", "attn_implementation": "somebody/kernel@v1:fn",
    "_attn_implementation": {"": "somebody/kernel"}, "experts_implementation": "somebody/kernel",
}  # fmt: skip
MAPPED = {"AutoTokenizer": ["tokenization_mine.Mine", None]}
DEEP = {"more": json.dumps({"inner": json.dumps([{"trust_remote_code": True}])})}

FOLDERS: dict[str, Spoil] = {
    **{f"config.json: {key!a}": both(code, change("config.json", **{key: value})) for key, value in CODE.items()},
    **{f"auto_map in {name}": both(code, change(name, auto_map=MAPPED)) for name in (
        "tokenizer_config.json", "generation_config.json", "special_tokens_map.json", "processor_config.json",
        "preprocessor_config.json", "chat_template.json", "config.5.0.0.json", "anything.json", "tokenizer.json")},
    "nested in lists": change("config.json", text_config={"deeper": [[{"x": [{"auto_map": {}}]}]]}),
    "JSON in a text": change("config.json", **DEEP),
    "among added tokens": write("added_tokens.json", '{"a": 1, "auto_map": "mine.Mine"}'),
    "quantised": change("config.json", quantization_config={"quant_method": "awq", "bits": 4}),
    "quantised by a kernel of the hub": change("config.json", quantization_config={"quant_method": "mxfp4"}),
    "quantised inside": change("config.json", text_config={"quantization_config": {"quant_method": "hqq"}}),
    "compressed": change("config.json", compression_config={"format": "x"}),
    "an adapter beside": write("adapter_config.json", '{"base_model_name_or_path": "somebody/else", "peft_type": "LORA"}'),
    "an adapter alone": both(remove("config.json"), write("adapter_config.json", '{"base_model_name_or_path": "../x"}')),
    "an adapter's weights": write("adapter_model.safetensors", b"x"),
    "other weights": change("config.json", transformers_weights="../model.safetensors"),
    "other weights, a pickle": both(pickled("x.bin"), change("config.json", transformers_weights="x.bin")),
    **{f"{key} outside": outside("tokenizer_config.json", key) for key in (
        "tokenizer_file", "vocab_file", "merges_file", "vocab", "gguf_file")},
    "fast_tokenizer_files": both(
        write("../tokenizer.4.0.json", "{}"), change("tokenizer_config.json", fast_tokenizer_files=["../tokenizer.4.0.json"])),
    "configuration_files": both(
        write("../config.4.0.json", "{}"), change("config.json", configuration_files=["../config.4.0.json"])),
    "no JSON": write("config.json", '{"model_type": "llama"'),
    "a list with a map": write("tokenizer_config.json", '[{"auto_map": {}}]'),
    "not UTF-8": write("generation_config.json", b'{"a": "\xff"}'),
    "UTF-16": write("config.json", '{"model_type": "llama"}'.encode("utf-16")),
    "a key twice": write("config.json", '{"auto_map": {}, "model_type": "llama", "auto_map": null}'),
    "not a number": write("generation_config.json", '{"temperature": NaN}'),
    "a number of 5,000 digits": write("generation_config.json", '{"a": ' + "9" * 5000 + "}"),
    "deep": write("config.json", '{"a":' * 100 + "1" + "}" * 100),
    "very deep": write("config.json", "[" * 100_000),
    "very deep inside": write("generation_config.json", '{"a": ' + "[" * 100_000 + "]" * 100_000 + "}"),
    "many lists": write("generation_config.json", "[" + "[]," * 5_000_001 + "[]]"),
    "too large": larger("tokenizer.json", 100_000_001),
    "a large template": write("chat_template.jinja", "x" * 1_000_001),
    "a large template more": write("additional_chat_templates/rag.jinja", "x" * 1_000_001),
    "a large vocabulary": larger("vocab.txt", 100_000_001),
    "10**9 layers": change("config.json", num_hidden_layers=10**9),
    "10**9 layers inside": change("config.json", text_config={"num_hidden_layers": 10**9}),
    "10**9 layers by another name": change("config.json", n_layer=10**9),
    "no layers": change("config.json", num_hidden_layers=0),
    "layers less than none": change("config.json", num_hidden_layers=-2),
    "layers in words": change("config.json", num_hidden_layers="1000000000"),
    "layers with a point": change("config.json", num_hidden_layers=1e9),
    "layers true": change("config.json", num_hidden_layers=True),
    "10**6 heads": change("config.json", num_attention_heads=10**6),
    "10**9 experts": change("config.json", num_local_experts=10**9),
    "10**9 beams": change("generation_config.json", num_beams=10**9),
    "a vocabulary of 10**9": change("config.json", vocab_size=10**9),
    "a width of 10**9": change("config.json", hidden_size=10**9),
    "a context of 10**15": change("config.json", max_position_embeddings=10**15),
    "a pickle alone": pickled("pytorch_model.bin", alone=True),
    "another pickle alone": pickled("consolidated.00.pth", alone=True),
    "a pickle named safetensors": both(remove(SAFETENSORS), pickled(SAFETENSORS)),
    "weights of another name": lambda folder: (folder / SAFETENSORS).rename(folder / "weights.safetensors"),
    "no weights": remove(SAFETENSORS),
    "no configuration": remove("config.json"),
    **{f"an index to {name!a}": write(INDEX, json.dumps({"weight_map": {"a": name}})) for name in (
        "../model.safetensors", "/etc/passwd", "lost.safetensors", "a/../../model.safetensors", "config.json", "..", "",
        "pytorch_model.bin", "C:\\model.safetensors", "model.safetensors\u0000")},
    "an index that is none": write(INDEX, "[]"),
    "an index of nothing": write(INDEX, '{"weight_map": {}}'),
    "an index of a list": write(INDEX, '{"weight_map": ["model.safetensors"]}'),
    "weights linked from outside": link(SAFETENSORS, "../away.safetensors"),
    "a link to a password": link("vocab.txt", "/etc/passwd"),
    "a link to a device": link("merges.txt", "/dev/zero"),
    "a link to nothing": link("merges.txt", "nowhere"),
    "a link to itself": link("merges.txt", "merges.txt"),
    "a link to a folder outside": link("additional_chat_templates", "/etc"),
    "a link to its own folder": link("again", "."),
    "a link in a folder inside": link("more/x", "/etc/passwd"),
    "a pipe": pipe("tokenizer_config.json"),
    "a pipe for weights": pipe(SAFETENSORS),
    "a pipe for a template": pipe("chat_template.jinja"),
    "a socket": socket,
    "weights cut": larger(SAFETENSORS, 5000),
    "weights longer": larger(SAFETENSORS, 10**7),
    "empty weights": write(SAFETENSORS, b""),
    "a head of 2**63": head(length=1 << 63),
    "a head of 10**8 + 1": head(length=10**8 + 1),
    "a head longer than the file": head(length=10**7),
    "a head that is none": head(text=b"\xff\xff{}"),
    "a deep head": head(text=b'{"a":' * 5000),
    "a tensor beyond the end": first(data_offsets=[0, 10**12]),
    "a tensor before the beginning": first(data_offsets=[-8, 8]),
    "a tensor backwards": first(data_offsets=[64, 0]),
    "tensors that overlap": head(lambda stated: {**stated, "more": stated["model.norm.weight"]}),
    "a gap between tensors": head(all_but_one),
    "a shape too large": first(shape=[10**6, 10**6]),
    "a shape less than none": first(shape=[-1, -1]),
    "a shape of nothing by 2**50": head(
        lambda stated: {**stated, "z": {"dtype": "U8", "shape": [0, 1 << 50], "data_offsets": [0, 0]}}),
    "a shape of words": first(shape=["8", "8"]),
    "an unknown dtype": first(dtype="OBJECT"),
    "another dtype": first(dtype="F16"),
    "offsets of true": first(data_offsets=[False, True]),
    "no offsets": first(data_offsets=None),
    "a tensor twice": head(text=b'{"a": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]}, "a": {"dtype": "U8"}}'),
}  # fmt: skip
"""Refused before any library sees the folder."""

LOADED: dict[str, Spoil] = {
    "a layer is missing": without_layer,
    "more layers than weights": change("config.json", num_hidden_layers=3),
    "another width": change("config.json", hidden_size=64),
    "no causal model": change("config.json", model_type="t5", architectures=["T5Model"]),
    "an unknown model": change("config.json", model_type="mine"),
    "no model at all": write("config.json", "{}"),
    "a configuration that is a list": write("config.json", "[]"),
    "a tokenizer of another kind": write("tokenizer.json", "{}"),
    "a tokenizer that is a list": write("tokenizer.json", "[]"),
    "a tokenizer of words": write("tokenizer.json", '"BPE"'),
    "no tokenizer": remove("tokenizer.json"),
    "a tokenizer class that is none": change("tokenizer_config.json", tokenizer_class=["a"]),
    "no template": remove("chat_template.jinja"),
    "templates without a default": both(remove("chat_template.jinja"), write("additional_chat_templates/rag.jinja", "x")),
}  # fmt: skip
"""Refused when it is loaded, in a sentence."""

NESTED = "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}"
GROWS = "{% set n = namespace(a='a') %}{% for i in range(40) %}{% set n.a = n.a.replace('a', 'aaaa') %}{% endfor %}"
CALLS = "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(60) }}"
TEMPLATES = {
    "loops in loops": NESTED,
    "loops where there is a chat": "{% if messages is defined %}" + NESTED + "{% endif %}",
    "loops where the chat is long": "{% if messages | length > 9 %}" + NESTED + "{% endif %}",
    "a text of 10**10": "{{ 'a' * 10**10 }}",
    "a text doubled": "{% set n = namespace(a='x') %}{% for i in range(60) %}{% set n.a = n.a + n.a %}{% endfor %}",
    "a list doubled": "{% set n = namespace(a=[1]) %}{% for i in range(60) %}{% set n.a = n.a + n.a %}{% endfor %}",
    "a wide number": "{{ '%1000000000d' % 1 }}",
    "a wide format": "{{ '{:>1000000000}'.format(1) }}",
    "filler": "{% for i in range(99999) %}{{ lipsum(100) }}{% endfor %}",
    "the chat a hundred times": "{% for m in messages %}{{ m.content * 100 }}{% endfor %}",
    "a power": "{{ (2 ** 900000000) % 7 }}",
    "macros that call themselves": CALLS,
    "a replacement that grows": GROWS,
    "sorted again and again": "{% for i in range(9999) %}{% set x = range(99999) | list | sort %}{% endfor %}",
    "classes": "{{ messages.__class__.__mro__[1].__subclasses__() }}",
    "globals of a function": "{{ cycler.__init__.__globals__.os.popen('touch CANARY').read() }}",
    "globals of a filler": "{{ lipsum.__globals__['os'].system('touch CANARY') }}",
    "attributes by a filter": "{{ (messages | attr('__class__')).__base__ }}",
    "format reaches inside": "{{ '{0.__class__.__init__.__globals__}'.format(messages) }}",
    "a file included": "{% include '/etc/passwd' %}",
    "a file imported": "{% import '/etc/passwd' as p %}{{ p }}",
    "a file extended": "{% extends '/etc/passwd' %}",
    "the chat is changed": "{{ messages.append(1) }}",
    "no template": "{% for",
    "an endless comment": "{# ",
    "no text": "always the same",
    "every text twice": "{% for m in messages %}{{ m.content }}{{ m.content }}{% endfor %}",
}  # fmt: skip
"""Chat templates that must not be used; CANARY stands for a path."""


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value.encode())) + value.encode()


def field(name: str, kind: int, value: bytes) -> bytes:
    return text(name) + struct.pack("<I", kind) + value


def whole(name: str, value: int) -> bytes:
    """A field that is a number of 32 bits."""
    return field(name, 4, struct.pack("<I", value))


def tensor(name: str = "token_embd.weight", shape: tuple[int, ...] = (32, 8), kind: int = 0, offset: int = 0) -> bytes:
    return text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, offset)


LLAMA = field("general.architecture", 8, text("llama"))
TEMPLATE = field("tokenizer.chat_template", 8, text("{{ messages[0].content }}"))


def gguf(
    *fields: bytes, tensors: tuple[bytes, ...] = (tensor(),), version: int = 3, counts: tuple[int, int] | None = None,
    data: int = 1024,
) -> bytes:  # fmt: skip
    """A file with a head as it is given; an architecture where no field is given."""
    fields = fields or (LLAMA,)
    start = b"GGUF" + struct.pack("<IQQ", version, *(counts or (len(tensors), len(fields)))) + b"".join(fields + tensors)
    return start + bytes(-len(start) % 32) + bytes(data)


def listed(kind: int, length: int, content: bytes = b"") -> bytes:
    return field("a", 9, struct.pack("<IQ", kind, length) + content)


GGUFS = {
    "no magic": b"GGML" + bytes(100),
    "nothing": b"",
    "four bytes": b"GGUF",
    "version 0": gguf(version=0),
    "version 1": gguf(version=1),
    "version 99": gguf(version=99),
    "the other byte order": b"GGUF" + struct.pack(">IQQ", 3, 1, 1),
    "2**60 tensors": gguf(counts=(1 << 60, 1)),
    "2**60 fields": gguf(counts=(1, 1 << 60)),
    "10**6 tensors": gguf(counts=(10**6, 1)),
    "more fields than there are": gguf(counts=(1, 9)),
    "more tensors than there are": gguf(counts=(9, 1)),
    "a name of 2**63 bytes": gguf(struct.pack("<Q", 1 << 63)),
    "a name of 2,000 bytes": gguf(whole("a" * 2000, 1), LLAMA),
    "a name that is no UTF-8": gguf(struct.pack("<Q", 2) + b"\xff\xfe" + struct.pack("<II", 4, 1)),
    "a text of 2**62 bytes": gguf(text("general.name") + struct.pack("<IQ", 8, 1 << 62)),
    "a list of 2**60": gguf(listed(4, 1 << 60)),
    "a list of 2**60 texts": gguf(listed(8, 1 << 60)),
    "a list of 10**7 texts": gguf(listed(8, 10**7)),
    "a list of lists": gguf(listed(9, 1, struct.pack("<IQIQ", 9, 1, 4, 0))),
    "a list of an unknown kind": gguf(listed(77, 1)),
    "an unknown kind": gguf(field("a", 77, bytes(8))),
    "a field twice": gguf(LLAMA, LLAMA),
    "no architecture": gguf(whole("llama.block_count", 1)),
    "an architecture that is a number": gguf(whole("general.architecture", 1)),
    "a tensor twice": gguf(tensors=(tensor(), tensor(offset=1024)), data=2048),
    "tensors that overlap": gguf(tensors=(tensor("a"), tensor("b", offset=512)), data=2048),
    "a tensor beyond the end": gguf(tensors=(tensor(offset=1 << 40),)),
    "a tensor at no alignment": gguf(tensors=(tensor(offset=1),), data=2048),
    "a tensor of 2**60 elements": gguf(tensors=(tensor(shape=(1 << 30, 1 << 30)),)),
    "a tensor of nothing by 2**60": gguf(tensors=(tensor(), tensor("b", shape=(0, 1 << 60), offset=1024))),
    "a tensor whose size runs over": gguf(tensors=(tensor(shape=(1 << 32, 1 << 32, 1 << 2)),)),
    "a tensor of 1,000 dimensions": gguf(tensors=(tensor(shape=(1,) * 1000),)),
    "a tensor of 2**32 - 1 dimensions": gguf(tensors=(text("a") + struct.pack("<I", (1 << 32) - 1),)),
    "a tensor of an unknown kind": gguf(tensors=(tensor(kind=200),)),
    "a tensor of half a block": gguf(tensors=(tensor(shape=(33, 8), kind=2),)),
    "alignment 0": gguf(LLAMA, whole("general.alignment", 0)),
    "alignment 3": gguf(LLAMA, whole("general.alignment", 3)),
    "alignment 2**31": gguf(LLAMA, whole("general.alignment", 1 << 31)),
    "alignment in words": gguf(LLAMA, field("general.alignment", 8, text("32"))),
    "10**9 layers": gguf(LLAMA, whole("llama.block_count", 10**9)),
    "layers in words": gguf(LLAMA, field("llama.block_count", 8, text("2"))),
    "10**9 experts": gguf(LLAMA, whole("llama.expert_count", 10**9)),
    "a vocabulary of 10**9": gguf(LLAMA, whole("llama.vocab_size", 10**9), whole("llama.embedding_length", 32)),
    "more words than its table": gguf(
        LLAMA, whole("llama.embedding_length", 32),
        field("tokenizer.ggml.tokens", 9, struct.pack("<IQ", 8, 9) + text("a") * 9)),
    "one part of three": gguf(LLAMA, field("split.count", 2, struct.pack("<H", 3))),
    "an unknown architecture": gguf(field("general.architecture", 8, text("mine")), TEMPLATE),
    "an architecture that is a path": gguf(field("general.architecture", 8, text("../../x")), TEMPLATE),
    "no tokenizer": gguf(LLAMA, whole("llama.block_count", 1), TEMPLATE),
}  # fmt: skip
"""Refused before or while it is unpacked."""
