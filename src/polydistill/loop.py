"""The training loop: plain torch, one process or many, resumed bit for bit."""

import copy
import json
import math
import os
import random
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import torch
from accelerate import Accelerator
from torch import Tensor

from . import checkpoints, progress
from .batch import Tokens, micro_batches, padded
from .beginning import beginning
from .component import ALLOWED
from .drawing import Drawing, measured
from .endings import Stopped
from .events import Events
from .objectives import Taught
from .records import Lang, Row, batches, seed_of
from .stage import BESIDE, Rows, joined, only_runner
from .state import State
from .storage.files import write_json
from .student import Student
from .template import Template
from .training import TrainSettings


def fit(
    settings: TrainSettings, folder: Path, template_file: Path | None, mixture: Rows, out: Path,
    stopping: Callable[[], bool] = lambda: False,
) -> None:  # fmt: skip
    """Trains and leaves the model in ``out/model``, earlier candidates beside it.

    Leaves a checkpoint and raises `Stopped` when asked to stop.
    """
    accelerator = Accelerator(cpu=settings.computes_in[0] == "cpu")
    torch.manual_seed(settings.seed)
    student, tokenizer = beginning(settings, folder, template_file, str(accelerator.device))
    rows = [tokens(student.template, row, settings.rich) for row in mixture]
    job = begun(settings, accelerator, student.train(), rows)
    model = student.model
    steps = plan_steps(settings, rows)
    if settings.candidates > len(steps):
        progress.say(f"train: {len(steps)} steps give {len(steps)} candidates, not {settings.candidates}")

    def export(trained: Any, name: str) -> None:
        plain = trained.merge_and_unload() if settings.method == "lora" else trained
        checkpoints.export(plain, tokenizer, folder, out / name)

    first = checkpoints.resume(out, job.weights, job.optimizer, job.memory, removes=accelerator.is_main_process)
    saved = time.monotonic()
    with Events(out, first, accelerator.is_main_process) as events, progress.line("train", len(steps), "steps") as shown:
        shown.skip(first)
        for number in range(first, len(steps)):
            done = step(job, job.chosen(number, steps), (number + 1) / len(steps), out)
            events.write(number, done)
            shown.advance(note=f"loss {done['loss']:.3f}  {events.speed:.0f} tokens/s")
            # Before a checkpoint of the same step: what comes after one is done again, what came before it is not.
            if accelerator.is_main_process and number + 1 in settings.earlier_candidates(len(steps)):
                export(copy.deepcopy(model), f"model-{number + 1:07d}")
            if number + 1 < len(steps):
                stop = agreed(accelerator, stopping())
                if accelerator.is_main_process and (stop or time.monotonic() - saved >= 60 * settings.checkpoint_minutes):
                    checkpoints.save(out, number + 1, job.weights, job.optimizer, job.memory)
                    saved = time.monotonic()
                if stop:
                    accelerator.wait_for_everyone()
                    raise Stopped
    if accelerator.is_main_process:
        export(model, "model")
    accelerator.wait_for_everyone()
    accelerator.end_training()


K = TypeVar("K")


class Job(NamedTuple):
    """A training that has begun."""

    settings: TrainSettings
    accelerator: Accelerator
    student: Student
    rows: list[Tokens]
    taught: Taught
    state: State
    """What the objective and its teachers learn or remember."""
    weights: dict[str, Tensor]
    """All that is trained, by name."""
    optimizer: torch.optim.Optimizer
    drawing: Drawing | None = None
    """What draws the rows, where they are not seen in their order."""

    def chosen(self, number: int, steps: list[list[int]]) -> list[int]:
        """The numbers of the rows of a step."""
        if self.drawing is None:
            return steps[number]
        teacher, ranks = self.taught[self.drawing.settings.teacher], self.accelerator

        def measure(rows: Sequence[Tokens]) -> dict[str, tuple[float, float]]:
            lot = self.settings.micro_tokens, ranks.process_index, ranks.num_processes
            sums = summed(ranks, measured(self.student, teacher, rows, *lot))
            return {lang: (sums[lang, 0], sums[lang, 1]) for lang, _ in sums}

        return self.drawing.chosen(number, len(steps), measure)

    @property
    def memory(self) -> dict[str, Tensor]:
        """All that is remembered and not trained, by name."""
        fixed = ((name, p) for name, p in self.state.named_parameters() if not p.requires_grad)
        return {**dict(fixed), **dict(self.state.named_buffers())}


def begun(settings: TrainSettings, accelerator: Accelerator, student: Student, rows: list[Tokens]) -> Job:
    """Opens the teachers and begins whatever is learned beside the student."""
    objective = settings.objective
    taught = {teacher: teacher.open(student, wants) for teacher, wants in settings.asks().items()}
    for teacher in taught.values():
        teacher.prepare(padded(micro).to(accelerator.device) for micro in micro_batches(rows, settings.micro_tokens))
    drawing = Drawing(settings.draws, rows, settings.batch_rows, settings.seed) if settings.draws else None
    followed = [part for teacher in taught.values() for part in teacher.state()]
    state = State.of([objective.start(student, taught), *followed, *([drawing] if drawing else [])])
    state.to(accelerator.device, next(student.parameters()).dtype)
    state.begin(rows)
    weights = {name: p for name, p in student.named_parameters() if p.requires_grad}
    weights |= {f"state.{name}": p for name, p in state.named_parameters() if p.requires_grad}
    optimizer = torch.optim.AdamW(
        weights.values(), lr=settings.learning_rate, betas=settings.betas, weight_decay=settings.weight_decay,
        fused=accelerator.device.type != "mps",
    )  # fmt: skip
    return Job(settings, accelerator, student, rows, taught, state, weights, optimizer, drawing)


def tokens(template: Template, row: Row, rich: Lang) -> Tokens:
    """A row of the mixture as it is trained on."""
    payload, *others = row.payload.answered if row.payload.type == "preference" else (row.payload,)
    learned = payload.lang if payload.type == "text" else payload.answer.lang
    kind = f"{row.lineage.builder} {learned}".lstrip()
    found, *rejected = (
        Tokens(*template.training(one), learned == rich, kind, row.id, payload=one) for one in (payload, *others)
    )
    shown = template.prompt(payload.with_more_shown) if payload.type == "chat" and payload.shown else ()
    return found._replace(shown=shown, rejected=rejected[0]._replace(shown=shown) if rejected else None)


def agreed(accelerator: Accelerator, stop: bool) -> bool:
    """Whether any rank wants to stop; all ranks hear the same."""
    return float(accelerator.reduce(torch.tensor(float(stop), device=accelerator.device), "sum")) > 0


def plan_steps(settings: TrainSettings, rows: list[Tokens]) -> list[list[int]]:
    """The rows of each optimiser step: the mixture's order in the first epoch, drawn by the seed in later ones."""
    steps = []
    for epoch in range(settings.epochs):
        order = list(range(len(rows)))
        if epoch:
            random.Random(seed_of(settings.seed, epoch)).shuffle(order)
        steps += list(batches(order, settings.batch_rows))
    return steps


def step(job: Job, chosen: list[int], done: float, out: Path) -> dict[str, Any]:
    """One optimiser step; each rank computes every n-th micro-batch, and gradients are summed over ranks."""
    settings, accelerator, weights, objective = job.settings, job.accelerator, job.weights, job.settings.objective
    some = [job.rows[i] for i in chosen]
    kinds = sorted({row.kind for row in some})
    sums = {(kind, name): 0.0 for kind in kinds for name in (*objective.parts, "tokens", "answer_tokens")}
    autocast = partial(torch.autocast, accelerator.device.type, torch.bfloat16, enabled=settings.computes_in[1] == "bfloat16")
    every, rank = accelerator.num_processes, accelerator.process_index
    micros = list(micro_batches(some, settings.micro_tokens))[rank::every]
    state, own = job.state.parts[0], [row for micro in micros for row in micro]
    with autocast():
        rows = objective.rewritten(job.student, job.taught, own, done, state)
    if rows is not own:
        micros = list(micro_batches(rows, settings.micro_tokens))
    counts = summed(accelerator, {part: sum(objective.counts(row)[part] for row in rows) for part in objective.parts})
    seen: list[dict[str, Any]] = []
    for micro in micros:
        batch = padded(micro).to(accelerator.device)
        with autocast():
            found = objective(job.student, job.taught, batch, done, state)
        accelerator.backward(sum(part.sum() / (counts[name] or 1) for name, part in found.items()))
        values = {name: part.tolist() for name, part in found.items()}
        for place, row in enumerate(micro):
            read = row.written or row
            sums[row.kind, "tokens"] += len(read.ids)
            sums[row.kind, "answer_tokens"] += read.learned
            for name in found:
                sums[row.kind, name] += values[name][place]
            seen.append({"row": row.id, "kind": row.kind} | {name: values[name][place] for name in found})
    if accelerator.num_processes > 1:
        add_up(accelerator, list(weights.values()))
    sums = summed(accelerator, sums)
    tokens, answer_tokens = (int(sum(sums[kind, name] for kind in kinds)) for name in ("tokens", "answer_tokens"))
    parts = {part: sum(sums[kind, part] for kind in kinds) / (counts[part] or 1) for part in objective.parts}
    loss = sum(parts.values())
    norm = torch.nn.utils.clip_grad_norm_(list(weights.values()), settings.clip)
    if not (math.isfinite(loss) and math.isfinite(norm)):
        raise FloatingPointError(not_finite(job, out, loss, float(norm), seen))
    rate = settings.learning_rate * settings.schedule(done)
    for group in job.optimizer.param_groups:
        group["lr"] = rate
    job.optimizer.step()
    job.optimizer.zero_grad(set_to_none=True)
    job.state.follow(job.student, parts, done)
    by_kind = {
        kind: {"answer_tokens": int(sums[kind, "answer_tokens"])}
        | {part: sums[kind, part] * answer_tokens / (counts[part] or 1) for part in objective.parts}
        for kind in kinds
    }
    return {
        "loss": loss,
        **parts,
        "learning_rate": rate,
        "gradient_norm": float(norm),
        "tokens": tokens,
        "answer_tokens": answer_tokens,
        "rows": by_kind,
    }


def add_up(accelerator: Accelerator, weights: list[Tensor]) -> None:
    """Sums gradients over the ranks; a weight that has none on any of them stays without, as on one rank."""
    has = torch.tensor([float(p.grad is not None) for p in weights], device=accelerator.device)
    for p, ranks in zip(weights, accelerator.reduce(has, "sum").tolist(), strict=True):
        if ranks:
            p.grad = accelerator.reduce(p.grad if p.grad is not None else torch.zeros_like(p), "sum")


def summed(accelerator: Accelerator, values: dict[K, float]) -> dict[K, float]:
    """Each value's sum over the ranks."""
    if accelerator.num_processes == 1:
        return values
    of_all = torch.tensor(list(values.values()), dtype=torch.double, device=accelerator.device)
    return dict(zip(values, accelerator.reduce(of_all, "sum").tolist(), strict=True))


def not_finite(job: Job, out: Path, loss: float, norm: float, seen: list[dict[str, Any]]) -> str:
    """Writes down the rows of a step whose loss or gradient is not finite, with their parts; what to say of it."""
    path = out / BESIDE / f"not_finite-{job.accelerator.process_index}.json"
    spelled = [{key: value if isinstance(value, str) else str(value) for key, value in row.items()} for row in seen]
    write_json(path, {"loss": str(loss), "gradient_norm": str(norm), "rows": spelled})
    bad = [str(row["row"]) for row in seen if not all(math.isfinite(v) for v in row.values() if isinstance(v, float))]
    which = (
        f" at the rows {', '.join(bad[:5])}" if bad else f", while every row's loss is finite; its gradient's norm is {norm}"
    )
    return (
        f"the loss is {loss}{which}. All rows of the step with their parts: {path}. Nothing of this step was learned; the last "
        "checkpoint is kept. Try a lower train.learning_rate, or train.compute=float32"
    )


def main() -> None:
    """One rank of several: reads the job that `train` wrote, and ends in peace when `train` asks it to stop or is gone."""
    job = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    ALLOWED.set(frozenset(job["allow"]))
    settings = TrainSettings.model_validate(job["settings"])
    template, out = Path(job["template"]) if job["template"] else None, Path(job["out"])

    def stopping() -> bool:
        return Path(job["stop"]).exists() or abandoned(out)

    try:
        # A rank that ended in an error would have the launcher kill the others.
        with suppress(Stopped), joined(out.parents[1], stopping):
            fit(settings, Path(job["folder"]), template, Rows(Path(job["mixture"])), out, stopping)
    except (OSError, ValueError, RuntimeError, LookupError, FloatingPointError) as error:
        sys.stderr.write(f"train: rank {os.environ.get('RANK', '0')}: {progress.spoken(str(error))}\n")
        raise SystemExit(1) from None


def abandoned(out: Path) -> bool:
    """Whether the run that started this rank is gone: the system has taken back its lock on the folder."""
    try:
        with only_runner(out):
            return True
    except RuntimeError:
        return False


if __name__ == "__main__":
    main()
