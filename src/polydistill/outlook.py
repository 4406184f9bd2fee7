"""Which stages of a plan are finished, which would run, and why; nothing is paid for."""

import json
from typing import Any, NamedTuple

from .endings import AfterStage, WouldRun
from .flow import run
from .plan import Plan
from .stage import Workspace, is_finished, working

STAGES = ("ask", "answer", "translate", "mix", "train", "choose", "evaluate", "report")
PART_OF = {"rivals": "mix", "measure": "evaluate", "served": "evaluate"}
"""Stages inside a stage."""


class Step(NamedTuple):
    """One stage of a plan."""

    stage: str
    """Its name, and in a further round the round's number."""
    runs: bool
    why: str


def of_round(stage: str, number: int) -> str:
    """What a stage is called in a round."""
    return stage if number == 1 else f"{stage} {number}"


def outlook(plan: Plan) -> list[Step]:
    """Which stages are finished and which would run, and why; looks at folders only."""
    rounds = [STAGES[:-2], *(tuple(name for name in STAGES[:-2] if name in later.again) for later in plan.rounds)]
    stages = [of_round(name, number) for number, names in enumerate(rounds, 1) for name in names] + list(STAGES[-2:])
    space = Workspace(plan.runs, only_look=True, rounds_left=len(plan.rounds))
    first, why = len(stages), ""
    try:
        with working(space):
            run(plan)
    except WouldRun as would:
        name = PART_OF.get(would.stage, would.stage)
        first = stages.index(name if name in STAGES[-2:] else of_round(name, len(rounds) - space.rounds_left))
        why = reason(would)
    except AfterStage:
        pass
    finished, number = dict[str, str](), 0
    for name, result, _ in space.finished:  # each round goes through all of them, and what is kept comes again
        number += name == STAGES[0]
        finished[name if name in STAGES[-2:] else of_round(name, number)] = result.folder.name
    return [
        Step(stage, False, f"kept in {finished.get(stage, '')}") if at < first
        else Step(stage, True, why if at == first else f"follows {stages[first]}")
        for at, stage in enumerate(stages)
    ]  # fmt: skip


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
