"""What a run's models are compared on, and models that read it."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from .. import models, progress
from ..batch import Batch, Tokens, micro_batches, padded
from ..choose import Model
from ..declaration import declaration
from ..engines import Engine
from ..evaluators import PROSE, choose, heldout_rows, note, sides
from ..plan import Plan, read_plan
from ..records import Lang, Split, Text, kept, split_of
from ..stage import Rows
from ..student import Student
from ..template import Template
from ..vocabulary import one_vocabulary, sizes_of

TOGETHER = 2048
"""Padded tokens that are read side by side."""


class Heldout(NamedTuple):
    """What a run's models are compared on."""

    plan: Plan
    template: Template
    rows: dict[Lang, list[Tokens]]
    """In each language, the same items as far as they exist."""


def answers(run: Path, items: int, split: Split = "test") -> Heldout:
    """Up to ``items`` answers a language, as the untouched model's template writes them.

    Raises:
        ValueError: the folder is no run's, or the run has no such answers.
    """
    held = _empty(run)
    for stage in ("answer", "translate"):
        if not (run / stage).is_dir():
            raise ValueError(f"{run} has no {stage} stage yet; finish it with: polydistill run {run}")
        for row in kept(Rows(run / stage)):
            chat = row.payload
            if chat.type == "chat" and chat.answer and split_of(row.lineage.question) == split:
                tokens = Tokens(*held.template.training(chat), id=row.lineage.question)
                if chat.answer.lang == chat.question.lang and tokens.learned > 0:
                    held.rows[chat.answer.lang].append(tokens)
    return _chosen(held, items, f"{run} has fewer than two {split} answers in", "ask more questions: ask.questions")


def people(run: Path, items: int, split: Split = "test") -> Heldout:
    """Up to ``items`` texts by people a language, as plain text: of the mixture's authentic texts or, where it has none, of the
    Universal Declaration of Human Rights, which has no parts.

    Raises:
        ValueError: the folder is no run's, or there is no such text in a language.
    """
    held = _empty(run)
    languages = tuple(held.rows)
    for source in held.plan.mix.texts:
        for row in heldout_rows(source, languages, split):
            for lang, text in sides(row).items() if note(row) in PROSE else ():
                if lang in held.rows and text.strip():
                    held.rows[lang].append(_text(held.template, row.id, text, lang))
    if not held.plan.mix.texts:
        for lang, rows in held.rows.items():
            rows += [_text(held.template, key, text, lang) for key, text in declaration(lang).items()]
    return _chosen(held, items, "there are fewer than two texts by people in", "give another model: oracle=MODEL")


def began_as(run: Path, plan: Plan) -> Engine:
    """What the last round's student began as: the untouched model or, after further rounds, the student of the one before.

    Raises:
        ValueError: the round before has no student yet.
    """
    if not plan.rounds:
        return plan.model
    noted = run / "stages.json"
    stages = json.loads(noted.read_text("utf-8")) if noted.is_file() else []
    chosen = [folder for name, folder, _ in stages if name == "choose"]
    if len(chosen) < 2:
        raise ValueError(f"{run} has not come to its last round yet; finish it with: polydistill run {run}")
    return Model(plan.runs / "stages" / chosen[-2]).engine(plan.model)


def _empty(run: Path) -> Heldout:
    plan = read_plan(str(run))
    folder, template_file = plan.model.trainable()
    return Heldout(plan, Template(models.load_tokenizer(folder, template_file)), {lang: [] for lang in (plan.rich, *plan.to)})


def _text(template: Template, key: str, text: str, lang: Lang) -> Tokens:
    return Tokens(*template.training(Text(text=text, lang=lang)), id=key)


def _chosen(held: Heldout, items: int, lacks: str, mend: str) -> Heldout:
    """The first of each id, up to ``items`` of them."""
    found = {lang: {row.id: row for row in reversed(rows)} for lang, rows in held.rows.items()}
    chosen = {lang: [rows[key] for key in choose(rows, list(found.values()), items)] for lang, rows in found.items()}
    if short := [lang for lang, rows in chosen.items() if len(rows) < 2]:
        raise ValueError(f"{lacks} {', '.join(short)}; {mend}")
    return held._replace(rows=chosen)


@contextmanager
def reading(held: Heldout, folder: Path, template_file: Path | None, computes_in: tuple[str, str]) -> Iterator[Student]:
    """A model in memory that reads these answers, in evaluation mode and without gradient.

    Raises:
        ValueError: its tokenizer is another vocabulary than the run's.
    """
    device, dtype = computes_in
    widths = len(held.template.tokenizer), sizes_of(folder).vocabulary
    try:
        one_vocabulary(held.template, models.load_tokenizer(folder, template_file), widths)
    except ValueError as error:
        raise ValueError(f"{folder} does not fit the run's model: {error}") from error
    with progress.line("load", unit=folder.name):
        model = models.load_model(folder, dtype, device).eval().requires_grad_(False)
    with torch.no_grad():
        yield Student(model)


def of_engine(held: Heldout, engine: Engine) -> AbstractContextManager[Student]:
    """The model of an engine, as `reading`."""
    return reading(held, *engine.trainable(), engine.computes_in)


Measure = Callable[[Tensor, Tensor], Tensor]
"""(positions,) from the logits of two models."""


def compared(one: Student, other: Student, rows: list[Tokens], *measures: Measure) -> list[list[float]]:
    """For each measure the sum over the answer tokens of each row; logits exist for a part of the positions at a time."""
    sums: dict[str, list[float]] = {}
    for some in micro_batches(rows, TOGETHER):
        batch = padded(some)
        found = [batch.by_row(values).tolist() for values in _tokens(one, other, batch, measures)]
        sums |= {row.id: list(values) for row, *values in zip(some, *found, strict=True)}
    return [[sums[row.id][at] for row in rows] for at in range(len(measures))]


def _tokens(one: Student, other: Student, batch: Batch, measures: tuple[Measure, ...]) -> list[Tensor]:
    """(answer tokens,) of each measure; of logits that are padded to different widths those that both have."""
    most, width = one.positions_at_a_time, min(one.sizes.vocabulary, other.sizes.vocabulary)
    states = zip(*(model.states(batch.to(model.device)).split(most) for model in (one, other)), strict=True)
    parts = []
    for ours, theirs in states:
        logits = [one.head(ours)[:, :width], other.head(theirs)[:, :width].to(ours.device)]
        parts.append([measure(*logits).cpu() for measure in measures])
    return [torch.cat(values) for values in zip(*parts, strict=True)]


def surprise(model: Student, rows: list[Tokens]) -> list[float]:
    """- log p of each row's answer, in nats."""
    found: dict[str, float] = {}
    for some in micro_batches(rows, TOGETHER):
        batch = padded(some)
        nats = batch.by_row(-model.log_likelihoods(batch.to(model.device)).cpu()).tolist()
        found |= dict(zip((row.id for row in some), nats, strict=True))
    return [found[row.id] for row in rows]
