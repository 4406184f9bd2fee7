"""The verb `compare`: reads the arms, refuses what cannot be compared, runs and shows them."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from .arms import UNTOUCHED, Arm, read_arms, says
from .cli import NOT_KEPT, ended, fail
from .comparison import Comparison, ComparisonSettings
from .component import identity
from .findings import label
from .plan import Plan
from .records import digest
from .run_folder import link
from .stage import Workspace
from .yaml_tree import PlanError

SHOWN = 4
"""Scores of a language in the terminal; the page has all."""


def compared(names: Sequence[str], seeds: int, given: tuple[Any, ...]) -> None:
    """Runs a comparison from the command line."""
    try:
        plan, arms = read_arms(names, seeds, *given)
    except PlanError as error:
        fail(*error.mistakes)
    if not arms:
        fail(f"nothing to train: give arms beside {UNTOUCHED}, such as --arms {UNTOUCHED},{plan.recipe or 'plan'}")
    if problems := problems_of(plan, arms):
        fail(*problems)
    from .flow import compare

    settings = settings_of(plan, arms)
    found = ended(Workspace(plan.runs), lambda: compare(settings, plan, arms))
    folder = keep(plan, settings, found)
    console = Console()
    for sentence in found.found["verdict"]:
        console.print(sentence, highlight=False, markup=False)
    for lang in (*plan.to, plan.rich):
        console.print(table(found, str(lang), lang.english_name))
    typer.echo(f"report  {folder / 'comparison.html'}")
    if found.found["kept"].get(settings.lead, "kept") != "kept":
        raise typer.Exit(NOT_KEPT)


def problems_of(plan: Plan, arms: Sequence[Arm]) -> list[str]:
    """Everything that would stop the plan or an arm, each thing once."""
    found = list(plan.check())
    for arm in arms:
        if arm.seed == 0:
            found += [f"{arm.name}: {problem}" for problem in arm.plan.check() if problem not in found]
    return found


def settings_of(plan: Plan, arms: Sequence[Arm]) -> ComparisonSettings:
    """What is compared: the plan's own arm leads, else the last."""
    recipe = plan.recipe or "plan"
    names = [arm.name for arm in arms]
    return ComparisonSettings(
        arms=tuple((arm.name, arm.seed) for arm in arms), says={name: says(name, recipe) for name in names},
        lead=recipe if recipe in names else names[-1], tokens=plan.mix.tokens, rich=plan.rich, targets=plan.to,
        retain=plan.choose.retain,
    )  # fmt: skip


def keep(plan: Plan, settings: ComparisonSettings, found: Comparison) -> Path:
    """The comparison's own folder: its page and numbers, and a link to each arm's model."""
    folder = plan.runs / (plan.name or f"compare-{plan.recipe or 'plan'}-{'-'.join(plan.to)}-{digest(identity(settings))[:6]}")
    folder.mkdir(parents=True, exist_ok=True)
    for file in ("comparison.html", "comparison.json"):
        link(folder / file, found.folder / file)
    for name, about in found.found["arms"].items():
        for seed, model in zip(about["seeds"], about["models"], strict=True):
            link(folder / f"{Path(name).stem}-seed-{seed}", Path(os.path.abspath(model)))
    return folder


def table(found: Comparison, lang: str, title: str) -> Table:
    """The first scores of a language, a line for each arm, with how much each differs from the untouched model."""
    scores = [score for score in found.found["scores"] if score["lang"] == lang]
    scores.sort(key=lambda score: (not score["headline"], not score["name"].startswith("text_bits")))
    shown = Table(title=title, title_justify="left", box=None, pad_edge=False, padding=(0, 1, 0, 0))
    shown.add_column("arm", no_wrap=True)
    for score in scores[:SHOWN]:
        shown.add_column(f"{label(score['name'])} {'↑' if score['higher_is_better'] else '↓'}", justify="right")
    shown.add_row(UNTOUCHED, *(_value(score, score[UNTOUCHED]) for score in scores[:SHOWN]))
    for name in found.found["arms"]:
        cells = []
        for score in scores[:SHOWN]:
            of_arm, before = score["arms"][name], score[UNTOUCHED]
            cells.append(f"{_value(score, of_arm['mean'])} {_change(score, of_arm['mean'] - before, before)}")
        shown.add_row(name, *cells)
    return shown


def _value(score: dict[str, Any], value: float) -> str:
    return f"{value:.3f}" if score["unit"].startswith("bits") else f"{value * _factor(score):.1f}"


def _change(score: dict[str, Any], difference: float, before: float) -> str:
    if score["unit"].startswith("bits"):
        return f"{100 * difference / before:+.1f}%" if before else ""
    return f"{difference * _factor(score):+.1f}"


def _factor(score: dict[str, Any]) -> float:
    return 100.0 if score["unit"] in ("share", "accuracy") else 1.0
