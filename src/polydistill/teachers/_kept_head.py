"""The head of a teacher, kept beside its hidden states: logits are made of them without the model."""

import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import linear

from .. import checkpoints, chunks
from ..storage.files import make_folder, sync
from ..storage.marker import fault, mark


class Head(NamedTuple):
    """cap tanh((W h + b) / cap) of a state h; W h + b where there is no cap."""

    weight: Tensor
    """(vocabulary, width)"""
    bias: Tensor
    """(vocabulary,)"""
    cap: Tensor
    """() inf where there is none."""

    @torch.no_grad()
    def __call__(self, states: Tensor) -> Tensor:
        logits = linear(states.to(self.weight.dtype), self.weight, self.bias)
        return logits if self.cap.isinf() else self.cap * torch.tanh(logits / self.cap)


@torch.no_grad()
def head_of(head: Callable[[Tensor], Tensor], states: Tensor) -> Head:
    """What a model makes of its states, found out by asking it, and proven on these states.

    Raises:
        ValueError: it is no matrix with or without a cap, as where several models are mixed.
    """
    width, far = states.shape[1], [head(states[:1] * scale).abs().max() for scale in (1e6, 1e7)]
    cap = far[0] if far[0] == far[1] else torch.full_like(far[0], torch.inf)
    vocabulary = head(states[:1]).shape[1]

    def straight(some: Tensor) -> Tensor:
        logits = head(some)
        return logits if cap.isinf() else cap * torch.atanh(logits / cap)

    bias = straight(torch.zeros_like(states[:1]))[0]
    units = torch.eye(width, dtype=states.dtype, device=states.device).split(max(1, chunks.LOGITS // vocabulary))
    found = Head(torch.cat([straight(some) - bias for some in units]).T.contiguous(), bias, cap)
    own, theirs = found(states[:8]).float(), head(states[:8]).float()
    if vocabulary == width or not torch.allclose(own, theirs, rtol=0, atol=1e-2 * theirs.abs().max().item()):
        raise ValueError(
            "keeps=states is for a model whose logits are one matrix times its states; give keeps=top_k or sampled"
        )
    return found


def keep(folder: Path, head: Head) -> None:
    """Writes a head into ``folder``, whole or not at all; it is in no file's way that another process writes."""
    unfinished = folder.with_name(f"{folder.name}.{socket.gethostname()}.{os.getpid()}.tmp")
    shutil.rmtree(unfinished, ignore_errors=True)
    make_folder(unfinished)
    checkpoints.write_parts(unfinished, "head", head._asdict())
    mark(unfinished)
    shutil.rmtree(folder, ignore_errors=True)  # one that is not whole
    os.replace(unfinished, folder)
    sync(folder.parent)


def is_kept(folder: Path) -> bool:
    return not fault(folder)


def kept(folder: Path, device: torch.device) -> Head:
    """The head that is kept."""
    return Head(**{name: tensor.to(device) for name, tensor in checkpoints.read_parts(folder, "head").items()})
