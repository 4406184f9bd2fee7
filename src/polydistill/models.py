"""Model folders and GGUF files: what they are, what they hold, and loading them.

A GGUF file is dequantised once into a cache folder named by its digest; from then on it is a plain folder.
"""

import functools
import os
import re
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from . import progress
from .component import nearest
from .engines import BadModel
from .foreign.foreign_json import read_json
from .foreign.gguf_file import first_line, gguf_about
from .foreign.model_card import stated_in
from .foreign.preflight import inspect, plain
from .records import digest
from .storage.files import file_digest, replacing, sync
from .storage.marker import fault, mark

CACHE = Path("~/.cache/polydistill")
WEIGHTS = ("*.safetensors", "*.safetensors.index.json")
DECIDING = (
    *WEIGHTS, "config.json", "generation_config.json", "tokenizer*", "*.jinja", "vocab*", "merges.txt", "added_tokens.json",
    "special_tokens_map.json", "*.model", "*.tiktoken", "tekken.json", "chat_template.json", "config.*.json",
    "additional_chat_templates/*.jinja",
)  # fmt: skip
FRESH_SECONDS = 2.0
"""A file that changed so lately may change again and look the same."""


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

        name, at, commit = path.partition("@")
        if at and not re.fullmatch("[0-9a-f]{40}", commit):
            raise FileNotFoundError(
                f"no model at {given}; a hub model is pinned by its whole commit, 40 hexadecimal digits: {name}@..."
            )
        try:
            return Path(snapshot_download(name, revision=commit or None, local_files_only=True))
        except (OSError, ValueError):  # not in the cache, or no id at all
            if not hint:
                pinned = f" --revision {commit}" if commit else ""
                hint = f", and the hub model {path} is not downloaded; get it with: hf download {name}{pinned}"
    raise FileNotFoundError(f"no model at {given}{hint}")


def content(path: Path) -> str:
    """A digest of everything that decides what a model says: weights, configuration, tokenizer, template."""
    if path.is_file():
        return known_digest(path)
    files = sorted({p for pattern in DECIDING for p in path.glob(pattern) if p.is_file()})
    return digest({file.relative_to(path).as_posix(): known_digest(file) for file in files})


def known_digest(path: Path) -> str:
    """A file's SHA-256, remembered under its path, size, place on the disk and times of change."""
    state = path.stat()
    known = [str(path.resolve()), state.st_size, state.st_ino, state.st_mtime_ns, state.st_ctime_ns]
    remembered = CACHE.expanduser() / "digests" / digest(known)
    with suppress(OSError, UnicodeDecodeError):
        if re.fullmatch("[0-9a-f]{64}", said := remembered.read_text("ascii")):
            return said
    found = file_digest(path)
    if max(state.st_mtime, state.st_ctime) < time.time() - FRESH_SECONDS:
        remember(remembered, found)
    return found


def remember(path: Path, text: str) -> None:
    """Writes a file of the cache; where that cannot be, it is found out again the next time."""
    with suppress(OSError), replacing(path) as file:
        file.write(text)


def unpacked(path: Path) -> Path:
    """The folder of a model: itself, or where a GGUF file is dequantised to; that one may not be there yet."""
    return path if path.is_dir() else CACHE.expanduser() / "models" / content(path)[:16]


def is_whole(folder: Path) -> bool:
    """Whether a folder that a GGUF file was dequantised to is there with every file as it was written."""
    return not fault(folder, known_digest)


def plain_folder(path: Path) -> Path:
    """The model as a folder: itself, or a GGUF file dequantised to float32 in the cache."""
    folder = unpacked(path)
    if folder == path or not is_whole(folder):
        inspect(path)
    if folder == path or is_whole(folder):
        return folder
    progress.say(f"unpacking {path.name} once into {folder}")
    _clean(folder.parent)
    unfinished = folder.with_name(f"{folder.name}.{socket.gethostname()}.{os.getpid()}.tmp")
    try:
        _dequantise(path, unfinished)
        mark(unfinished)
        shutil.rmtree(folder, ignore_errors=True)  # one that is not whole
        os.replace(unfinished, folder)
        sync(folder.parent)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        if not is_whole(folder):  # no other process was faster
            raise
    return folder


def _clean(folder: Path) -> None:
    """Removes what processes of this machine left that are no more."""
    for left in folder.glob(f"*.{socket.gethostname()}.*.tmp"):
        number = left.name.split(".")[-2]
        try:
            os.kill(int(number), 0)
        except ProcessLookupError:
            shutil.rmtree(left, ignore_errors=True)
        except (ValueError, PermissionError):  # no process's, or another user's, which lives
            continue
        else:
            if int(number) == os.getpid():
                shutil.rmtree(left, ignore_errors=True)


def _dequantise(path: Path, folder: Path) -> None:
    import torch

    quiet()
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    # What lies beside the file is none of its own, and transformers would read it too.
    with progress.line("unpack", unit=path.name), tempfile.TemporaryDirectory() as alone, offline():
        (Path(alone) / "model.gguf").symlink_to(path.resolve())
        known: dict[str, Any] = {"gguf_file": "model.gguf", "local_files_only": True, "trust_remote_code": False}
        try:
            tokenizer = AutoTokenizer.from_pretrained(alone, **known)
            # Without `dequantize` a quantizer stays on the model and it cannot be saved.
            model = AutoModelForCausalLM.from_pretrained(
                alone, dtype=torch.float32, quantization_config=GgufConfig(dequantize=True), **known
            )
        except Exception as error:  # whatever the library meets in a file that it does not know
            raise BadModel(
                f"{path} cannot be unpacked ({first_line(error)}); give the model's own folder, with safetensors"
            ) from error
        # The generation settings of a GGUF are guesses; ours come with each call.
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)


def about(path: Path) -> dict[str, Any]:
    """Name, licence, languages and digest of a model, as far as it states them; its commit where it came from the hub."""
    known: dict[str, Any] = {"file": path.name, "sha256": content(path)}
    if path.is_file():
        return {**known, **gguf_about(path)}
    if path.parent.name == "snapshots" and path.parent.parent.name.startswith("models--"):
        known |= {"hub": path.parent.parent.name.removeprefix("models--").replace("--", "/"), "commit": path.name}
    return known | stated_in(path / "README.md")


def load_tokenizer(folder: Path, template: Path | None = None) -> Any:
    """The tokenizer of a plain folder; with another chat template where one is given.

    Raises:
        BadModel: there is no tokenizer, or it cannot be read.
    """
    quiet()
    from transformers import AutoTokenizer

    try:
        with offline():
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # whatever the library meets in files that it does not know
        raise BadModel(_tokenizer_fault(folder, error)) from error
    if template is not None:
        tokenizer.chat_template = template.read_text("utf-8")
    if isinstance(tokenizer.chat_template, dict):  # several by name: the one for plain chats
        if "default" not in tokenizer.chat_template:
            raise BadModel(
                f"{folder} has several chat templates and none is the default; give one with model.template=FILE.jinja"
            )
        tokenizer.chat_template = tokenizer.chat_template["default"]
    return tokenizer


def _tokenizer_fault(folder: Path, error: Exception) -> str:
    files = [p for pattern in ("tokenizer.*", "vocab*", "*.model", "*.tiktoken") for p in sorted(folder.glob(pattern))]
    if not files:
        return f"{folder} has no tokenizer: put tokenizer.json and tokenizer_config.json of the same model into it"
    for file in files:
        if file.suffix == ".json":
            try:
                read_json(file)
            except ValueError as fault:
                return f"{file} is no JSON ({fault}); download it again"
    return f"the tokenizer in {files[0]} cannot be read ({first_line(error)}); download it again"


def load_model(folder: Path, dtype: str, device: str) -> Any:
    """The model of a plain folder, weights from safetensors only.

    Raises:
        BadModel: it cannot be loaded, or the weights lack some that its configuration asks for.
    """
    quiet()
    import torch
    from transformers import AutoModelForCausalLM

    try:
        with offline():
            model, found = AutoModelForCausalLM.from_pretrained(
                folder, dtype=getattr(torch, dtype), use_safetensors=True, local_files_only=True, trust_remote_code=False,
                output_loading_info=True,
            )  # fmt: skip
    except Exception as error:  # whatever the library meets in files that it does not know
        raise BadModel(
            f"{folder} cannot be loaded ({plain(first_line(error))}); is it a causal language model, whole?"
        ) from error
    if missing := sorted(found["missing_keys"]):  # the library would fill them with random numbers
        raise BadModel(
            f"the weights of {folder} lack {len(missing)} that config.json asks for ({missing[0]}); download it again"
        )
    return model.to(device)


@contextmanager
def offline() -> Iterator[None]:
    """Inside, nothing is asked of the hub: what was downloaded is all there is."""
    from huggingface_hub import constants

    before, constants.HF_HUB_OFFLINE = constants.HF_HUB_OFFLINE, True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


@functools.cache
def quiet() -> None:
    """Keeps the model library's own bars and warnings out of our progress lines."""
    os.environ.setdefault("TQDM_DISABLE", "1")  # its GGUF reader shows a bar past its own switch
    # PyTorch on a CPU keeps 1,024 kernels with their memory, one for each shape seen, and most shapes never come again.
    for cache in ("LRU_CACHE_CAPACITY", "ONEDNN_PRIMITIVE_CACHE_CAPACITY"):
        os.environ.setdefault(cache, "64")
    # Nothing of a model's is converted on the hub, and no kernel comes from there.
    os.environ |= {"DISABLE_SAFETENSORS_CONVERSION": "1", "USE_HUB_KERNELS": "0", "HF_HUB_DISABLE_TELEMETRY": "1"}
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
