"""The devices that a model can be on."""

import re
from typing import Annotated

from pydantic import AfterValidator

from . import models
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
        return models.best_device()
    if device == "cpu":
        return device
    import torch

    kind, _, number = device.partition(":")
    count = torch.cuda.device_count() if kind == "cuda" else int(torch.backends.mps.is_available())
    if int(number or 0) >= count:
        here = f"{count} (the first is cuda:0)" if kind == "cuda" and count else "none"
        raise ValueError(f"device {device} is not here: PyTorch {torch.__version__} finds {here}; give auto or cpu")
    return device
