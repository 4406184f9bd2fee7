"""Stage five: the same model is trained on the mixture."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from . import progress
from .component import ALLOWED
from .endings import Stopped
from .files import write_json
from .stage import BESIDE, Artifact, Rows, stage, workspace
from .training import TrainSettings


class Candidates(Artifact):
    """A trained model in ``model/`` (plain safetensors folder), with the training's events beside it."""

    @property
    def model(self) -> Path:
        return self.folder / "model"

    def events(self) -> list[dict[str, float]]:
        """One entry a step: step, loss in nats a token, learning rate, gradient norm, tokens, seconds."""
        path = self.folder / BESIDE / "events.jsonl"
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.is_file() else []


@stage(version=2)
def train(settings: TrainSettings, mixture: Rows, *, out: Path) -> Candidates:
    """Trains in this process, or in several that torchrun starts; goes on from the newest whole checkpoint."""
    from . import loop  # torch, which a look at the plan need not load

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
