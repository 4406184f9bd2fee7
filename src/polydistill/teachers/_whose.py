"""Whose signals a folder holds: by content, never by path."""

import hashlib
import json
from typing import Any

import torch

from ..records import digest
from ..student import Student
from ._frozen import frozen


def weights_of(student: Student) -> str:
    """A digest of the model as it is before training, adapters left out; of the whole one where layers were taken from it."""
    base = (frozen(student) if student.whole else student).base
    config = base.config.to_diff_dict()
    known = {name: value for name, value in config.items() if name not in ("_name_or_path", "transformers_version")}
    found = hashlib.sha256(json.dumps(known, sort_keys=True, default=str).encode())
    for name, tensor in sorted(base.state_dict().items()):
        if ".lora_" not in name:
            found.update(f"{name.replace('.base_layer.', '.')} {tensor.dtype} {tuple(tensor.shape)}".encode())
            found.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return found.hexdigest()


def template_of(student: Student) -> dict[str, Any]:
    """Digests of the student's tokenizer and chat template; None where it has none here."""
    if student.template is None:
        return {"tokenizer": None, "template": None}
    return {"tokenizer": digest(student.template.tokenizer.get_vocab())[:12], "template": student.template.digest}
