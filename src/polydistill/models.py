"""Model folders and GGUF files: what they are, what they hold, and loading them.

A GGUF file is dequantised once into a cache folder named by its digest; from then on it is a plain folder.
"""

import functools
import json
import os
import shutil
from pathlib import Path
from typing import Any

from . import progress
from .component import nearest
from .engines import BadModel
from .files import file_digest, replacing
from .gguf_file import first_line, gguf_about, gguf_fields
from .records import digest

CACHE = Path("~/.cache/polydistill")
WEIGHTS = ("*.safetensors", "*.safetensors.index.json")
DECIDING = (
    *WEIGHTS, "config.json", "generation_config.json", "tokenizer*", "*.jinja", "vocab*", "merges.txt", "added_tokens.json",
    "special_tokens_map.json", "*.model",
)  # fmt: skip


def locate(path: str) -> Path:
    """The folder or GGUF file of a model that is on this machine; a hub id is looked up in the hub's cache.

    Raises:
        FileNotFoundError: it is neither here nor in the cache.
    """
    given = Path(path).expanduser()
    if given.exists():
        return given
    beside = [p.name for p in given.parent.iterdir()] if given.parent.is_dir() else []
    near = nearest(given.name, beside)
    hint = f"; did you mean {given.parent / near}?" if near else ""
    if path.count("/") == 1 and not path.startswith((".", "/", "~")):
        from huggingface_hub import snapshot_download

        try:
            return Path(snapshot_download(path, local_files_only=True))
        except (OSError, ValueError):  # not in the cache, or no id at all
            if not hint:
                hint = f", and the hub model {path} is not downloaded; get it with: hf download {path}"
    raise FileNotFoundError(f"no model at {given}{hint}")


def inspect(path: Path) -> None:
    """Refuses what must not be loaded, before any library sees it.

    Raises:
        BadModel: pickled weights only, remote code, weights named outside the folder, a file that is cut off, or no model.
    """
    if path.is_file():
        if path.suffix != ".gguf":
            raise BadModel(f"{path} is no model: give a folder with config.json and .safetensors files, or a .gguf file")
        with path.open("rb") as file:
            if file.read(4) != b"GGUF":
                raise BadModel(f"{path} does not begin as a GGUF file does; download it again")
        gguf_fields(path)
        return
    if not (path / "config.json").is_file():
        ggufs = sorted(p.name for p in path.glob("*.gguf"))
        hint = f"; it holds {ggufs[0]}: give {path / ggufs[0]}" if ggufs else ""
        raise BadModel(f"{path} has no config.json, so it is no model folder{hint}")
    if not any(path.glob("*.safetensors")):
        pickled = sorted(p.name for pattern in ("*.bin", "*.pt", "*.pth", "*.ckpt") for p in path.glob(pattern))
        refused = "is a pickle, which can run code when read, and is refused. Convert it to safetensors first"
        raise BadModel(f"{path} has no .safetensors weights" + (f"; {pickled[0]} {refused}" if pickled else ""))
    for weights in sorted(path.glob("*.safetensors")):
        _refuse_broken(weights)
    for name in ("config.json", "tokenizer_config.json", "generation_config.json"):
        if (path / name).is_file():
            _refuse_code(path / name)
    for index in path.glob("*.safetensors.index.json"):
        stated = _json(index)
        shards = stated.get("weight_map") if isinstance(stated, dict) else None
        if not isinstance(shards, dict):
            raise BadModel(f"{index} has no weight_map; download it again")
        for shard in sorted(map(str, shards.values())):
            if (path / shard).parent != path or not (path / shard).is_file():
                raise BadModel(f"{index} names weights outside the folder or missing: {shard}")


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise BadModel(f"{path} is no JSON ({error}); download it again") from None


def _refuse_broken(path: Path) -> None:
    with path.open("rb") as file:
        head = int.from_bytes(file.read(8), "little")
        try:
            tensors = json.loads(file.read(min(head, path.stat().st_size)))
            wanted = 8 + head + max(about["data_offsets"][1] for name, about in tensors.items() if name != "__metadata__")
        except (ValueError, LookupError, TypeError, AttributeError):
            raise BadModel(f"{path} does not begin as a .safetensors file does; download it again") from None
    if wanted != path.stat().st_size:
        raise BadModel(f"{path} has {path.stat().st_size} bytes where its head states {wanted}; download it again")


def _refuse_code(path: Path) -> None:
    def look(value: Any, where: str) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                fetched = "attn_implementation" in key and "/" in str(inner)  # a kernel from the hub
                if key == "auto_map" or "trust_remote_code" in key or fetched:
                    raise BadModel(f"{path} asks to run code of its own ({where}{key}); such models are refused")
                look(inner, f"{where}{key}.")
        elif isinstance(value, list):
            for inner in value:
                look(inner, where)

    look(_json(path), "")


def content(path: Path) -> str:
    """A digest of everything that decides what a model says: weights, configuration, tokenizer, template."""
    if path.is_file():
        return known_digest(path)
    files = sorted({p for pattern in DECIDING for p in path.glob(pattern) if p.is_file()})
    return digest({file.name: known_digest(file) for file in files})


def known_digest(path: Path) -> str:
    """A file's SHA-256, remembered under its path, size and time of change."""
    state = path.stat()
    remembered = CACHE.expanduser() / "digests" / digest([str(path.resolve()), state.st_size, state.st_mtime_ns])
    if remembered.is_file():
        return remembered.read_text("ascii")
    found = file_digest(path)
    with replacing(remembered) as file:
        file.write(found)
    return found


def unpacked(path: Path) -> Path:
    """The folder of a model: itself, or where a GGUF file is dequantised to; that one may not be there yet."""
    return path if path.is_dir() else CACHE.expanduser() / "models" / content(path)[:16]


def plain_folder(path: Path) -> Path:
    """The model as a folder: itself, or a GGUF file dequantised to float32 in the cache."""
    folder = unpacked(path)
    if folder != path and (folder / "config.json").is_file():
        return folder
    inspect(path)
    if folder == path:
        return path
    progress.say(f"unpacking {path.name} once into {folder}")
    unfinished = folder.with_name(f"{folder.name}.{os.getpid()}.tmp")
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        _dequantise(path, unfinished)
        os.replace(unfinished, folder)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        if not (folder / "config.json").is_file():  # no other process was faster
            raise
    return folder


def _dequantise(path: Path, folder: Path) -> None:
    import torch

    quiet()
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    with progress.line("unpack", unit=path.name):
        try:
            tokenizer = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
            # Without `dequantize` a quantizer stays on the model and it cannot be saved.
            model = AutoModelForCausalLM.from_pretrained(
                path.parent, gguf_file=path.name, dtype=torch.float32, quantization_config=GgufConfig(dequantize=True)
            )
        except Exception as error:  # whatever the library meets in a file that it does not know
            raise BadModel(
                f"{path} cannot be unpacked ({first_line(error)}); give the model's own folder, with safetensors"
            ) from error
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        # The generation settings of a GGUF are guesses; ours come with each call.
        (folder / "about.json").write_text(json.dumps(gguf_about(path)), "utf-8")


def about(path: Path) -> dict[str, Any]:
    """Name, licence, languages and digest of a model, as far as it states them."""
    known: dict[str, Any] = {"file": path.name, "sha256": content(path)}
    if path.is_file():
        folder = CACHE.expanduser() / "models" / content(path)[:16]
        stated = folder / "about.json"
        return {**known, **(json.loads(stated.read_text("utf-8")) if stated.is_file() else gguf_about(path))}
    card = path / "README.md"
    if card.is_file():
        known |= _card_head(card.read_text("utf-8"))
    return known


def _card_head(card: str) -> dict[str, Any]:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    parts = card.split("---\n", 2)
    if len(parts) < 3:
        return {}
    try:
        head = YAML(typ="safe", pure=True).load(parts[1])
    except YAMLError:
        return {}
    names = {"license": "licence", "language": "languages", "base_model": "base model"}
    return {names[key]: value for key, value in (head or {}).items() if key in names}


def load_tokenizer(folder: Path, template: Path | None = None) -> Any:
    """The tokenizer of a plain folder; with another chat template where one is given.

    Raises:
        BadModel: there is no tokenizer, or it cannot be read.
    """
    quiet()
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except Exception as error:  # whatever the library meets in files that it does not know
        raise BadModel(_tokenizer_fault(folder, error)) from error
    if template is not None:
        tokenizer.chat_template = template.read_text("utf-8")
    if isinstance(tokenizer.chat_template, dict):  # several by name: the one for plain chats
        tokenizer.chat_template = tokenizer.get_chat_template()
    return tokenizer


def _tokenizer_fault(folder: Path, error: Exception) -> str:
    files = [p for pattern in ("tokenizer.*", "vocab*", "*.model", "*.tiktoken") for p in sorted(folder.glob(pattern))]
    if not files:
        return f"{folder} has no tokenizer: put tokenizer.json and tokenizer_config.json of the same model into it"
    for file in files:
        if file.suffix == ".json":
            _json(file)
    return f"the tokenizer in {files[0]} cannot be read ({first_line(error)}); download it again"


def load_model(folder: Path, dtype: str, device: str) -> Any:
    """The model of a plain folder, weights from safetensors only."""
    quiet()
    import torch
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(
        folder, dtype=getattr(torch, dtype), use_safetensors=True, local_files_only=True
    ).to(device)


@functools.cache
def quiet() -> None:
    """Keeps the model library's own bars and warnings out of our progress lines."""
    os.environ.setdefault("TQDM_DISABLE", "1")  # its GGUF reader shows a bar past its own switch
    # PyTorch on a CPU keeps 1,024 kernels with their memory, one for each shape seen, and most shapes never come again.
    for cache in ("LRU_CACHE_CAPACITY", "ONEDNN_PRIMITIVE_CACHE_CAPACITY"):
        os.environ.setdefault(cache, "64")
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()


@functools.cache
def best_device() -> str:
    """``cuda``, ``mps`` or ``cpu``: the fastest that is here."""
    import torch

    return "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"


@functools.cache
def best_dtype(device: str) -> str:
    """The dtype for generating and scoring: what the hardware computes fastest, from what it is, never from a timing."""
    import torch

    if device.startswith("cuda"):
        return "bfloat16" if torch.cuda.get_device_capability()[0] >= 8 else "float16"
    if device == "mps":
        return "float16"
    try:
        flags = Path("/proc/cpuinfo").read_text("ascii", "ignore")
    except OSError:
        flags = ""
    return "bfloat16" if "avx512_bf16" in flags or "amx_bf16" in flags else "float32"
