"""The mixture of what several teachers say, made a part of the positions at a time."""

from collections.abc import Sequence

import torch
from torch import Tensor

from ..batch import Batch
from ..losses import log_softmax
from ..signals import Dense
from . import OpenTeacher
from .several import Several


def asked_of(settings: Several, batch: Batch) -> Tensor:
    """(rows, teachers) what each teacher counts before any is asked; where it is 0 it is not asked."""
    count = len(settings.teachers)
    if routes := settings.routes:
        weights = torch.eye(count, dtype=torch.double)[[routes[row.lang] for row in batch.rows]]
    else:
        given = torch.tensor(settings.weights or [1.0] * count, dtype=torch.double)
        weights = (given / given.sum()).expand(len(batch.ids), count)
    return weights.to(batch.device)


@torch.no_grad()
def mixture(settings: Several, teachers: Sequence[OpenTeacher], batch: Batch) -> Dense:
    """log sum_k w_k p_k for each answer token: its states are log w and every teacher's states side by side."""
    weights = asked_of(settings, batch)
    asked = [(k, rows) for k, rows in enumerate((weights > 0).unbind(1)) if rows.any()]
    found = [teachers[k].say(batch.only(rows)).dense for k, rows in asked]
    if settings.by_answer:
        weights = (torch.stack([predicted(dense, batch) for dense in found], 1) / settings.by_answer).softmax(1)
    tokens = batch.answers.sum(1)
    log_w = weights[:, [k for k, _ in asked]].log().repeat_interleave(tokens, 0)
    sides = [log_w.to(torch.promote_types(torch.float32, found[0].states.dtype))]
    for (_, rows), dense in zip(asked, found, strict=True):
        side = torch.zeros(len(log_w), dense.states.shape[1], dtype=dense.states.dtype, device=batch.device)
        side[rows.repeat_interleave(tokens)] = dense.states.to(batch.device)
        sides.append(side)

    width = min(teacher.sizes.vocabulary for teacher in teachers)

    @torch.no_grad()
    def head(states: Tensor) -> Tensor:
        log_w, *parts = states.split([side.shape[1] for side in sides], 1)
        mixed: Tensor | None = None
        for dense, part, log_w_k in zip(found, parts, log_w.unbind(1), strict=True):
            some = log_w_k.isfinite()
            own = log_softmax(dense.head(part[some].to(dense.states))[:, :width]) + log_w_k[some, None]
            if mixed is None:
                mixed = own.new_full((len(states), own.shape[1]), -torch.inf)
            mixed[some] = torch.logaddexp(mixed[some], own)
        assert mixed is not None
        return mixed

    return Dense(torch.cat(sides, 1), head)


def predicted(dense: Dense, batch: Batch) -> Tensor:
    """(rows,) the mean log-probability of a row's answer tokens, in nats."""
    return batch.by_row(dense.log_likelihoods(batch.targets).double()) / batch.answers.sum(1)
