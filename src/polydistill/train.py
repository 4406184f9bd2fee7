"""Stage five: the same model is trained on the mixture."""

import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from . import progress
from .component import ALLOWED
from .endings import Stopped
from .stage import BESIDE, Artifact, Rows, stage, workspace
from .storage.files import enough_disk, write_json
from .training import TrainSettings


class Candidates(Artifact):
    """A trained model in ``model/`` and earlier ones in ``model-0000123/``, plain safetensors folders; its events beside."""

    @property
    def model(self) -> Path:
        return self.folder / "model"

    @property
    def models(self) -> dict[int, Path]:
        """The folder of each candidate by the steps it was trained for, in their order: the last is `model`.

        Steps are counted in the events; the last candidate is at 0 where those are gone.
        """
        earlier = {int(path.name.removeprefix("model-")): path for path in sorted(self.folder.glob("model-*"))}
        return {**earlier, len(self.events()): self.model}

    def events(self) -> list[dict[str, Any]]:
        """One entry a step.

        step (from 0), tokens, answer_tokens (where an answer was written while training, of that one), learning_rate,
        gradient_norm, seconds; loss and each of its parts by name, in nats an answer token of the step, or what else it is a
        mean over; ``rows``: for each kind of rows, such as ``target spa`` (its group, the language that is learned), its
        answer_tokens and its share of each part, times all answer tokens.
        """
        return read_events(self.folder / BESIDE / "events.jsonl")


def read_events(path: Path) -> list[dict[str, Any]]:
    """The events of a file up to the first line that is not whole: what was written last may be half there."""
    found = []
    with suppress(OSError, ValueError), path.open(encoding="utf-8") as file:
        for line in file:
            if not line.endswith("\n") or not isinstance(event := json.loads(line), dict):
                break
            found.append(event)
    return found


@stage(version=2)
def train(settings: TrainSettings, mixture: Rows, *, out: Path) -> Candidates:
    """Trains in this process, or in several that torchrun starts; goes on from the newest whole checkpoint."""
    from . import loop  # torch, which a look at the plan need not load

    folder, template = settings.model.trainable()
    there = sum(file.stat().st_size for file in out.rglob("*.safetensors"))  # of a run that was stopped
    enough_disk(out, max(0, disk_wanted(settings, folder) - there), "training")
    if settings.processes == 1:
        loop.fit(settings, folder, template, mixture, out, stopping=lambda: workspace().stopping)
    else:
        job, stop = out / BESIDE / "job.json", out / BESIDE / "stop"
        stop.unlink(missing_ok=True)
        shutil.rmtree(out / "model", ignore_errors=True)  # of a run that was killed after its last step
        write_json(job, {
            "settings": settings.model_dump(mode="json"), "folder": str(folder), "template": template and str(template),
            "mixture": str(mixture.folder), "out": str(out), "allow": sorted(ALLOWED.get()),
            "stop": str(stop),
        })  # fmt: skip
        ranks = ["-m", "polydistill.ranks", "--standalone", f"--nproc-per-node={settings.processes}"]
        threads = {"OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // settings.processes)), "LOGLEVEL": "CRITICAL"}
        with progress.line("train", unit=f"{settings.processes} processes"):
            code = launch([sys.executable, *ranks, "-m", "polydistill.loop", str(job)], {**os.environ, **threads}, stop)
        if code or not (out / "model").is_dir():
            if workspace().stopping:
                raise Stopped
            raise RuntimeError(f"training stopped with exit code {code}; the same command goes on from the last checkpoint")
    shutil.rmtree(out / "checkpoints", ignore_errors=True)
    return Candidates(out)


def launch(command: list[str], environment: dict[str, str], stop: Path) -> int:
    """The exit code of the ranks' launcher. They are asked to stop, after their step, by the file ``stop``."""
    # In a group of its own a Ctrl-C at the terminal does not reach it: it would kill the ranks in the middle of a step.
    with subprocess.Popen(command, env=environment, process_group=0) as ranks:
        try:
            while ranks.poll() is None:
                if workspace().stopping:
                    stop.touch()
                time.sleep(0.2)
        finally:
            if ranks.poll() is None:  # a second Ctrl-C
                ranks.terminate()
                ranks.wait()
    return ranks.returncode


def disk_wanted(settings: TrainSettings, model: Path) -> int:
    """Bytes that checkpoints and candidates take, about."""
    return (4 + settings.candidates) * sum(file.stat().st_size for file in model.glob("*.safetensors"))
