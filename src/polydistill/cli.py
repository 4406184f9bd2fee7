"""The command line."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from . import __version__, component
from .component import ALLOWED, KINDS
from .exits import FAILED, NOT_KEPT, Verbs, ended, fail
from .progress import beside, spoken

app = typer.Typer(cls=Verbs, add_completion=False, no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False)

PlanName = Annotated[str, typer.Argument(metavar="PLAN", help="a recipe's name, a YAML file or a run's folder")]
Changes = Annotated[
    list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="settings to change, such as train.epochs=2")
]
ModelOption = Annotated[str | None, typer.Option("--model", help="the model to lift: a folder, a .gguf file or a hub id")]
FromOption = Annotated[str | None, typer.Option("--from", help="the language it is good in")]
ToOption = Annotated[str | None, typer.Option("--to", help="the languages it is to become good in, with commas")]
AllowOption = Annotated[list[str] | None, typer.Option("--allow", help="a module of your own that the plan may use")]


def echo(text: str) -> None:
    """A line on the standard output, safe to be shown."""
    typer.echo(spoken(text))


def main() -> None:
    """Runs the command line; what a user can mend ends in one sentence and no traceback."""
    app()


def plan_of(
    name: str, changes: list[str] | None, model: str | None, source: str | None, target: str | None, allow: list[str] | None
) -> Any:
    """The plan, or its mistakes and exit code 2."""
    from .plan import PlanError, read_plan

    ALLOWED.set(frozenset(allow or []))
    try:
        return read_plan(name, changes, model, source, target)
    except PlanError as error:
        fail(*error.mistakes)


def checked(plan: Any) -> None:
    """Ends here, with everything that is wrong, when the plan cannot run."""
    problems = plan.check()
    if problems:
        fail(*problems)


def run_flow(plan: Any, until: str | None = None, part: tuple[int, int] | None = None) -> Any:
    """Runs a plan, or as much of it as is wanted, with every ending in words."""
    from .flow import run as flow
    from .run_folder import keep, show
    from .stage import Workspace, clean
    from .storage.files import make_folder
    from .storage.locks import only_runner

    left = 0 if part else len(plan.rounds)
    space = Workspace(plan.runs, until=until, part=part, begins=partial(show, plan), rounds_left=left)

    def work() -> Any:
        make_folder(plan.folder)
        with only_runner(plan.folder, part):
            if part is None:
                clean(plan.folder)
            try:
                return flow(plan)
            finally:
                keep(plan, space)

    return ended(space, work)


@app.command()
def run(
    plan: PlanName, changes: Changes = None, model: ModelOption = None, source: FromOption = None, target: ToOption = None,
    allow: AllowOption = None,
) -> None:  # fmt: skip
    """Lifts a model: asks, answers, translates, mixes, trains, measures, reports. The same command goes on after a stop."""
    read = plan_of(plan, changes, model, source, target, allow)
    checked(read)
    shown = run_flow(read)
    from rich.console import Console

    from .report import print_table

    print_table(shown, read.report, Console())
    echo(f"report  {read.folder / 'report.html'}\nmodel   {read.folder / 'model'}")
    from .choose import Model

    if shown.kept in ("lost", "not shown") or not Model(read.folder / "choose").met:
        raise typer.Exit(NOT_KEPT)


@app.command()
def check(
    plan: PlanName, changes: Changes = None, model: ModelOption = None, source: FromOption = None, target: ToOption = None,
    allow: AllowOption = None,
) -> None:  # fmt: skip
    """Finds every mistake in a plan before anything is paid for."""
    read = plan_of(plan, changes, model, source, target, allow)
    checked(read)
    from .statistics.sizes import lines, too_few

    for line in (*lines(read), "", *(f"warning: {said}" for said in too_few(read))):
        echo(line)
    echo(f"{plan} is in order; it would run: polydistill plan {plan} shows what and for how long")


@app.command("plan")
def show_plan(
    plan: PlanName, changes: Changes = None, model: ModelOption = None, source: FromOption = None, target: ToOption = None,
    allow: AllowOption = None,
    probing: Annotated[bool, typer.Option("--probe/--no-probe", help="measure some seconds of real work")] = True,
) -> None:  # fmt: skip
    """Shows what is kept, what would run and why, and what that takes."""
    read = plan_of(plan, changes, model, source, target, allow)
    checked(read)
    from .estimate import told
    from .stage import Workspace

    ended(Workspace(read.runs, only_look=True), lambda: [echo(line) for line in told(read, probing)])


@app.command()
def chat(run_name: Annotated[Path, typer.Argument(metavar="RUN", help="a run's folder")]) -> None:
    """Asks the model before and after, side by side; an empty line or Ctrl-D ends it."""
    if not (run_name / "model").exists():
        fail(f"{run_name} has no finished model; give a run's folder, such as runs/sdrrl-spa-123456")
    from .chatting import side_by_side

    side_by_side(plan_of(str(run_name), None, None, None, None, None), run_name / "model")


@app.command()
def compare(
    plan: PlanName,
    arms: Annotated[str, typer.Option(help="what to compare, with commas: untouched, the recipe's name, and controls")],
    seeds: Annotated[int, typer.Option(min=1, help="how often each arm is trained")] = 1,
    changes: Changes = None, model: ModelOption = None, source: FromOption = None, target: ToOption = None,
    allow: AllowOption = None,
) -> None:  # fmt: skip
    """Trains a plan and its controls on equally many tokens and shows them side by side."""
    from .comparing import compared

    ALLOWED.set(frozenset(allow or []))
    compared([name.strip() for name in arms.split(",") if name.strip()], seeds, (plan, changes or (), model, source, target))


@app.command()
def work(
    plan: PlanName, stage: Annotated[str, typer.Argument(help="answer or translate")],
    shard: Annotated[str, typer.Option(help="i/N: this is worker i (from 0) of N")],
    changes: Changes = None, model: ModelOption = None, source: FromOption = None, target: ToOption = None,
    allow: AllowOption = None,
) -> None:  # fmt: skip
    """One worker of a row stage; the workers' rows together are one worker's rows."""
    number, slash, workers = shard.partition("/")
    if not (slash and number.isdigit() and workers.isdigit() and int(number) < int(workers)):
        fail(f"--shard {shard}: write i/N with i from 0 to N - 1, such as 0/2")
    if stage not in ("answer", "translate"):
        fail(component.unknown("row stage", stage, ("answer", "translate"), "polydistill work --help"))
    read = plan_of(plan, changes, model, source, target, allow)
    checked(read)
    done = run_flow(read, until=stage, part=(int(number), int(workers)))
    echo(f"all shards of {done.folder.name} are done; run the plan")


@app.command("list")
def list_names(kind: Annotated[str | None, typer.Argument(help="a kind of components, or recipes")] = None) -> None:
    """Lists the kinds, or the components of one kind, or the recipes."""
    from .plan import RECIPES

    if kind is None:
        for one in KINDS:
            found = component.names(one)
            echo(beside(one, ", ".join(found), 12))
        echo(beside("recipes", ", ".join(sorted(p.stem for p in RECIPES.glob("*.yaml"))), 12))
    elif kind == "recipes":
        for path in sorted(RECIPES.glob("*.yaml")):
            echo(beside(path.stem, path.read_text("utf-8").splitlines()[0].lstrip("# "), 22))
    else:
        try:
            for name in component.names(kind):
                echo(beside(name, component.summary(kind, name), 22))
        except LookupError as error:
            fail(str(error))


@app.command()
def show(name: Annotated[str, typer.Argument(help="a component's or a recipe's name")]) -> None:
    """Shows a component with its settings, or a recipe's YAML."""
    from .plan import RECIPES, recipe_names

    if name in recipe_names():
        echo((RECIPES / f"{name}.yaml").read_text("utf-8"))
        return
    found = [kind for kind in KINDS if name in component.names(kind)]
    if not found:
        everything = [*recipe_names(), *(one for kind in KINDS for one in component.names(kind))]
        fail(component.unknown("component or recipe", name, everything, "polydistill list"))
    for kind in found:
        cls = component.find(kind, name)
        echo(f"{name} (one of the {kind})\n\n{cls.__doc__}\n")
        for setting, field in cls.model_fields.items():
            default = (
                "must be given"
                if field.is_required()
                else json.dumps(field.get_default(call_default_factory=True), default=str)
            )
            echo(f"  {setting}: {default}\n      {field.description or ''}")


@app.command()
def rows(
    run_name: Annotated[Path, typer.Argument(metavar="RUN", help="a run's folder")],
    stage: Annotated[str, typer.Option(help="ask, answer, translate, rivals or mix")] = "mix",
    rejected: Annotated[bool, typer.Option(help="only rows that are out, with their reason")] = False,
    limit: Annotated[int, typer.Option(help="how many")] = 10,
) -> None:
    """Shows rows of a run as text."""
    from .browsing import BROWSED, rows_as_text

    if not (run_name / stage).is_dir():
        there = ", ".join(s for s in BROWSED if (run_name / s).is_dir())
        fail(f"{run_name} has no rows of the stage {stage}; " + (f"it has {there}" if there else "is it a run's folder?"))
    for row in rows_as_text(run_name / stage, rejected, limit):
        echo(row)


@app.command()
def analyse(
    run_name: Annotated[Path, typer.Argument(metavar="RUN", help="a run's folder")],
    name: Annotated[str, typer.Argument(help="one of: polydistill list analyses")],
    changes: Changes = None, allow: AllowOption = None,
) -> None:  # fmt: skip
    """Looks into a finished run: shows a table and writes it into the run's folder."""
    from rich.console import Console

    from .analysing import analysed, analysis_of, print_table
    from .stage import Workspace

    plan = plan_of(str(run_name), None, None, None, None, allow)
    analysis = ended(Workspace(plan.runs), lambda: analysis_of(name, changes or (), plan.model))
    found, file = ended(Workspace(plan.runs), lambda: analysed(analysis, run_name))
    print_table(found, Console())
    echo(f"table   {file}")


def plan_verb(name: str, sentence: str, work: Callable[[Any], None]) -> None:
    """Adds a verb that works on a plan which is in order."""

    def verb(
        plan: PlanName, changes: Changes = None, model: ModelOption = None, source: FromOption = None, target: ToOption = None,
        allow: AllowOption = None,
    ) -> None:  # fmt: skip
        read = plan_of(plan, changes, model, source, target, allow)
        checked(read)
        work(read)

    app.command(name, help=sentence)(verb)


def examine(plan: Any) -> None:
    """Ends with 0 where nothing is broken, with 1 where something is."""
    from .doctor import told
    from .stage import Workspace

    if not ended(Workspace(plan.runs, only_look=True), lambda: told(plan, echo)):
        raise typer.Exit(FAILED)


plan_verb("doctor", "Proves in seconds that training would compute what it should, or names what is broken.", examine)
for _name, _sentence in {
    "ask": "Up to the questions.", "answer": "Up to the model's own answers.", "translate": "Up to the translations.",
    "mix": "Up to the mixture.", "train": "Up to the trained model.", "choose": "Up to the chosen student.",
    "evaluate": "Up to the scores.", "report": "The whole run, up to its report.",
}.items():  # fmt: skip
    plan_verb(_name, _sentence, lambda plan, until=_name: echo(str(run_flow(plan, until=until).folder)))


@app.callback(invoke_without_command=True)
def about(version: Annotated[bool, typer.Option("--version", help="the version")] = False) -> None:
    """Makes a language model that is good in one language good in others, by distilling it into itself."""
    if version:
        echo(__version__)
        raise typer.Exit


if __name__ == "__main__":
    main()
