"""How a student is trained."""

from typing import Any, Literal

from pydantic import Field, field_validator

from .component import Beside, Count, Positive, Settings
from .devices import Device, best_dtype, present
from .engines import Engine
from .objectives import Objective, both
from .records import Lang
from .samplers import Sampler
from .schedules import Schedule
from .signals import Wants
from .surgeries import Surgery
from .teachers import Teacher


class LoraSettings(Settings):
    """Low-rank adapters in place of full training; merged into the weights at the end."""

    rank: Count = 16
    """The adapters' rank."""
    alpha: Positive = 32.0
    """Their scale; what is added is alpha / rank times the product of the two factors."""


class DrawSettings(Settings):
    """How rows are drawn by language while a student trains."""

    sampler: Sampler
    """The shares of the languages that are learned, from how far the student is behind; see `samplers.Measures`."""
    teacher: Teacher
    """Whom it is behind."""
    every: Count = 1000
    """Steps until the shares are found anew; the first ones see the mixture as it is."""
    held: Count = 500
    """Rows of each language that are measured and not learned, a tenth of them at most, and one at least."""

    @field_validator("teacher")
    @classmethod
    def _has_all_logits(cls, teacher: Teacher) -> Teacher:
        if "dense" not in teacher.gives:
            raise ValueError(f"a perplexity needs all logits of the teacher, and {teacher.name()} does not give them")
        return teacher


class TrainSettings(Settings):
    """How the student is trained."""

    objective: Objective
    """What is minimised."""
    surgeries: tuple[Surgery, ...] = ()
    """What is made of the model before it is trained, one after the other; by default it stays whole."""
    draws: DrawSettings | None = None
    """How rows are drawn by language as training goes; by default the mixture is seen in its order."""
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
    candidates: Count = 1
    """How many checkpoints to choose among, evenly apart over the steps, one a step at most; the last is the trained model."""
    seed: int = 0
    """Decides the order of the second epoch on, and new adapters."""
    micro_tokens: Beside[Count] = 512
    """Padded tokens that are computed side by side; memory grows with it."""
    checkpoint_minutes: Beside[float] = 5.0
    """A checkpoint to go on from is written this often; the last two are kept until the end."""
    processes: Beside[Count] = 1
    """How many ranks to train with on this machine."""
    device: Beside[Device] = "auto"
    """`cpu`, `cuda`, `mps`; `auto` takes the fastest that is here."""
    model: Engine
    """The student-to-be."""
    rich: Beside[Lang]
    """The rich language; it decides the result where the objective treats its rows in another way."""

    @field_validator("schedule")
    @classmethod
    def _remembers_nothing(cls, schedule: Schedule) -> Schedule:
        if schedule.remembers:
            raise ValueError(f"{schedule.name()} follows the loss; a learning rate does not, but `toward` of an objective may")
        return schedule

    @field_validator("device")
    @classmethod
    def _from_the_first(cls, device: str) -> str:
        if ":" in device:
            raise ValueError("training takes the first devices it sees: give cuda, and choose with CUDA_VISIBLE_DEVICES=N")
        return device

    def identity(self) -> Any:
        """`compute` stands in it as what it means here, so that other hardware makes another result of its own.

        `rich` stands in it only with an objective that looks at it.
        """
        rich = {"rich": str(self.rich)} if self.objective.looks_at_rich else {}
        found = {name: value for name, value in super().identity().items() if value or name not in ("surgeries", "draws")}
        return {**found, "compute": self.computes_in[1], **rich}

    def asks(self) -> dict[Teacher, Wants]:
        """The teachers that it needs, and what it asks of each."""
        return both(self.objective.asks(), {self.draws.teacher: Wants(tokens=True)} if self.draws else {})

    def earlier_candidates(self, steps: int) -> list[int]:
        """After which of the steps a candidate is kept, the last one left out."""
        parts = min(self.candidates, steps)
        return [-(-steps * part // parts) for part in range(1, parts)]

    @property
    def computes_in(self) -> tuple[str, str]:
        """The device, and what is computed in on it; never float16 by itself, which would need its loss scaled."""
        device = present(self.device)
        best = {"float16": "float32"}.get(best_dtype(device), best_dtype(device))
        return device, best if self.compute == "auto" else self.compute
