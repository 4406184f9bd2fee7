"""Stage five: the same model is trained on the mixture."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Literal

from pydantic import Field

from . import progress
from .component import ALLOWED, Beside, Count, Positive, Settings
from .endings import Stopped
from .engines import Engine
from .objectives import Objective
from .schedules import Schedule
from .stage import BESIDE, Artifact, Rows, stage, workspace, write_json


class LoraSettings(Settings):
    """Low-rank adapters in place of full training; merged into the weights at the end."""

    rank: Count = 16
    """The adapters' rank."""
    alpha: Positive = 32.0
    """Their scale; what is added is alpha / rank times the product of the two factors."""


class TrainSettings(Settings):
    """How the student is trained."""

    objective: Objective
    """What is minimised."""
    learning_rate: Positive = 2e-5
    """The schedule's peak, for AdamW."""
    schedule: Schedule
    """How the learning rate changes over the run."""
    batch_rows: Count = 128
    """Rows of one optimiser step, over all ranks; the loss is a mean over their answer tokens."""
    epochs: Count = 3
    """How often the mixture is seen; from the second time on in another order."""
    method: Literal["full", "lora"] = "full"
    """Train all weights, or low-rank adapters of all linear layers."""
    lora: LoraSettings = LoraSettings()
    """For method lora."""
    weight_decay: float = Field(default=0.0, ge=0)
    """Of AdamW."""
    betas: tuple[float, float] = (0.9, 0.99)
    """Of AdamW."""
    clip: Positive = 1.0
    """The gradient's norm is cut to this."""
    compute: Literal["auto", "bfloat16", "float32", "float64"] = "auto"
    """What to compute in, under autocast over float32 weights; `auto` takes bfloat16 where the hardware has it."""
    seed: int = 0
    """Decides the order of the second epoch on, and new adapters."""
    micro_tokens: Beside[Count] = 512
    """Padded tokens that are computed side by side; memory grows with it."""
    checkpoint_minutes: Beside[float] = 5.0
    """A checkpoint to go on from is written this often; the last two are kept until the end."""
    processes: Beside[Count] = 1
    """How many ranks to train with on this machine."""
    device: Beside[str] = "auto"
    """`cpu`, `cuda`, `mps`; `auto` takes the fastest that is here."""
    model: Engine
    """The student-to-be."""


class Candidates(Artifact):
    """A trained model in ``model/`` (plain safetensors folder), with the training's events beside it."""

    @property
    def model(self) -> Path:
        return self.folder / "model"

    def events(self) -> list[dict[str, float]]:
        """One entry a step: step, loss in nats a token, learning rate, gradient norm, tokens, seconds."""
        path = self.folder / BESIDE / "events.jsonl"
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.is_file() else []


@stage()
def train(settings: TrainSettings, mixture: Rows, *, out: Path) -> Candidates:
    """Trains in this process, or in several that torchrun starts; goes on from the newest whole checkpoint."""
    from . import loop

    folder, template = settings.model.trainable()
    enough_disk(out, 5 * sum(f.stat().st_size for f in folder.glob("*.safetensors")))
    if settings.processes == 1:
        loop.fit(settings, folder, template, mixture, out, stopping=lambda: workspace().stopping)
    else:
        job = out / BESIDE / "job.json"
        write_json(job, {
            "settings": settings.model_dump(mode="json"), "folder": str(folder), "template": template and str(template),
            "mixture": str(mixture.folder), "out": str(out), "allow": sorted(ALLOWED.get()),
        })  # fmt: skip
        ranks = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={settings.processes}"]
        threads = {"OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // settings.processes))}
        with progress.line("train", unit=f"{settings.processes} processes"):
            done = subprocess.run([sys.executable, *ranks, "-m", "polydistill.loop", str(job)], env={**os.environ, **threads})
        if workspace().stopping:
            raise Stopped
        if done.returncode:
            raise RuntimeError(
                f"training stopped with exit code {done.returncode}; the same command goes on from the last checkpoint"
            )
    shutil.rmtree(out / "checkpoints", ignore_errors=True)
    return Candidates(out)


def enough_disk(folder: Path, wanted: int) -> None:
    """Refuses to begin what would fill the disk.

    Raises:
        OSError: fewer than ``wanted`` bytes are free.
    """
    free = shutil.disk_usage(folder).free
    if free < wanted:
        raise OSError(
            f"training writes up to {wanted / 1e9:.1f} GB to {folder.parent}, and {free / 1e9:.1f} GB are free; "
            "make room or set runs=FOLDER"
        )
