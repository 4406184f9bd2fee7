"""What the checks of `doctor` share: a training that has begun on a few rows, and the loop's own step without learning."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any, NamedTuple, TypeVar
from weakref import finalize

import torch
from accelerate import Accelerator
from torch import Tensor

from ..batch import Batch, Tokens, micro_batches, padded
from ..beginning import beginning
from ..component import Component
from ..loop import begun, step, tokens
from ..records import Row, digest
from ..teachers.cached import Cached
from ..teachers.endpoint import Endpoint
from ..teachers.other_model import OtherModel
from ..training import TrainSettings

C = TypeVar("C", bound=Component)
ROWS = 8
"""Rows that are learned from in a check."""
LONGEST = 32
"""Tokens of such a row; a longer one is cut there."""
ALLOWED = {"float64": 1e-6, "float32": 1e-3, "float16": 1e-2, "bfloat16": 1e-1}
"""How much what should be equal may differ, as a part of itself; a loss that should be nothing, in nats a token.

Other shapes are added up in another order: a model's layers make some hundred times the dtype's smallest step of that, and
the models' norms compute in float32 at most. A row that counts twice, or a token that is left out, is a part of 1e-2 and more.
"""
MOVED = 0.02
"""How far each weight is moved from where it begins, as a part of its matrix's size: before, a pull to where it was is 0."""


class Subject:
    """A training that has begun, on a few short rows, in evaluation mode: dropout would be a difference of its own."""

    def __init__(self, settings: TrainSettings, rows: Sequence[Row]):
        device, self.dtype = settings.computes_in
        self.plan = settings
        # What is asked of a teacher here is no part of what the run keeps of it.
        self.folder = mkdtemp()
        finalize(self, rmtree, self.folder, ignore_errors=True)
        self.settings = settings.model_copy(
            update={"draws": None, "objective": rebuilt(settings.objective, lambda one: elsewhere(one, self.folder))}
        )
        accelerator = Accelerator(cpu=device == "cpu")
        torch.manual_seed(settings.seed)
        student, _ = beginning(self.settings, *settings.model.trainable(), str(accelerator.device))
        self.rows = list(rows)
        self.tokens = [tokens(student.template, row, settings.rich) for row in rows]
        others = found_in(settings.objective, OtherModel)
        self.allowed = max(ALLOWED[dtype] for dtype in (self.dtype, *(teacher.model.computes_in[1] for teacher in others)))
        # Who reads texts or knows only what was asked before would not know a row that is cut.
        whole = any(teacher.align == "spans" for teacher in others)
        whole |= any(teacher.teacher is None for teacher in found_in(settings.objective, Cached))
        self.job = begun(self.settings, accelerator, student.eval(), shortest(self.tokens) if whole else short(self.tokens))
        self.longest = max(row.size for row in self.job.rows)
        count = sum(len(row.ids) for row in self.job.rows)
        self.about = f"of these, {len(self.job.rows)} rows of {count} tokens, in {self.dtype} on {device} as train does"

    def batch(self, rows: Sequence[Tokens] = ()) -> Batch:
        """Rows side by side on the device; those of the training without any."""
        return padded(rows or self.job.rows).to(self.job.accelerator.device)

    def autocast(self) -> torch.autocast:
        """As the loop's step computes."""
        return torch.autocast(self.job.accelerator.device.type, torch.bfloat16, enabled=self.dtype == "bfloat16")

    @cached_property
    def whole(self) -> "Taken":
        """A step over all rows at once."""
        return taken(self, self.all_at_once)

    @property
    def all_at_once(self) -> int:
        """Padded tokens that hold all rows."""
        return len(self.job.rows) * self.longest

    @cached_property
    def halves(self) -> int:
        """The padded tokens at which the rows fall into two parts."""
        sizes = range(self.longest, len(self.job.rows) * self.longest)
        return next((most for most in sizes if len(list(micro_batches(self.job.rows, most))) == 2), self.longest)

    @torch.no_grad()
    def move(self) -> None:
        """Moves every weight that is trained, so that student and teacher differ."""
        draw = torch.Generator().manual_seed(self.settings.seed)
        for p in self.job.weights.values():
            size = p.pow(2).mean().sqrt().item() or 1.0  # half of an adapter is 0 where it begins
            p += MOVED * size * torch.randn(p.shape, generator=draw).to(p)


def rebuilt(part: Any, change: Callable[[Any], Any]) -> Any:
    """A component with a change made to each one in it, itself last."""
    if isinstance(part, tuple):
        return tuple(rebuilt(one, change) for one in part)
    if isinstance(part, Component):
        return change(part.model_copy(update={name: rebuilt(value, change) for name, value in part}))
    return part


def elsewhere(part: Component, folder: str) -> Component:
    """What keeps signals, with a folder of its own in this one."""
    keeps = isinstance(part, Endpoint) or (isinstance(part, Cached) and part.teacher)
    if not keeps:
        return part
    whose = digest(part.model_copy(update={"folder": None}).model_dump(mode="json"))
    return part.model_copy(update={"folder": Path(folder) / whose[:12]})


def found_in(part: Any, kind: type[C]) -> list[C]:
    """The components of a kind in another, itself among them."""
    found = []

    def look(one: Component) -> Component:
        if isinstance(one, kind):
            found.append(one)
        return one

    rebuilt(part, look)
    return found


def shortest(rows: Sequence[Tokens]) -> list[Tokens]:
    """Some whole rows."""
    return sorted(rows, key=lambda row: row.size)[:ROWS]


def short(rows: Sequence[Tokens]) -> list[Tokens]:
    """`ROWS` rows of every kind in turn, cut to unlike lengths: without, no row would be padded."""
    kinds: dict[str, list[Tokens]] = {}
    for row in rows:
        kinds.setdefault(row.kind, []).append(row)
    turns = (some[place % len(some)] for place in range(ROWS) for some in kinds.values())
    chosen = enumerate(islice(turns, ROWS))
    return [cut(row, LONGEST - 2 * place)._replace(id=f"{row.id}@{place}") for place, row in chosen]


def cut(row: Tokens, most: int) -> Tokens:
    """The end of the prompt and the beginning of the answer, ``most`` tokens."""
    begin = max(0, row.prompt - LONGEST // 2)
    return row._replace(
        ids=row.ids[begin : begin + most], prompt=row.prompt - begin, shown=row.shown[-LONGEST:],
        rejected=cut(row.rejected, most) if row.rejected else None,
    )  # fmt: skip


class Kept:
    """In the optimiser's place: keeps the gradients and moves nothing."""

    def __init__(self, weights: Mapping[str, Tensor]):
        self.weights = weights
        self.param_groups: list[dict[str, Any]] = []
        self.found: dict[str, Tensor] = {}

    def step(self) -> None:
        self.found = {name: p.grad for name, p in self.weights.items() if p.grad is not None}

    def zero_grad(self, set_to_none: bool = True) -> None:
        for p in self.weights.values():
            p.grad = None


class Taken(NamedTuple):
    """What a step computes."""

    loss: float
    gradients: dict[str, Tensor]


def taken(subject: Subject, most: int, accelerator: Any = None, rows: Sequence[int] = ()) -> Taken:
    """The loop's own step over some rows, or all, ``most`` padded tokens at a time; nothing is learned or remembered."""
    job, kept = subject.job, Kept(subject.job.weights)
    before = {name: value.clone() for name, value in job.state.state_dict().items()}
    settings = job.settings.model_copy(update={"micro_tokens": most, "clip": 1e30})
    torch.manual_seed(settings.seed)
    try:
        with TemporaryDirectory() as out:
            job = job._replace(settings=settings, optimizer=kept, accelerator=accelerator or job.accelerator)
            done = step(job, list(rows or range(len(job.rows))), 0.5, Path(out))
    finally:
        kept.zero_grad()
        job.state.load_state_dict(before)
    return Taken(done["loss"], kept.found)


def size(gradients: Iterable[Tensor]) -> float:
    """The norm of all together."""
    return sum(torch.linalg.vector_norm(gradient).item() ** 2 for gradient in gradients) ** 0.5


def norm(subject: Subject, value: Tensor) -> float:
    """The size of the gradient of a value."""
    kept = Kept(subject.job.weights)
    if value.requires_grad:
        value.backward()
    kept.step()
    kept.zero_grad()
    return size(kept.found.values())
