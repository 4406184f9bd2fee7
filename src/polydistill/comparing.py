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
from .files import replacing
from .plan import Plan
from .records import Lang
from .run_folder import link
from .stage import Workspace
from .statistics.sizes import too_few
from .views.comparison_table import change, markdown, title, value
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
    for said in too_few(plan):
        typer.echo(f"warning: {said}")
    from .flow import compare

    settings = settings_of(plan, arms)

    def work() -> tuple[Comparison, Path]:
        done = compare(settings, plan, arms)
        return done, keep(plan, settings, done)

    found, folder = ended(Workspace(plan.runs), work)
    console = Console()
    for sentence in found.found["warnings"]:
        console.print(f"warning: {sentence}", highlight=False, markup=False)
    for sentence in found.found["verdict"]:
        console.print(sentence, highlight=False, markup=False)
    for lang in (*plan.to, plan.rich):
        console.print(table(found, lang))
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


def table(found: Comparison, lang: Lang) -> Table:
    """The first scores of a language, a line for each arm, with how much each differs from the untouched model."""
    scores = [score for score in found.found["scores"] if score["lang"] == lang]
    scores.sort(key=lambda score: (not score["headline"], not score["name"].startswith("text_bits")))
    shown = Table(title=lang.english_name, title_justify="left", box=None, pad_edge=False, padding=(0, 1, 0, 0))
    shown.add_column("arm", no_wrap=True)
    for score in scores[:SHOWN]:
        shown.add_column(title(score), justify="right")
    shown.add_row(UNTOUCHED, *(value(score, score[UNTOUCHED]) for score in scores[:SHOWN]))
    for name in found.found["arms"]:
        means = [(score, score["arms"][name]["mean"]) for score in scores[:SHOWN]]
        shown.add_row(
            Path(name).stem, *(f"{value(score, mean)} {change(score, mean - score[UNTOUCHED])}" for score, mean in means)
        )
    return shown
