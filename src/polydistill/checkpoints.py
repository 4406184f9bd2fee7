"""Checkpoints to go on from, and the trained model as a plain folder; safetensors only, nothing pickled."""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from . import progress
from .storage.files import enough_disk, make_folder, sync
from .storage.marker import fault, mark, marker_of

PART_BYTES = 200_000_000
"""Tensors are written in files of about this size, because the writer copies each file's whole content in memory."""


def save(
    out: Path, number: int, weights: dict[str, Tensor], optimizer: torch.optim.Optimizer, memory: Mapping[str, Tensor]
) -> None:
    """Writes a checkpoint after ``number`` steps: it appears whole under its name; the last two are kept.

    ``memory`` is what is remembered beside the weights and not trained.
    Its marker is written last and lists every file with its checksum. What the schedule and the order of the rows are at
    is the number of steps.

    Raises:
        OSError: the disk has no room for it.
    """
    folder = out / "checkpoints" / f"step-{number:07d}"
    unfinished = folder.with_name(f"{folder.name}.tmp")
    shutil.rmtree(unfinished, ignore_errors=True)
    make_folder(unfinished)
    state = {f"{name}|{key}": value for name, p in weights.items() for key, value in optimizer.state[p].items()}
    enough_disk(
        unfinished, sum(tensor.nbytes for tensor in (*weights.values(), *state.values(), *memory.values())), "a checkpoint"
    )
    write_parts(unfinished, "weights", weights)
    write_parts(unfinished, "memory", memory)
    write_parts(unfinished, "optimizer", {**state, **random_states()})
    mark(unfinished, number)
    os.replace(unfinished, folder)
    sync(folder.parent)
    for old in sorted(folder.parent.glob("step-???????"))[:-2]:
        shutil.rmtree(old)


def random_states() -> dict[str, Tensor]:
    """The state of every random generator that training may draw from."""
    devices = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()
    return {"random": torch.get_rng_state(), **{f"random {number}": torch.cuda.get_rng_state(number) for number in devices}}


def write_parts(folder: Path, name: str, tensors: Mapping[str, Tensor]) -> None:
    """Writes tensors as ``name-0000.safetensors`` and so on; `marker.mark` syncs them."""
    parts: list[dict[str, Tensor]] = [{}]
    size = 0
    for key, tensor in tensors.items():
        if size and size + tensor.nbytes > PART_BYTES:
            parts.append({})
            size = 0
        parts[-1][key] = tensor.detach().contiguous()
        size += tensor.nbytes
    for number, part in enumerate(parts):
        path = folder / f"{name}-{number:04d}.safetensors"
        with writing(path):
            save_file(part, path)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Around the Rust libraries that write weights and tokenizers.

    Raises:
        OSError: the system refused to write; they say so in errors of their own, a bare `Exception` among them.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, OSError) or "os error" not in str(error):
            raise
        raise OSError(f"{path} cannot be written: {error}; make room if its disk is full") from error


def read_parts(folder: Path, name: str) -> dict[str, Tensor]:
    """What `write_parts` wrote."""
    return {key: tensor for part in sorted(folder.glob(f"{name}-*.safetensors")) for key, tensor in load_file(part).items()}


def resume(
    out: Path, weights: dict[str, Tensor], optimizer: torch.optim.Optimizer, memory: Mapping[str, Tensor], removes: bool = True
) -> int:
    """Loads the newest whole checkpoint; the number of steps that are done, 0 without one.

    One rank ``removes`` what is damaged: it would be in the way when training comes to that step again.
    """
    for folder in sorted((out / "checkpoints").glob("step-???????"), reverse=True):
        if wrong := fault(folder):
            progress.say(f"train: {folder.name} is left out: {wrong}")
            if removes:
                shutil.rmtree(folder) if folder.is_dir() else folder.unlink()
            continue
        for name, value in read_parts(folder, "weights").items():
            weights[name].data.copy_(value)
        for name, value in read_parts(folder, "memory").items():
            memory[name].data.copy_(value)
        state = read_parts(folder, "optimizer")
        for name in [name for name in state if name.startswith("random")]:
            _, _, number = name.partition(" ")
            torch.cuda.set_rng_state(state.pop(name), int(number)) if number else torch.set_rng_state(state.pop(name))
        for key, value in state.items():
            name, _, what = key.rpartition("|")
            optimizer.state[weights[name]][what] = value.to(weights[name].device if what != "step" else "cpu")
        marker = marker_of(folder)
        assert marker is not None
        progress.say(f"train: going on after step {marker.steps}")
        return marker.steps
    return 0


def export(model: Any, tokenizer: Any, source: Path, folder: Path) -> None:
    """A plain folder that transformers loads: weights in the source's dtype, tokenizer, template. The model is used up."""
    wanted = json.loads((source / "config.json").read_text("utf-8")).get("dtype", "float32")
    unfinished = folder.with_name("model.tmp")
    shutil.rmtree(unfinished, ignore_errors=True)
    enough_disk(folder.parent, sum(file.stat().st_size for file in source.glob("*.safetensors")), "the trained model")
    with progress.line("export", unit="writing the model"):
        with writing(unfinished):
            model.to(getattr(torch, wanted)).save_pretrained(unfinished)
            tokenizer.save_pretrained(unfinished)
        for path in (*unfinished.iterdir(), unfinished):
            sync(path)
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(unfinished, folder)
    sync(folder.parent)
