"""The verb `compare`: who leads, what stops it, what is shown and kept."""

import json
import signal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import typer
from rich.console import Console
from tiny_plan import GOOD, runnable
from typer.testing import CliRunner

from polydistill import arms
from polydistill.arms import UNTOUCHED, named, read_arms
from polydistill.cli import app
from polydistill.comparing import keep, problems_of, settings_of, table
from polydistill.comparison import Comparison
from polydistill.exits import FAILED, STOPPED, ended
from polydistill.plan import Plan
from polydistill.stage import Stopped, Workspace, finish


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "plan.yaml"
    file.write_text(GOOD + f"runs: {tmp_path}/runs\n")
    (tmp_path / "slow.yaml").write_text("# A lower learning rate\nchanges: [train.learning_rate=1.0e-5]\n")
    (tmp_path / "long.yaml").write_text("# With weight decay\nchanges: [train.weight_decay=0.1]\n")
    return file


def compared(folder: Path, names: tuple[str, ...], scores: list[dict[str, Any]]) -> Comparison:
    """A finished comparison, each arm with the model of one seed."""
    folder.mkdir(parents=True)
    models = {name: folder.parent / f"choose-{number}" / "model" for number, name in enumerate(names)}
    for model in models.values():
        model.mkdir(parents=True)
    about = {name: {"says": "", "seeds": [0], "tokens": [9], "rows": [1], "models": [str(models[name])]} for name in names}
    found = {"verdict": [], "warnings": [], "lead": names[0], "kept": {}, "arms": about, "scores": scores, "means": []}
    (folder / "comparison.json").write_text(json.dumps(found))
    (folder / "comparison.html").write_text("<html></html>")
    finish(folder, {})
    return Comparison(folder)


def score(name: str, **means: float) -> dict[str, Any]:
    arms = {
        arm: {"mean": mean, "from_untouched": {"n": 40}, "lead_less_this": None, "p_holm": None} for arm, mean in means.items()
    }
    return {
        "name": name, "lang": "spa", "unit": "bits per character", "higher_is_better": False, "headline": False, "note": "",
        UNTOUCHED: 2.0, "arms": arms,
    }  # fmt: skip


def plan_of(path: Path, *names: str) -> tuple[Plan, Any]:
    plan, arms = read_arms(names, 1, str(path), model="m")
    return plan, settings_of(plan, arms)


@pytest.mark.parametrize(("names", "lead"), [(("{}/slow.yaml", "plan"), "plan"), (("{0}/long.yaml", "{0}/slow.yaml"), "slow")])
def test_the_plan_itself_leads_else_the_last_arm(path: Path, names: tuple[str, ...], lead: str):
    _, settings = plan_of(path, *(name.format(path.parent) for name in names))
    assert Path(settings.lead).stem == lead
    assert settings.says[f"{path.parent}/slow.yaml"] == "A lower learning rate"


def checked(path: Path, model: Path, names: list[str], *changes: str) -> list[str]:
    """The problems of these arms, each with three seeds, of a plan that has everything it needs before these changes."""
    runnable(path, str(model))
    given = [
        f"ask.source.file.path={path.parent}/questions.jsonl",
        f"translate.translator.dictionary.path={path.parent}/words.tsv",
    ]
    return problems_of(*read_arms(names, 3, str(path), [*given, *changes], str(model)))


def wrong(path: Path, name: str, more: str = "") -> str:
    """An arm with a dictionary that is not there."""
    file = path.parent / f"{name}.yaml"
    file.write_text(f"changes: [translate.translator.dictionary.path={path.parent}/none.tsv{more}]\n")
    return str(file)


def test_an_arms_own_problem_is_said_once_with_its_name(path: Path, random_model: Path, space: Workspace):
    one = wrong(path, "wrong")
    (problem,) = checked(path, random_model, ["plan", one])
    assert problem.startswith(f"{one}: translate.translator: ")


def test_a_problem_of_some_arms_is_said_once_with_their_names(path: Path, random_model: Path, space: Workspace):
    one, other = wrong(path, "one"), wrong(path, "other", ", train.weight_decay=0.2")
    (problem,) = checked(path, random_model, ["plan", one, other])
    assert problem.startswith(f"{one}, {other}: translate.translator: ")


def test_a_problem_of_all_arms_is_said_once_without_names(path: Path, random_model: Path, space: Workspace):
    absent = f"ask.source.file.path={path.parent}/absent.jsonl"
    (problem,) = checked(path, random_model, ["plan", str(path.parent / "slow.yaml")], absent)
    assert problem.startswith("ask.source: ")
    (problem,) = checked(path, random_model, [str(path.parent / "slow.yaml")], absent)
    assert problem.startswith("ask.source: ")


def test_a_problem_of_the_plan_that_no_arm_has_stops_it_too(path: Path, random_model: Path, space: Workspace):
    """The questions that all arms are measured on are the plan's own."""
    own = path.parent / "own.yaml"
    own.write_text(f"changes: [ask.source.file.path={path.parent}/questions.jsonl]\n")
    (problem,) = checked(path, random_model, [str(own)], f"ask.source.file.path={path.parent}/absent.jsonl")
    assert problem.startswith("ask.source: ")


# Stopped


def test_a_comparison_that_is_asked_to_stop_does_so_between_the_checks_of_two_arms(
    path: Path, random_model: Path, space: Workspace
):
    space.stopping = True
    with pytest.raises(Stopped):
        checked(path, random_model, ["plan"])


@pytest.mark.parametrize(
    ("of", "name", "said"),
    [
        (arms, "read_plan", ["stopped at once; the same command goes on from here"]),
        (
            Plan, "check",
            ["stopping after this batch; press Ctrl-C again to stop at once", "stopped; the same command goes on from here"],
        ),
    ],
)  # fmt: skip
def test_ctrl_c_while_arms_are_read_or_checked_ends_as_elsewhere(
    path: Path, of: Any, name: str, said: list[str], monkeypatch: pytest.MonkeyPatch
):
    before = getattr(of, name)

    def interrupted(*given: Any) -> Any:
        signal.raise_signal(signal.SIGINT)
        return before(*given)

    monkeypatch.setattr(of, name, interrupted)
    result = CliRunner().invoke(app, ["compare", str(path), "--model", "m", "--arms", "plan"])
    assert (result.exit_code, result.output.splitlines()) == (STOPPED, said)


@pytest.mark.parametrize("arms", [",", "", " , ", UNTOUCHED, f"{UNTOUCHED},"])
def test_no_arm_is_nothing_to_train(path: Path, arms: str):
    result = CliRunner().invoke(app, ["compare", str(path), "--model", "m", "--arms", arms])
    assert result.exit_code == 2
    assert result.output == f"error: nothing to train: give arms beside {UNTOUCHED}, such as --arms {UNTOUCHED},plan\n"


def test_its_folder_holds_page_and_numbers_and_a_link_to_each_model(path: Path):
    slow = str(path.parent / "slow.yaml")
    plan, settings = plan_of(path, "plan", slow)
    done = compared(path.parent / "runs" / "stages" / "comparison-1", ("plan", slow), [])
    folder = keep(plan, settings, done)
    assert folder.parent == plan.runs
    assert folder.name.startswith("compare-plan-spa-")
    assert sorted(file.name for file in folder.iterdir()) == [
        "comparison.html", "comparison.json", "comparison.md", "plan-seed-0", "slow-seed-0",
    ]  # fmt: skip
    assert (folder / "slow-seed-0").resolve() == (path.parent / "runs" / "stages" / "choose-1" / "model").resolve()
    assert not (folder / "slow-seed-0").readlink().is_absolute(), "a copy of the runs folder is whole"
    assert keep(plan, settings, done) == folder


def test_a_folder_where_a_link_is_to_be_ends_in_words(path: Path, capsys: pytest.CaptureFixture[str]):
    plan, settings = plan_of(path, "plan")
    done = compared(path.parent / "runs" / "stages" / "comparison-1", ("plan",), [])
    place = keep(plan, settings, done) / "plan-seed-0"
    place.unlink()
    place.mkdir()
    with pytest.raises(typer.Exit) as end:
        ended(Workspace(plan.runs), lambda: keep(plan, settings, done))
    assert end.value.exit_code == FAILED
    assert "plan-seed-0" in capsys.readouterr().err


def test_what_breaks_in_an_arm_names_it(path: Path, capsys: pytest.CaptureFixture[str]):
    _, (arm,) = read_arms([str(path.parent / "slow.yaml")], 1, str(path), model="m")

    def diverges() -> None:
        with named(arm):
            raise FloatingPointError("the loss is nan")

    with pytest.raises(typer.Exit) as end:
        ended(Workspace(path.parent / "runs"), diverges)
    assert end.value.exit_code == FAILED
    said = capsys.readouterr().err
    assert "error: the loss is nan\n" in said
    assert f"that was the arm {arm.name}, seed 0: mend it, or leave it out; the others are kept" in said


@pytest.mark.parametrize("arm", ["plan", "/a/very/long/path/to/a/folder/of/files/that/change/a/plan/in/some/way/slow.yaml"])
def test_the_table_fits_80_columns_with_every_number_whole(path: Path, arm: str):
    names = ("documentation_qa_bits", "text_bits_declaration", "text_bits_documentation", "machine_translation_fit", "fifth")
    scores = [score(name, **{arm: 1.5 + number / 100}) for number, name in enumerate(names)]
    done = compared(path.parent / "runs" / "stages" / "comparison-1", (arm,), scores)
    console = Console(width=80, file=StringIO())
    console.print(table("Spanish", [arm], done.found["scores"]))
    lines = console.file.getvalue().splitlines()
    assert lines[0].strip() == "Spanish"
    assert all(len(line) <= 80 for line in lines)
    shown = " ".join(lines)
    assert all(number in shown.split() for number in ("1.500", "1.510", "1.520", "1.530", "-25.0", "-24.5", "2.000"))
    assert "1.540" not in shown
    assert Path(arm).stem in shown
