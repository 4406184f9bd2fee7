"""What is looked at in a stranger's model before any library sees it: a model is data, and must be nothing else.

Refused are: pickles, code that a folder brings or names, files outside the folder, what is no plain file, and sizes that the
weights do not bear out. Libraries then read a folder in which nothing leads elsewhere.
"""

import math
import re
import stat
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..engines import BadModel
from .foreign_json import parsed_json, read_json
from .gguf_head import read_gguf_head
from .safetensors_head import Weights, read_head

MAX_FILES = 20_000
MAX_TEXT = 100_000_000
"""Bytes of a file that libraries read as a whole: vocabularies, tokenizers of SentencePiece."""
MAX_TEMPLATE = 1_000_000
MAX_WHOLE = 1 << 40
"""The largest whole number in a configuration; the longest contexts have 10**7 tokens."""
CODE = ("automap", "remotecode", "customgenerate", "custompipelines")
"""Parts of settings, in small letters and digits alone, that make a library fetch or run code."""
ATTENTION = re.compile("(attn|attention|experts)implementation")
LAYERS = {"numhiddenlayers", "nlayer", "nlayers", "numlayers", "numdecoderlayers", "decoderlayers"}
WHOLE = {*LAYERS, "vocabsize", "hiddensize"}
COUNTED = re.compile("^(num|n)[a-z]*(layers?|experts?|heads?|blocks?|groups?|stages?|beams|sequences|codebooks)$")
MAX_COUNTED = 4096
VOCABULARIES = ("vocab.json", "added_tokens.json")
"""Files whose keys are tokens, not settings."""
DOWNLOAD = "download it again from a source that you trust"
Place = tuple[str, ...]


def inspect(path: Path) -> None:
    """Refuses what must not be loaded.

    Raises:
        BadModel: what is wrong with the folder or the GGUF file, and what to do.
    """
    if path.is_dir():
        _folder(path)
    elif not stat.S_ISREG(path.stat().st_mode) or path.suffix != ".gguf":
        raise BadModel(f"{path} is no model: give a folder with config.json and .safetensors files, or a .gguf file")
    else:
        read_gguf_head(path)


def _folder(folder: Path) -> None:
    files = _files(folder)
    names = [file.name for file in files if file.parent == folder]
    if "config.json" not in names:
        ggufs = [name for name in names if name.endswith(".gguf")]
        hint = f"; it holds {ggufs[0]}: give {folder / ggufs[0]}" if ggufs else ""
        if "adapter_config.json" in names:
            _refuse_adapter(folder)
        raise BadModel(f"{folder} has no config.json, so it is no model folder{hint}")
    if any(name.startswith(("adapter_config.", "adapter_model.")) for name in names):
        _refuse_adapter(folder)
    shards = [name for name in names if name.endswith(".safetensors")]
    if not shards:
        pickled = [name for name in names if name.endswith((".bin", ".pt", ".pth", ".ckpt", ".pkl"))]
        refused = "is a pickle, which can run code when read, and is refused. Convert it to safetensors first"
        raise BadModel(f"{folder} has no .safetensors weights" + (f"; {pickled[0]} {refused}" if pickled else ""))
    weights = sum((read_head(folder / name) for name in shards), Weights(0, 0))
    for file in files:
        if file.suffix == ".jinja" and (size := file.stat().st_size) > MAX_TEMPLATE:
            raise BadModel(f"{file} has {size} bytes, more than any chat template ({MAX_TEMPLATE}); take it away")
    for name in names:
        file, size = folder / name, (folder / name).stat().st_size
        if name.endswith((".txt", ".model", ".tiktoken", ".vocab")) and size > MAX_TEXT:
            raise BadModel(f"{file} has {size} bytes, more than any tokenizer ({MAX_TEXT}); {DOWNLOAD}")
        if name.endswith(".json"):
            _settings(file, weights)
    _refuse_shards(folder, names)


def _refuse_adapter(folder: Path) -> None:
    raise BadModel(
        f"{folder} holds an adapter, which names another model to be laid over: merge the two into one folder first "
        "(peft: merge_and_unload, then save_pretrained), or take the adapter's files away"
    )


def _files(folder: Path) -> list[Path]:
    """Every file of a folder, sorted, after a look at what each of them is."""
    inside = folder.resolve()
    # The hub's cache keeps contents beside: models--X/snapshots/COMMIT/FILE -> ../../blobs/DIGEST
    cached = inside.parent.name == "snapshots" and inside.parent.parent.name.startswith("models--")
    allowed = [inside, *([inside.parent.parent / "blobs"] if cached else [])]
    found: list[Path] = []
    folders = [folder]
    while folders:
        for entry in sorted(folders.pop().iterdir()):
            try:
                real = entry.resolve(strict=True)
                mode = real.stat().st_mode
            except (OSError, RuntimeError):  # RuntimeError: links in a circle, before Python 3.13
                raise BadModel(f"{entry} is a link to nothing; {DOWNLOAD}") from None
            if not any(real.is_relative_to(one) for one in allowed):
                raise BadModel(f"{entry} is a link out of the folder, to {real}; put the file itself there")
            if stat.S_ISDIR(mode):
                if entry.is_symlink():
                    raise BadModel(f"{entry} is a link to a folder; put the folder itself there")
                folders.append(entry)
            elif not stat.S_ISREG(mode):
                raise BadModel(f"{entry} is no plain file (a pipe, a socket or a device); take it away")
            found.append(entry)
            if len(found) > MAX_FILES:
                raise BadModel(f"{folder} holds more than {MAX_FILES} files; is it a model's folder?")
    return found


def _settings(file: Path, weights: Weights) -> None:
    """Refuses a JSON file whose settings lead to code, out of the folder, or to sizes that are none."""
    try:
        value = read_json(file)
        if file.name == "tokenizer.json":
            value = _without_vocabulary(value)
        if file.name in VOCABULARIES and isinstance(value, dict) and all(type(one) is int for one in value.values()):
            return
        for place, inner in _entries(value):
            if place:
                _refuse_setting(file, place, inner, weights)
            if file.name == "config.json" and isinstance(inner, dict):
                _refuse_table(file, inner, weights)
    except ValueError as error:
        if isinstance(error, BadModel):
            raise
        raise BadModel(f"{file} is no JSON as it should be ({plain(str(error))}); download it again") from None


def _without_vocabulary(value: Any) -> Any:
    """A tokenizer without its words, which are no settings."""
    if not isinstance(value, dict) or not isinstance(value.get("model"), dict):
        return value
    return {**value, "model": {key: inner for key, inner in value["model"].items() if key not in ("vocab", "merges")}}


def _entries(value: Any) -> Iterator[tuple[Place, Any]]:
    """(place, value) of everything inside; a list adds nothing to the place; a text that is JSON is looked into."""
    left: list[tuple[Place, Any]] = [((), value)]
    while left:
        place, inner = left.pop()
        yield place, inner
        if isinstance(inner, str) and inner.lstrip()[:1] in ("{", "["):
            try:
                inner = parsed_json(inner.encode("utf-8", "replace"))
            except ValueError:  # a chat template begins so, too
                continue
        if isinstance(inner, dict):
            left.extend(((*place, key), one) for key, one in inner.items())
        elif isinstance(inner, list):
            left.extend((place, one) for one in inner)


def letters(key: str) -> str:
    """A setting's name in small letters and digits alone, so that every spelling of it is one."""
    return re.sub("[^a-z0-9]", "", unicodedata.normalize("NFKC", key).casefold())


def plain(text: str) -> str:
    """A stranger's text as it may stand in a sentence of ours: short, in one line, without controls."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text[:200])


def _refuse_setting(file: Path, place: Place, value: Any, weights: Weights) -> None:
    key, where = letters(place[-1]), plain(".".join(place))
    if any(part in key for part in CODE) or _fetches_attention(key, value):
        raise BadModel(
            f"{file} asks to run code of its own ({where}); such models are refused: give one that transformers knows"
        )
    if key in ("quantizationconfig", "compressionconfig") and value:
        method = plain(str(value.get("quant_method", ""))) if isinstance(value, dict) else ""
        raise BadModel(
            f"{file} states weights that are quantised ({where}{': ' * bool(method)}{method}), which only programs of their "
            "own can read; give the model before it was quantised, or a .gguf file"
        )
    if (
        key == "transformersweights"
        and value is not None
        and not (isinstance(value, str) and value.endswith(".safetensors") and (file.parent / value).parent == file.parent)
    ):
        raise BadModel(f"{file} names weights that are no .safetensors file of the folder ({where}); such models are refused")
    if (isinstance(value, str) and key.endswith(("file", "files"))) or key in ("vocab", "merges"):
        _refuse_outside(file, where, value)
    if file.name in ("config.json", "generation_config.json"):
        _refuse_size(file, where, key, value, weights)


def _fetches_attention(key: str, value: Any) -> bool:
    if not ATTENTION.search(key):
        return False
    if key.endswith("autoset"):  # older versions of transformers write it
        return not isinstance(value, bool)
    if key.endswith("internal"):
        return True
    texts = [value] if isinstance(value, str) else value.values() if isinstance(value, dict) else []
    return any(isinstance(text, str) and not re.fullmatch(r"\w*", text) for text in texts)  # a kernel from the hub has a /


def _refuse_outside(file: Path, where: str, value: Any) -> None:
    """A path of the author's own machine is nothing here; one that is something here is not ours to open."""
    if not isinstance(value, str) or not value or len(value) > 4096 or "\0" in value:
        return
    named = file.parent / value
    if named.parent != file.parent or value in (".", ".."):
        try:
            there = named.exists()
        except OSError:
            there = False
        if there:
            raise BadModel(f"{file} names a file outside the folder ({where}: {plain(value)}); such models are refused")


def _refuse_size(file: Path, where: str, key: str, value: Any, weights: Weights) -> None:
    if key in WHOLE and isinstance(value, (str, float, bool)):
        raise BadModel(f"{file} states {where} {plain(str(value))}, which is no whole number; {DOWNLOAD}")
    if type(value) is not int:
        return
    most = weights.tensors if key in LAYERS else MAX_COUNTED if COUNTED.match(key) else MAX_WHOLE
    least = 1 if key in WHOLE else -MAX_WHOLE
    if not least <= value <= most:
        held = f"where the weights hold {weights.tensors} tensors" if key in LAYERS else f"and at most {most} is believed"
        raise BadModel(f"{file} states {where} {value if abs(value) < 10**15 else f'{value:.0e}'}, {held}; {DOWNLOAD}")


def _refuse_table(file: Path, config: dict[str, Any], weights: Weights) -> None:
    """The table of the vocabulary must be in the weights, of at least four bits an entry."""
    sizes = [config.get(name) for name in ("vocab_size", "hidden_size")]
    if all(type(size) is int for size in sizes) and math.prod(map(int, sizes)) > 2 * weights.bytes:  # type: ignore[arg-type]
        raise BadModel(
            f"{file} states a vocabulary of {sizes[0]} in {sizes[1]} dimensions, more than the {weights.bytes} bytes of the "
            f"weights can hold; {DOWNLOAD}"
        )


def _refuse_shards(folder: Path, names: list[str]) -> None:
    """Weights that an index names must be files of the folder."""
    for name in names:
        if not name.endswith(".safetensors.index.json"):
            continue
        stated = read_json(folder / name)
        shards = stated.get("weight_map") if isinstance(stated, dict) else None
        if not isinstance(shards, dict) or not shards:
            raise BadModel(f"{folder / name} has no weight_map; download it again")
        for shard in sorted(map(str, shards.values())):
            if (folder / shard).parent != folder or shard not in names or not shard.endswith(".safetensors"):
                raise BadModel(f"{folder / name} names weights outside the folder or missing: {plain(shard)}")
    if not {"model.safetensors", "model.safetensors.index.json"} & set(names) and not _named(folder):
        raise BadModel(
            f"{folder} has neither model.safetensors nor model.safetensors.index.json, which say where the weights begin; "
            "download it again"
        )


def _named(folder: Path) -> bool:
    stated = read_json(folder / "config.json")
    return isinstance(stated, dict) and "transformers_weights" in stated
