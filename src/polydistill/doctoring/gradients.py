"""Checks of what training computes: the loss and its gradient."""

import math
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor

from ..component import Component
from ..doctor import Found
from ..engines import Engine
from ..losses import LogitsLoss, log_softmax
from ..objectives import Objective
from ..scoring import Scored, laid_out
from ..signals import TeacherSignal
from ..stage import Rows, Workspace, finish, working, write_shard
from ..student import TOKENS
from ..teachers.cached import Cached
from ..teachers.endpoint import Endpoint
from ..teachers.other_model import OtherModel
from ..teachers.untouched import Untouched
from ..train import train
from . import MOVED, ROWS, Subject, Taken, elsewhere, found_in, norm, rebuilt, shortest, size, taken

WEAK = 1 / 100
"""A part whose gradient is smaller than this part of the largest one's does next to nothing."""
KEPT = 1e-2
"""Nats that a log-probability kept in float16 may be rounded by: half its smallest step between 8 and 16."""
RANKS = "Several ranks do not learn what one learns: the objective divides by what its own rank counts."


def judged(subject: Subject, one: Taken, other: Taken, advice: str) -> Found:
    """Whether two steps have the same loss and gradient, but for parts of the first one's."""
    nothing = torch.zeros(())
    names = {*one.gradients, *other.gradients}
    between = size(one.gradients.get(name, nothing) - other.gradients.get(name, nothing) for name in names)
    loss, gradient = abs(one.loss - other.loss) / (abs(one.loss) or 1.0), between / (size(one.gradients.values()) or 1.0)
    number = f"loss {loss:.0e}, gradient {gradient:.0e} apart"
    if loss <= subject.allowed and gradient <= subject.allowed:
        return Found("ok", number)
    return Found("BROKEN", number, f"Allowed is {subject.allowed:.0e}. {advice}")


# The checks


def floor(subject: Subject) -> Found:
    """Teachers that are the student itself leave nothing to learn: their own code, with the student's model in it.

    A loss whose floor is the teacher's entropy has no gradient there, beside that of the rows' own tokens.
    """
    job, batch = subject.job, subject.batch([row._replace(shown=()) for row in subject.job.rows])
    found = {}
    for objective in word_level(subject.settings.objective):
        # After surgeries the untouched model is another one; here it is the student as it is.
        whole, job.student.whole = job.student.whole, None
        taught = {
            teacher: rebuilt(teacher, lambda one: itself(one, subject)).open(job.student, wants)
            for teacher, wants in objective.asks().items()
        }
        job.student.whole = whole
        for teacher in taught.values():
            teacher.prepare([batch])
        state = objective.start(job.student, taught).to(batch.device, next(job.student.parameters()).dtype)
        sloped = objective.loss.floor != "zero"
        with subject.autocast(), torch.set_grad_enabled(sloped):
            value = objective(job.student, taught, batch, 0.5, state)[objective.name()].sum() / len(batch.targets)
            if sloped:
                own = -job.student.log_likelihoods(batch).mean()
                found[f"gradient of {objective.name()}"] = norm(subject, value) / norm(subject, own)
            else:
                found[objective.name()] = value.item()
    if not found:
        return Found("not applicable", "no teacher says what comes next")
    name, worst = max(found.items(), key=lambda one: math.inf if math.isnan(one[1]) else abs(one[1]))
    number = f"{name} {worst:.0e}" + (" of the rows' own" if name.startswith("gradient") else " nats a token")
    rounded = found_in(subject.settings.objective, Cached) or found_in(subject.settings.objective, Endpoint)
    allowed = max(subject.allowed, KEPT if rounded else 0)
    if abs(worst) <= allowed:
        return Found("ok", number)
    return Found(
        "BROKEN", number,
        f"A teacher with the student's own weights may leave {allowed:.0e} in {subject.dtype}: look at the positions that the "
        "teacher answers for, at its tokens, and at the loss.",
    )  # fmt: skip


def word_level(part: Any) -> Iterator[Objective]:
    """An objective, and those in it, that compare distributions over the next token with a teacher's."""
    if isinstance(part, tuple):
        for one in part:
            yield from word_level(one)
    elif isinstance(part, Objective):
        values = [value for _, value in part]
        if part.name() in part.parts and part.asks() and any(isinstance(value, LogitsLoss) for value in values):
            yield part
        for value in values:
            yield from word_level(value)


def itself(part: Component, subject: Subject) -> Component:
    """The student's model in the place of another, as precise as it is trained.

    It stands for a server too. Tokens that are drawn are right on average alone, and are not drawn here.
    """
    if isinstance(part, OtherModel) and subject.settings.surgeries:  # the student is no model that lies in a folder
        return Untouched()
    if isinstance(part, Engine):
        return subject.settings.model.model_copy(update={"dtype": "float64" if subject.dtype == "float64" else "float32"})
    if isinstance(part, Endpoint):
        part = Cached(k=part.k)
    if isinstance(part, Cached) and part.teacher:
        return part.teacher if part.keeps == "sampled" else elsewhere(part, f"{subject.folder}/itself")
    return part


def cached(subject: Subject) -> Found:
    """What is kept of a teacher, of whole rows, against what it says now; what the run has kept itself, where it has."""
    batch, teachers = subject.batch(shortest(subject.tokens)[: ROWS // 2]), found_in(subject.plan.objective, Cached)
    if not teachers:
        return Found("not applicable", "no teacher is cached")
    found = []
    for teacher in teachers:
        opened = teacher.open(subject.job.student, TOKENS)
        if teacher.teacher is None:
            opened.prepare([batch])
            return Found("ok", f"{len(batch.ids)} of {len(batch.ids)} rows are there; no live teacher")
        try:
            said = opened.say(batch)
        except (ValueError, AssertionError):  # nothing is kept of these rows yet
            opened = elsewhere(teacher, subject.folder).open(subject.job.student, TOKENS)
            opened.prepare([batch])
            said = opened.say(batch)
        found.append(unlike(said, teacher.teacher.open(subject.job.student, TOKENS).say(batch), teacher))
    number, near = min(found, key=lambda one: one[1])
    if near:
        return Found("ok", number)
    return Found(
        "BROKEN", number,
        f"What is kept may differ by {KEPT:.0e} nats, its rounding, and draws by five standard errors: it is of other rows, of "
        "another teacher, or damaged. Move the folder away, and it is captured anew.",
    )  # fmt: skip


def unlike(kept: TeacherSignal, live: TeacherSignal, teacher: Cached) -> tuple[str, bool]:
    """How far what is kept is from what a live teacher says of the likeliest tokens, in words, and whether that is near.

    Draws are judged by the mean log-probability of what was drawn, which is minus the entropy.
    """
    if live.dense is None:
        worst = (kept.top_k.log_p - live.top_k.log_p[:, : kept.top_k.log_p.shape[1]]).abs().max().item()
        return f"{worst:.0e} nats apart", worst <= KEPT
    log_p = log_softmax(live.logits).double()
    if kept.sampled:
        mean, found = (log_p.exp() * log_p).sum(1), kept.sampled.weights * log_p.gather(1, kept.sampled.ids.long())
        drawn_from = (log_p / teacher.temperature).log_softmax(1)
        variance = ((2 * log_p - drawn_from).exp() * log_p.pow(2)).sum(1) - mean.pow(2)
        errors = ((found.sum() - mean.sum()).abs() / (variance.sum() / teacher.n).sqrt()).item()
        return f"draws {errors:.1f} standard errors off", errors <= 5
    ids = log_p.topk(min(8, log_p.shape[1])).indices if kept.dense else kept.top_k.ids[:, :8].long()
    said = log_softmax(kept.logits).gather(1, ids) if kept.dense else kept.top_k.log_p[:, :8]
    worst = (said - log_p.gather(1, ids)).abs().max().item()
    return f"{worst:.0e} nats apart", worst <= KEPT


def ratio(subject: Subject) -> Found:
    """The norm of each part's gradient; a part that is much smaller than another does nothing beside it."""
    job, objective, state = subject.job, subject.settings.objective, subject.job.state.parts[0]
    with subject.autocast():
        rows = objective.rewritten(job.student, job.taught, job.rows, 0.5, state)
    batch, norms = subject.batch(rows), {}
    for name in objective.parts:
        with subject.autocast():
            part = objective(job.student, job.taught, batch, 0.5, state)[name].sum()
        part = part / (sum(objective.counts(row)[name] for row in rows) or 1)
        if part.item() < -subject.allowed:
            return Found("BROKEN", f"{name} is {part.item():.0e}", "No part of a loss is negative: look at its precision.")
        norms[name] = norm(subject, part)
        if not math.isfinite(norms[name]):
            return Found("BROKEN", f"{name} has a gradient of {norms[name]}", "No weight can be moved by it.")
    largest, smallest = (pick(norms, key=norms.__getitem__) for pick in (max, min))
    if not norms[largest]:
        return Found("BROKEN", f"{largest} has a gradient of 0", "Nothing can be learned from these rows.")
    if len(norms) == 1:
        return Found("ok", f"{largest} alone: gradient {norms[largest]:.2g}")
    share = norms[smallest] / norms[largest]
    number = f"gradient of {smallest} {share:.2g} of that of {largest}"
    if share >= WEAK:
        return Found("ok", number)
    return Found(
        "warning", number,
        f"Beside {largest} the part {smallest} changes next to nothing (every weight was moved by {MOVED:.0%} for this): raise "
        "its weight, or leave it out.",
    )  # fmt: skip


def alone(subject: Subject) -> Found:
    """A few rows, the longest and the shortest among them, side by side, against each by itself."""
    order = sorted(range(len(subject.job.rows)), key=lambda place: subject.job.rows[place].size)
    some = sorted({order[0], order[len(order) // 2], order[-1]})
    return judged(
        subject, taken(subject, subject.all_at_once, rows=some), taken(subject, 1, rows=some),
        "A row counts otherwise beside a longer one: the objective or a teacher looks at padding, or its mean is over it.",
    )  # fmt: skip


def packed(subject: Subject) -> Found:
    """Answers side by side after one prompt, as scores pack them, against each in a row of its own."""
    job, texts = subject.job, [(place, row.ids[row.prompt :]) for place, row in enumerate(subject.job.rows)]
    prompt = max((row.ids[: row.prompt] for row in job.rows), key=len)
    scores = []
    for rows in ([Scored(prompt, texts)], [Scored(prompt, [text]) for text in texts]):
        batch, owners = laid_out(rows)
        try:
            with torch.no_grad(), subject.autocast():
                found = job.student.log_likelihoods(batch.to(job.accelerator.device)).double().cpu()
        except (RuntimeError, ValueError, IndexError):
            return Found("not applicable", "the model takes no such mask; scores pad")
        scores.append(torch.zeros(len(texts)).double().index_add(0, torch.tensor(owners), found))
    difference = ((scores[0] - scores[1]).abs().max() / scores[1].abs().max()).item()
    number = f"log-likelihoods {difference:.0e} apart"
    if difference <= subject.allowed:
        return Found("ok", number)
    return Found("BROKEN", number, "A text that stands beside others after one prompt sees its neighbours.")


def split(subject: Subject) -> Found:
    """A step at once, against the same rows in two parts."""
    return judged(
        subject, subject.whole, taken(subject, subject.halves),
        "A step depends on how its rows are split: the objective takes a mean of its own over a batch. It must give sums; the "
        "loop divides them by what the whole step counts.",
    )  # fmt: skip


class Counted(Exception):
    """What one rank counts, which the other needs to know before it goes on."""


class Half:
    """One of two ranks, in this process: what it sums over the ranks is put together afterwards, but for the counts."""

    num_processes = 2

    def __init__(self, process_index: int, device: torch.device, counts: Tensor | None = None):
        self.process_index, self.device, self.counts = process_index, device, counts
        self.first = True

    def reduce(self, own: Tensor, how: str) -> Tensor:
        """A step sums first what all ranks count, then gradients and losses."""
        if self.first and self.counts is None:
            raise Counted(own)
        found, self.first = (self.counts if self.first else own), False
        return found

    def backward(self, loss: Tensor) -> None:
        loss.backward()


def ranks(subject: Subject) -> Found:
    """Two ranks' gradients together, against one's; then of real ranks where the plan trains on several."""
    device, counts = subject.job.accelerator.device, []
    for number in range(2):
        try:
            taken(subject, subject.halves, Half(number, device))
        except Counted as counted:
            counts.append(counted.args[0])
    first, second = (taken(subject, subject.halves, Half(number, device, sum(counts))) for number in range(2))
    names = {*first.gradients, *second.gradients}
    both = {name: first.gradients.get(name, 0) + second.gradients.get(name, 0) for name in names}
    found = judged(subject, subject.whole, Taken(first.loss + second.loss, both), RANKS)
    return launched(subject) if subject.settings.processes > 1 and found.state == "ok" else found


def launched(subject: Subject) -> Found:
    """The first step as the stage makes it, by one rank and by as many as the plan has."""
    settings, rows, steps = subject.plan, subject.rows[:ROWS], []
    once = {"epochs": 1, "batch_rows": len(rows), "candidates": 1, "micro_tokens": 1}
    with TemporaryDirectory() as folder:
        mixture = Path(folder) / "mix-doctor"
        mixture.mkdir()
        write_shard(mixture, 0, rows)
        finish(mixture, {})
        for processes in (1, settings.processes):
            with working(Workspace(Path(folder) / str(processes))):
                steps += train(settings.model_copy(update={**once, "processes": processes}), Rows(mixture)).events()
    one, many = ((event["loss"], event["gradient_norm"]) for event in steps)
    loss, gradient = (abs(a - b) / (abs(a) or 1.0) for a, b in zip(one, many, strict=True))
    number = f"{settings.processes} ranks: loss {loss:.0e}, gradient {gradient:.0e} apart"
    if loss <= subject.allowed and gradient <= subject.allowed:
        return Found("ok", number)
    return Found("BROKEN", number, f"Allowed is {subject.allowed:.0e}. {RANKS}")
