"""Proves on a plan's own model and rows that training computes what it should, or names what is broken."""

import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from typing import Literal, NamedTuple

from . import progress
from .endings import Stopped, WouldRun
from .engines import OpenEngine, Sampling
from .estimate import questions
from .mix import template_of
from .plan import Plan
from .records import Lineage, Row
from .rounds import rows_of
from .stage import BESIDE, Workspace, pause, read_shard, working
from .stand_ins import built, texts_of

State = Literal["ok", "BROKEN", "warning", "not applicable"]
LOOKED_AT = 200
"""Rows that are looked at."""
CHATS = 16
"""Questions that are answered."""
ANSWER_TOKENS = 8
"""Tokens of such an answer."""


class Found(NamedTuple):
    """What a check found."""

    state: State
    number: str
    """What was measured, in a few words."""
    advice: str = ""
    """What it means and where to look, where something is to be said."""


class Sample(NamedTuple):
    """The plan's own rows."""

    rows: list[Row]
    """Training rows."""
    pool: list[Row]
    """What training rows are made from, each with the reason why it is out where it is."""
    where: str
    """Where they come from."""


def told(plan: Plan, tell: Callable[[str], None]) -> bool:
    """Tells one line a check as soon as it is known; whether nothing is broken."""

    def above(line: str) -> None:
        if sys.stderr.isatty():  # in the place of the line of progress
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
        tell(line)

    sound = True
    with progress.line("doctor", unit="a few rows") as shown:
        for name, found in examined(plan, above, shown):
            sound &= found.state != "BROKEN"
            for line in lines(name, found):
                above(line)
    return sound


def lines(name: str, found: Found) -> Iterator[str]:
    """A check as it is shown, at most 80 columns wide."""
    number, *more = textwrap.wrap(found.number, 41) or [""]
    yield f"{found.state:<15} {name:<22} {number}".rstrip()
    yield from (f"{'':<39}{line}" for line in more)
    yield from (f"  {line}" for line in textwrap.wrap(found.advice, 78))


def examined(plan: Plan, tell: Callable[[str], None], shown: progress.Line) -> Iterator[tuple[str, Found]]:
    """Every check with what it found, the slowest last."""
    from .doctoring import Subject, gradients, texts

    def checked(name: str, check: Callable[[], Found]) -> tuple[str, Found]:
        pause()
        shown.note = name
        try:
            return name, check()
        except Stopped:
            raise
        except Exception as error:  # whatever a component of the user's own raises: it is named, and the others go on
            return name, Found("BROKEN", type(error).__name__, str(error))

    def of_rows(plan: Plan, sample: Sample) -> Iterator[tuple[str, Found]]:
        yield checked("template round trip", lambda: texts.round_trip(template, sample.rows))
        yield checked("tokenizer probe", lambda: texts.tokenizers(plan.train, template, sample.rows))
        yield checked("answers learned", lambda: texts.learned(template, sample.pool or sample.rows, plan.mix.max_tokens))

    def of_training(plan: Plan, sample: Sample) -> Iterator[tuple[str, Found]]:
        begun: list[Subject] = []

        def begins() -> Found:
            begun.append(Subject(plan.train, sample.rows))
            return Found("ok", "")

        name, found = checked("training begins", begins)
        if not begun:
            yield name, found
            return
        (subject,) = begun
        tell(subject.about)
        yield checked("teacher = student", lambda: gradients.floor(subject))
        yield checked("teacher in step", lambda: texts.in_step(subject))
        yield checked("cached = live", lambda: gradients.cached(subject))
        subject.move()
        yield checked("packed = padded", lambda: gradients.packed(subject))
        yield checked("each part counts", lambda: gradients.ratio(subject))
        yield checked("padded = alone", lambda: gradients.alone(subject))
        yield checked("1 x 8 = 2 x 4", lambda: gradients.split(subject))
        yield checked("two ranks = one", lambda: gradients.ranks(subject))

    template, model = template_of(plan.train.model), plan.train.model
    if "batch_size" in type(model).model_fields:  # to find the fastest takes seconds
        model = model.model_copy(update={"batch_size": CHATS})
    with model.open() as engine:
        sample, *later = [sampled(one, engine) for one in plan.by_round]
        tell(f"{len(sample.rows)} rows {sample.where}")
        yield from of_rows(plan, sample)
        yield checked("end token", lambda: texts.end_token(template, engine, sample.rows))
        yield checked("equal answers", lambda: texts.equal_answers(engine, sample.rows))
    yield from of_training(plan, sample)
    for number, (further, rows) in enumerate(zip(plan.by_round[1:], later, strict=True), 2):
        tell(f"round {number}, from the plan's own model")
        tell(f"{len(rows.rows)} rows {rows.where}")
        yield from of_rows(further, rows)
        yield from of_training(further, rows)


def sampled(plan: Plan, engine: OpenEngine) -> Sample:
    """Rows of the finished mixture where there is one, else some made now from the plan's questions and texts."""
    with suppress(WouldRun), working(Workspace(plan.runs, only_look=True)):
        mixture = rows_of(plan)[-1]
        pool = mixture.folder / BESIDE / "pool.jsonl"
        found = list(islice(read_shard(pool), LOOKED_AT)) if pool.is_file() else []
        return Sample(list(islice(mixture, LOOKED_AT)), found, f"of the mixture {mixture.folder.name}")
    return made(plan, engine)


def made(plan: Plan, engine: OpenEngine) -> Sample:
    """Training rows from a few of the plan's questions, answered now in a few tokens, and from its texts by people."""
    asked = questions(plan, engine)
    answers = engine.answer(asked, Sampling(max_tokens=2 * ANSWER_TOKENS))
    pool = [
        Row(id=f"{number}", lineage=Lineage(question=f"{number}"), payload=chat.answered(answer.text or "?", plan.rich))
        for number, (chat, answer) in enumerate(zip(asked, answers, strict=True))
    ]
    pool += texts_of(plan, CHATS)
    rows = list(built(plan, pool))
    return Sample(rows or [row for row in pool if row.payload.type == "chat"], pool, "made now of the plan's questions")
