"""What every analysis promises; a new file in analyses/ is enrolled by itself and needs one entry in EXAMPLES."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tiny_analyses import World, engine
from typer.testing import CliRunner

from polydistill.analyses import Analysis, Table
from polydistill.cli import app
from polydistill.component import find, names

EXAMPLES: dict[str, list[Callable[[World], dict[str, Any]]]] = {
    "loyalty": [lambda world: {}, lambda world: {"teacher": engine(world.other), "answers": 3}],
    "proxy_and_golden": [
        lambda world: {"oracle": engine(world.other), "teacher": engine(world.untouched), "answers": 4},
        lambda world: {"oracle": engine(world.other), "teacher": engine(world.other), "answers": 3},
        lambda world: {"answers": 5},
    ],
}
"""Settings to build each analysis with."""


@pytest.fixture(
    scope="module",
    params=[(name, number) for name in names("analyses") for number in range(len(EXAMPLES.get(name, [0])))],
    ids=str,
)
def case(request: pytest.FixtureRequest, analysed: World) -> tuple[Analysis, Table]:
    name, number = request.param
    assert name in EXAMPLES, f"analyses/{name}.py has no entry in EXAMPLES of tests/contract/test_analyses.py; add one"
    analysis = find("analyses", name)(**EXAMPLES[name][number](analysed))
    before = contents(analysed.run)
    found = analysis(analysed.run)  # type: ignore[operator]
    assert contents(analysed.run) == before, "it changes nothing"
    return analysis, found  # type: ignore[return-value]


def contents(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file of a run and of its stages, with its size and time."""
    files = [file for file in folder.parent.rglob("*") if file.is_file()]
    return {str(file): (file.stat().st_size, file.stat().st_mtime_ns) for file in files}


def test_every_column_is_documented_and_every_row_has_them_all(case: tuple[Analysis, Table]):
    _, found = case
    assert found.rows
    assert all(holds for holds in found.columns.values())
    for row in found.rows:
        assert list(row) == list(found.columns)
    assert found.sentence


def test_the_same_run_gives_the_same_table(case: tuple[Analysis, Table], analysed: World):
    analysis, found = case
    assert analysis(analysed.run) == found


def test_it_can_be_written_and_read(case: tuple[Analysis, Table]):
    _, found = case
    assert Table(**json.loads(json.dumps(found._asdict(), allow_nan=False))) == found


def test_a_folder_that_is_no_run_is_refused_in_words(case: tuple[Analysis, Table], tmp_path: Path):
    with pytest.raises((ValueError, OSError), match=str(tmp_path)):
        case[0](tmp_path)


def test_a_run_that_has_only_begun_is_refused_in_words(case: tuple[Analysis, Table], analysed: World, tmp_path: Path):
    (tmp_path / "begun").mkdir()
    (tmp_path / "begun/plan.yaml").write_bytes((analysed.run / "plan.yaml").read_bytes())
    with pytest.raises((ValueError, OSError), match="polydistill run"):
        case[0](tmp_path / "begun")
    for stage in ("answer", "translate"):
        (tmp_path / "begun" / stage).symlink_to((analysed.run / stage).resolve())
    with pytest.raises((ValueError, OSError), match="polydistill run"):
        case[0](tmp_path / "begun")


# On the command line


def said(*arguments: object) -> Any:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_analyse_prints_a_table_of_80_columns_and_writes_it(analysed: World):
    result = said(
        "analyse", analysed.run, "proxy_and_golden", f"oracle={analysed.other}", f"teacher={analysed.untouched}", "answers=3"
    )
    assert result.exit_code == 0, result.output
    assert max(len(line) for line in result.stdout.splitlines()[:-1]) <= 80
    assert "golden: KL(oracle || student)" in result.stdout
    file = analysed.run / "analyses" / "proxy_and_golden.json"
    assert str(file) in result.stdout
    written = json.loads(file.read_text())
    assert written["analysis"]["proxy_and_golden"]["answers"] == 3
    assert written["rows"][0]["proxy"] == pytest.approx(0, abs=1e-9), "models given by their path compute as the run's does"
    assert len(written["rows"]) == 10
    assert f"{written['rows'][-1]['golden']:.4g}" in result.stdout


def test_mistakes_are_said_before_a_model_is_loaded(analysed: World):
    for arguments, sentence in (
        (("loyaltee",), "no analysis named 'loyaltee'; did you mean loyalty? (polydistill list analyses)"),
        (("loyalty", "answer=3"), "no setting named 'answer'; did you mean answers?"),
        (("loyalty", "answers=0"), "answers: Input should be greater than or equal to 1, not 0"),
        (("proxy_and_golden", "split=dev"), "split: Input should be 'train', 'development' or 'test', not 'dev'"),
    ):
        result = said("analyse", analysed.run, *arguments)
        assert result.exit_code == 2, result.output
        assert sentence in result.stderr
    result = said("analyse", analysed.run, "loyalty", "teacher=absent")
    assert (result.exit_code, "no model at absent" in result.stderr) == (1, True)
    assert said("analyse", analysed.run / "absent", "loyalty").exit_code == 2
