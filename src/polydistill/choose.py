"""Stage six: the student among the candidates."""

import os
import shutil
from pathlib import Path
from typing import Any

from . import progress
from .component import Fraction, Settings
from .engines import Engine
from .stage import Artifact, stage
from .train import Candidates


class ChooseSettings(Settings):
    """Which model is the student."""

    scale: Fraction = 1.0
    """s in base + s (trained - base), for every weight: 1 is the trained model, 0 the untouched one.

    Paper: Wortsman et al. 2022, WiSE-FT, arXiv 2109.01903 (weights between the two keep more of the first).
    """
    model: Engine
    """The untouched model."""


class Model(Artifact):
    """A student: ``model/`` is a plain folder with weights, tokenizer and chat template."""

    @property
    def model(self) -> Path:
        return self.folder / "model"

    def engine(self, base: Engine) -> Engine:
        """The student, run as the untouched model is run; its own folder holds the template."""
        return base.model_copy(update={"path": str(self.model), "template": None})


@stage()
def choose(settings: ChooseSettings, candidates: Candidates, *, out: Path) -> Model:
    """The last candidate, scaled back towards the untouched model."""
    folder, _ = settings.model.trainable()
    target = out / "model"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    with progress.line("choose", unit="weights"):
        for file in sorted(candidates.model.iterdir()):
            if file.suffix == ".safetensors" and settings.scale < 1:
                between(file, read_weights(folder), settings.scale, target / file.name)
            else:
                os.link(file, target / file.name)
    return Model(out)


def read_weights(folder: Path) -> dict[str, Any]:
    """Every tensor of a folder's safetensors files, by name."""
    from safetensors.torch import load_file

    return {name: tensor for file in sorted(folder.glob("*.safetensors")) for name, tensor in load_file(file).items()}


def between(trained: Path, base: dict[str, Any], scale: float, target: Path) -> None:
    """Writes base + scale (trained - base), computed in float32, for every tensor of a file."""
    import torch
    from safetensors.torch import load_file, save_file

    from .checkpoints import writing

    weights = {
        name: torch.lerp(base[name].float(), tensor.float(), scale).to(tensor.dtype)
        for name, tensor in load_file(trained).items()
    }
    with writing(target):
        save_file(weights, target, metadata={"format": "pt"})
