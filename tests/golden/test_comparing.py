"""The verb `compare`: who leads, what stops it, what is shown and kept."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import typer
from rich.console import Console
from tiny_plan import GOOD, runnable
from typer.testing import CliRunner

from polydistill.arms import UNTOUCHED, named, read_arms
from polydistill.cli import FAILED, app, ended
from polydistill.comparing import keep, problems_of, settings_of, table
from polydistill.comparison import Comparison
from polydistill.plan import Plan
from polydistill.records import Lang
from polydistill.stage import Workspace, finish


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
    found = {"verdict": [], "warnings": [], "lead": names[0], "kept": {}, "arms": about, "scores": scores}
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


def test_each_arms_own_problem_is_said_once_with_its_name(path: Path, random_model: Path):
    (path.parent / "wrong.yaml").write_text(f"changes: [translate.translator.dictionary.path={path.parent}/none.tsv]\n")
    wrong = str(path.parent / "wrong.yaml")
    runnable(path, str(random_model))
    given = [
        f"ask.source.file.path={path.parent}/questions.jsonl",
        f"translate.translator.dictionary.path={path.parent}/words.tsv",
    ]
    plan, arms = read_arms(["plan", wrong], 3, str(path), given, str(random_model))
    (problem,) = problems_of(plan, arms)
    assert problem.startswith(f"{wrong}: translate.translator: ")


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
    console.print(table(done, Lang("spa")))
    lines = console.file.getvalue().splitlines()
    assert lines[0].strip() == "Spanish"
    assert all(len(line) <= 80 for line in lines)
    shown = " ".join(lines)
    assert all(number in shown.split() for number in ("1.500", "1.510", "1.520", "1.530", "-25.0%", "-24.5%", "2.000"))
    assert "1.540" not in shown
    assert Path(arm).stem in shown
