"""The devices that a model can be on."""

import functools
import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator

from .component import nearest

NAMES = ("auto", "cpu", "mps", "cuda")


def _named(device: str) -> str:
    if device in NAMES or re.fullmatch(r"cuda:\d+", device):
        return device
    near = "cuda" if device.lower().startswith("gpu") else nearest(device, NAMES)
    hint = f"; did you mean {near}?" if near else ""
    raise ValueError(f"no device named '{device}'{hint} (there are {', '.join(NAMES)} and cuda:N)")


Device = Annotated[str, AfterValidator(_named)]
"""``auto``, ``cpu``, ``mps``, ``cuda``, or ``cuda:N`` for one of several, counted from 0."""


def present(device: str) -> str:
    """The device, `auto` as the fastest that is here.

    Raises:
        ValueError: it is not here.
    """
    if device == "auto":
        return best_device()
    if device == "cpu":
        return device
    import torch

    kind, _, number = device.partition(":")
    count = torch.cuda.device_count() if kind == "cuda" else int(torch.backends.mps.is_available())
    if int(number or 0) >= count:
        here = f"{count} (the first is cuda:0)" if kind == "cuda" and count else "none"
        raise ValueError(f"device {device} is not here: PyTorch {torch.__version__} finds {here}; give auto or cpu")
    return device


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
