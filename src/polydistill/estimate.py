"""What a plan would do, and what it would cost, before anything is paid for."""

import resource
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from . import guard, models, progress
from .ask import ask
from .endings import Stopped, WouldRun
from .engines import Answer, OpenEngine, Sampling
from .evaluators import Evaluator
from .outlook import STAGES, Step, of_round, outlook
from .plan import Plan
from .records import Chat, Lineage, Row, Turn, kept
from .sources import Languages
from .stage import Workspace, pause, working
from .stand_ins import training_rows
from .statistics import sizes

KEPT_QUESTIONS = 0.7
"""The part of a model's own questions that is kept, about (45 of 64 on SmolLM2-135M-Instruct)."""


def told(plan: Plan, probing: bool) -> Iterator[str]:
    """What is kept, what would run and why; after a probe, what that takes; and what the evaluators can show."""
    steps = outlook(plan)
    yield from (f"{step.stage:<12}{'runs' if step.runs else 'kept':<6}{step.why}" for step in steps)
    if probing and any(step.runs for step in steps):
        yield ""
        yield from _probed(plan, steps)
    yield ""
    yield from sizes.lines(plan)
    yield from (f"warning: {said}" for said in sizes.too_few(plan))


def _probed(plan: Plan, steps: Sequence[Step]) -> Iterator[str]:
    written, free = disk(plan)
    room = f"disk up to {written:.1f} GB, {free:.0f} GB free"
    try:
        speed, total = probe(plan), 0.0
    except Stopped:
        raise
    except Exception as error:  # whatever a component of the user's own raises: what is known without a probe is told
        yield f"how long it takes is not known: {str(error) or type(error).__name__}"
        yield room
        return
    for cost in costs(plan, speed):
        runs = next((step.runs for step in steps if step.stage == cost.stage), True)
        total += cost.seconds if runs else 0.0
        kept = "" if runs else "  (kept)"
        yield f"{cost.stage:<12}{cost.tokens:>9,} tokens  {progress.clock(cost.seconds):>8}{kept}"
    yield from speed.untried
    without = ", without what is not known" if speed.untried else ""
    yield f"{'together':<12}{'':>16}  {progress.clock(total):>8}, give or take a third{without}"
    yield f"memory      {speed.memory:.1f} GB at least; {room}"


class Counting(OpenEngine):
    """Counts what would be scored and generated; answers nothing."""

    template = ""

    def __init__(self, template: Any):
        self._template = template
        self.scored = self.generated = 0

    def answer(self, chats: Sequence[Chat], sampling: Sampling, seeds: Sequence[int] | None = None) -> list[Answer]:
        self.generated += len(chats) * sampling.max_tokens
        return [Answer("", True)] * len(chats)

    def score(self, chats: Sequence[Chat | None], texts: Sequence[str]) -> list[float]:
        prompts = {id(chat): 0 if chat is None else len(self._template.prompt(chat)) for chat in chats}
        self.scored += sum(prompts.values()) + sum(self.count(texts))
        return [-1.0] * len(texts)

    def room(self, chats: Sequence[Chat]) -> list[int]:
        return [1 << 20] * len(chats)

    def count(self, texts: Sequence[str]) -> list[int]:
        return [len(self._template.answer(text)) for text in texts]


class Speed(NamedTuple):
    """What a short probe found, in tokens a second."""

    generated: float
    scored: float
    trained: tuple[float, ...]
    """In each round; 0 where that could not be tried."""
    translated: float
    """Tokens of what is translated into one language; 0 for a translator that does not translate."""
    question: float
    """Tokens of a question."""
    memory: float
    """Peak memory of the probe in GB."""
    untried: tuple[str, ...] = ()
    """Each training that could not be tried, with the reason."""


PROBED = 8
"""Questions that a probe takes."""


def probe(plan: Plan) -> Speed:
    """Answers, scores, translates and trains a few of the plan's own questions for some seconds each."""
    with progress.line("probe", unit="answering, scoring, translating, training a few rows"):
        with plan.model.open() as engine:
            asked = questions(plan, engine)
            many = [asked[place % len(asked)] for place in range(32)]
            engine.answer(many, Sampling(max_tokens=2))
            started = time.monotonic()
            engine.answer(many, Sampling(max_tokens=10))
            generated = 10 * len(many) / (time.monotonic() - started)
            texts = [f"{number} {chat.question.text[:400]}" for number, chat in enumerate(many[:PROBED])]
            counts = engine.count(texts)
            started = time.monotonic()
            engine.score(many[:PROBED], texts)
            scored = sum(counts) / (time.monotonic() - started)
        translated = sum(counts) / _translating(plan, texts) if plan.translate.translator.translates else 0.0
        chats = [chat.answered(text, plan.rich) for chat, text in zip(many, texts, strict=False)]
        trained, untried = list[float](), list[str]()
        for number, one in enumerate(plan.by_round, 1):
            pause()
            try:
                trained.append(_training(one, chats))
            except Stopped:
                raise
            except Exception as error:  # as where no probe can be made at all
                trained.append(0.0)
                untried.append(f"{of_round('train', number):<12}is not known: {str(error) or type(error).__name__}")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return Speed(generated, scored, tuple(trained), translated, sum(counts) / len(counts), memory, tuple(untried))


def questions(plan: Plan, engine: OpenEngine) -> list[Chat]:
    """Some of the plan's own: kept ones, else the first of the source, else what the model asks now."""
    rows: Iterable[Row] = ()
    try:
        with working(Workspace(plan.runs, only_look=True)):
            rows = ask(plan.ask)
    except WouldRun:
        if plan.ask.source.name() != "self_ask":
            rows = plan.ask.source.read(Languages(plan.rich))
    chats = [row.payload.asked for row in islice((row for row in kept(rows) if row.payload.type == "chat"), PROBED)]
    if chats:
        return chats
    answers = engine.answer([Chat(turns=())] * PROBED, Sampling(max_tokens=24, temperature=1.0), range(PROBED))
    return [Chat(turns=(Turn(role="user", text=answer.text or "?", lang=plan.rich),)) for answer in answers]


def _translating(plan: Plan, texts: list[str]) -> float:
    """Seconds to translate these into one target language, once the translator is ready."""
    with plan.translate.translator.open() as translator:
        guard.translate(translator, texts[:1], plan.rich, plan.to[0])
        started = time.monotonic()
        guard.translate(translator, texts, plan.rich, plan.to[0])
        return time.monotonic() - started


def _training(plan: Plan, chats: Sequence[Chat]) -> float:
    """Tokens of the mixture a second in one step as the loop makes it; what is kept of teachers lies elsewhere meanwhile."""
    from accelerate import Accelerator

    from .beginning import beginning
    from .doctoring import elsewhere, rebuilt
    from .loop import begun, step, tokens

    accelerator = Accelerator(cpu=plan.train.computes_in[0] == "cpu")
    with TemporaryDirectory() as folder:
        objective = rebuilt(plan.train.objective, lambda one: elsewhere(one, folder))
        settings = plan.train.model_copy(update={"learning_rate": 0.0, "draws": None, "objective": objective})
        student, _ = beginning(settings, *settings.model.trainable(), str(accelerator.device))
        found = [tokens(student.template, row, plan.rich) for row in training_rows(plan, chats, PROBED)]
        rows = [row for row in found if len(row.ids) <= plan.mix.max_tokens]
        job = begun(settings, accelerator, student.train(), rows)
        started = time.monotonic()
        step(job, list(range(len(rows))), 0.5, Path(folder))
        return sum(len(row.ids) for row in rows) / (time.monotonic() - started)


class Cost(NamedTuple):
    """What one stage would take."""

    stage: str
    tokens: int
    seconds: float


def costs(plan: Plan, speed: Speed) -> Iterator[Cost]:
    """Tokens and seconds of the stages that take long; what reads files is seconds and left out."""
    yield from _learning(plan, speed, STAGES)
    for number, later in enumerate(plan.rounds, 2):
        for cost in _learning(later.plan, speed, later.again, number):
            yield cost._replace(stage=of_round(cost.stage, number))
    yield _measuring("evaluate", plan, speed, plan.evaluate.evaluators, list(_stand_ins(plan, _questions(plan) // 5)), 2)


def _questions(plan: Plan) -> int:
    """How many a plan asks, at least 5."""
    return max(5, plan.ask.questions or sum(1 for _ in plan.ask.source.read(Languages(plan.rich, model=plan.model))))


def _learning(plan: Plan, speed: Speed, stages: Iterable[str], number: int = 1) -> Iterator[Cost]:
    """What a round takes up to its student."""
    questions, answered = _questions(plan), plan.answer.max_tokens
    if "ask" in stages and plan.ask.source.name() == "self_ask":
        tokens = int(questions / KEPT_QUESTIONS * getattr(plan.ask.source, "max_tokens", 48))
        yield Cost("ask", tokens, tokens / speed.generated)
    if "answer" in stages:
        yield Cost("answer", questions * answered, questions * answered / speed.generated)
    if "translate" in stages and speed.translated:
        tokens = int(questions * (speed.question + answered) * len(plan.to))
        yield Cost("translate", tokens, tokens / speed.translated)
    if "mix" in stages and any(builder.needs_rivals for builder in plan.mix.builders):
        tokens = questions * answered * len(plan.to)
        yield Cost("mix", tokens, tokens / speed.generated)
    if "train" in stages and speed.trained[number - 1]:
        tokens = plan.mix.tokens * plan.train.epochs
        yield Cost("train", tokens, tokens / speed.trained[number - 1])
    kept = plan.train.candidates if plan.choose.checkpoints == "all" else 1
    candidates = kept * len(plan.choose.scales)
    if "choose" in stages and candidates > 1:
        yield _measuring("choose", plan, speed, plan.choose.evaluators, [], 1 + candidates)


def _measuring(
    stage: str, plan: Plan, speed: Speed, evaluators: Sequence[Evaluator], held: Sequence[Row], models_measured: int
) -> Cost:  # fmt: skip
    from .template import Template

    folder, template_file = plan.model.trainable()
    counting = Counting(Template(models.load_tokenizer(folder, template_file)))
    for evaluator in evaluators:
        evaluator(counting, (plan.rich, *plan.to), iter(held))
    seconds = counting.generated / speed.generated + counting.scored / speed.scored
    return Cost(stage, models_measured * (counting.generated + counting.scored), models_measured * seconds)


def _stand_ins(plan: Plan, count: int) -> Iterator[Row]:
    """Held-out rows that do not exist yet, of an ordinary length."""
    text = "What can one say about number {} that was not said before, and where would one begin to say it?"
    for number in range(count):
        for lang in (plan.rich, *plan.to):
            chat = Chat(turns=(Turn(role="user", text=text.format(number), lang=lang),)).answered(
                text.format(-number) * 3, lang
            )
            yield Row(id=f"{number}-{lang}", lineage=Lineage(question=str(number), translator="stand-in"), payload=chat)


def disk(plan: Plan) -> tuple[float, float]:
    """(GB a run writes at its peak, GB free where it writes)."""
    import shutil

    folder, _ = plan.model.trainable()
    weights = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    place = next(p for p in (plan.runs, *Path(plan.runs).absolute().parents) if p.exists())
    return (7 + plan.train.candidates) * weights / 1e9, shutil.disk_usage(place).free / 1e9
