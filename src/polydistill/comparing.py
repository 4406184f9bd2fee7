"""The verb `compare`: reads the arms, refuses what cannot be compared, runs and shows them."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from .arms import UNTOUCHED, Arm, read_arms, says, told_once
from .comparison import Comparison, ComparisonSettings
from .exits import NOT_KEPT, ended, fail
from .plan import Plan
from .privacy.visible import visible
from .progress import spoken
from .run_folder import link
from .stage import Workspace, pause
from .statistics.sizes import too_few
from .storage.files import replacing
from .views.comparison_table import MEANS, change, markdown, title
from .views.findings import shown
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
    from .flow import compare

    settings = settings_of(plan, arms)

    def work() -> tuple[Comparison, Path]:
        if problems := problems_of(plan, arms):
            raise PlanError(problems)
        for said in told_once({arm.name: too_few(arm.plan) for arm in arms}):
            typer.echo(f"warning: {spoken(said)}")
        done = compare(settings, plan, arms)
        return done, keep(plan, settings, done)

    found, folder = ended(Workspace(plan.runs), work)
    console = Console()
    for sentence in found.found["warnings"]:
        console.print(visible(f"warning: {sentence}"), highlight=False, markup=False)
    for sentence in found.found["verdict"]:
        console.print(visible(sentence), highlight=False, markup=False)
    for lang in (*plan.to, plan.rich):
        of_lang = [score for score in found.found["scores"] if score["lang"] == lang]
        console.print(table(lang.english_name, settings.names, of_lang))
    if means := found.found["means"]:
        console.print(table(MEANS, settings.names, means))
    typer.echo(spoken(f"report  {folder / 'comparison.html'}"))
    if found.found["kept"].get(settings.lead, "kept") != "kept":
        raise typer.Exit(NOT_KEPT)


def problems_of(plan: Plan, arms: Sequence[Arm]) -> list[str]:
    """Everything that would stop the plan or an arm, each thing once."""
    alone, found = plan.check(), {}
    for arm in arms:
        if arm.seed == 0:
            pause()
            found[arm.name] = arm.plan.check()
    return [*(one for one in alone if not any(one in of for of in found.values())), *told_once(found)]


def settings_of(plan: Plan, arms: Sequence[Arm]) -> ComparisonSettings:
    """What is compared: the plan's own arm leads, else the last."""
    recipe = plan.recipe or "plan"
    names = [arm.name for arm in arms]
    return ComparisonSettings(
        arms=tuple((arm.name, arm.seed) for arm in arms), says={name: says(name, recipe) for name in names},
        lead=recipe if recipe in names else names[-1], tokens=plan.mix.tokens, epochs=plan.train.epochs, rich=plan.rich,
        targets=plan.to, retain=plan.choose.retain,
    )  # fmt: skip


def keep(plan: Plan, settings: ComparisonSettings, found: Comparison) -> Path:
    """The comparison's own folder: its page, numbers and tables, and a link to each arm's model."""
    folder = plan.runs / f"compare-{plan.name or plan.recipe or 'plan'}-{'-'.join(plan.to)}-{found.folder.name[-6:]}"
    folder.mkdir(parents=True, exist_ok=True)
    for file in ("comparison.html", "comparison.json"):
        link(folder / file, found.folder / file)
    with replacing(folder / "comparison.md") as file:
        file.write(markdown(found.found))
    for name, about in found.found["arms"].items():
        for seed, model in zip(about["seeds"], about["models"], strict=True):
            link(folder / f"{Path(name).stem}-seed-{seed}", Path(os.path.abspath(model)))
    return folder


def table(heading: str, arms: Sequence[str], scores: Sequence[dict[str, Any]]) -> Table:
    """The first of some scores, a line for each arm, with how much each differs from the untouched model."""
    first = sorted(scores, key=lambda score: (not score["headline"], not score["name"].startswith("text_bits")))[:SHOWN]
    lines = Table(title=heading, title_justify="left", box=None, pad_edge=False, padding=(0, 1, 0, 0))
    lines.add_column("arm", no_wrap=True)
    for score in first:
        lines.add_column(visible(title(score)), justify="right")
    lines.add_row(UNTOUCHED, *(shown(score["unit"], score[UNTOUCHED]) for score in first))
    for name in arms:
        means = [(score, score["arms"][name]["mean"]) for score in first]
        cells = (f"{shown(of['unit'], mean)} {change(of, mean - of[UNTOUCHED])}" for of, mean in means)
        lines.add_row(visible(Path(name).stem), *cells)
    return lines
