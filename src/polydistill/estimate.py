"""What a plan would do, and what it would cost, before anything is paid for."""

import json
import resource
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from . import models, progress
from .endings import AfterStage, WouldRun
from .engines import Answer, OpenEngine, Sampling
from .flow import run
from .plan import Plan
from .records import Chat, Lineage, Row, Turn
from .sources import Languages
from .stage import Workspace, is_finished, working

STAGES = ("ask", "answer", "translate", "mix", "train", "choose", "evaluate", "report")
KEPT_QUESTIONS = 0.7
"""The part of a model's own questions that is kept, about (45 of 64 on SmolLM2-135M-Instruct)."""


class Step(NamedTuple):
    """One stage of a plan."""

    stage: str
    runs: bool
    why: str


def outlook(plan: Plan) -> list[Step]:
    """Which stages are finished and which would run, and why; looks at folders only."""
    space = Workspace(plan.runs, only_look=True)
    first, why = None, ""
    try:
        with working(space):
            run(plan)
    except WouldRun as would:
        first = {"measure": "evaluate"}.get(would.stage, would.stage)
        why = reason(would)
    except AfterStage:
        pass
    finished = {{"measure": "evaluate"}.get(name, name): result.folder.name for name, result, _ in space.finished}
    steps = []
    for stage in STAGES:
        if first is None or STAGES.index(stage) < STAGES.index(first):
            steps.append(Step(stage, False, f"kept in {finished.get(stage, '')}"))
        else:
            steps.append(Step(stage, True, why if stage == first else f"follows {first}"))
    return steps


def reason(would: WouldRun) -> str:
    """Why a stage would run: it was begun, never ran, or the nearest finished run of it differs in these settings."""
    if would.folder.is_dir():
        return "was begun and goes on"
    from .component import identity

    now = _leaves({"settings": identity(would.settings), "inputs": [i.identity() for i in would.inputs]})
    nearest: dict[str, tuple[Any, Any]] | None = None
    for folder in would.folder.parent.glob(f"{would.stage}-*"):
        noted = folder / "beside" / "settings.json"
        if not is_finished(folder) or not noted.is_file():
            continue
        then = _leaves(json.loads(noted.read_text("utf-8")))
        changed = {
            k: (then.get(k), now.get(k)) for k in sorted({*then, *now} - {"stage", "version"}) if then.get(k) != now.get(k)
        }
        if nearest is None or len(changed) < len(nearest):
            nearest = changed
    if nearest is None:
        return "has not run yet"
    some = [f"{key.removeprefix('settings.')} {_short(old)} -> {_short(new)}" for key, (old, new) in list(nearest.items())[:3]]
    return "changed: " + (", ".join(some) or "its version")


def _leaves(value: Any, name: str = "") -> dict[str, Any]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if pairs is None:
        return {name: value}
    return {key: leaf for part, inner in pairs for key, leaf in _leaves(inner, f"{name}.{part}".lstrip(".")).items()}


def _short(value: Any) -> str:
    text = "none" if value is None else str(value)
    return text if len(text) <= 16 else text[:12] + "..."


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
    trained: float
    memory: float
    """Peak memory of the probe in GB."""


def probe(plan: Plan) -> Speed:
    """Answers, scores and trains a few rows for some seconds each."""
    import torch

    from .loop import step
    from .student import Student

    words = "Tell me how the weather changes over the year in a small town by the sea, and why it does so."
    chat = Chat(turns=(Turn(role="user", text=words, lang=plan.rich),))
    with progress.line("probe", unit="answering, scoring, training a few rows"), plan.model.open() as engine:
        engine.answer([chat] * 32, Sampling(max_tokens=2))
        started = time.monotonic()
        engine.answer([chat] * 32, Sampling(max_tokens=10))
        generated = 320 / (time.monotonic() - started)
        text = " ".join([words] * 3)
        started = time.monotonic()
        engine.score([chat] * 8, [f"{number} {text}" for number in range(8)])
        scored = 8 * engine.count([text])[0] / (time.monotonic() - started)
        del engine
        folder, template_file = plan.model.trainable()
        from accelerate import Accelerator

        from .template import Template

        accelerator = Accelerator(cpu=plan.train.computes_in[0] == "cpu")
        template = Template(models.load_tokenizer(folder, template_file))
        student = Student(models.load_model(folder, "float32", str(accelerator.device))).train()
        weights = {name: p for name, p in student.named_parameters() if p.requires_grad}
        optimizer = torch.optim.AdamW(weights.values(), lr=0.0)
        rows = [template.training(chat.answered(text, plan.rich))] * 8
        started = time.monotonic()
        step(plan.train, accelerator, student, weights, optimizer, rows, list(range(8)), 0.5)
        trained = sum(len(ids) for ids, _ in rows) / (time.monotonic() - started)
    return Speed(generated, scored, trained, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6)


class Cost(NamedTuple):
    """What one stage would take."""

    stage: str
    tokens: int
    seconds: float


def costs(plan: Plan, speed: Speed) -> Iterator[Cost]:
    """Tokens and seconds of the stages that take long; what reads files is seconds and left out."""
    from .template import Template

    questions = plan.ask.questions or sum(1 for _ in plan.ask.source.read(Languages(plan.rich, model=plan.model)))
    if plan.ask.source.name() == "self_ask":
        tokens = int(questions / KEPT_QUESTIONS * getattr(plan.ask.source, "max_tokens", 48))
        yield Cost("ask", tokens, tokens / speed.generated)
    yield Cost("answer", questions * plan.answer.max_tokens, questions * plan.answer.max_tokens / speed.generated)
    tokens = plan.mix.tokens * plan.train.epochs
    yield Cost("train", tokens, tokens / speed.trained)
    folder, template_file = plan.model.trainable()
    counting = Counting(Template(models.load_tokenizer(folder, template_file)))
    held = list(_stand_ins(plan, max(1, questions // 5)))
    for evaluator in plan.evaluate.evaluators:
        evaluator(counting, (plan.rich, *plan.to), iter(held))
    seconds = counting.generated / speed.generated + counting.scored / speed.scored
    yield Cost("evaluate", 2 * (counting.generated + counting.scored), 2 * seconds)


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
    return 8 * weights / 1e9, shutil.disk_usage(place).free / 1e9
