"""An analysis from its name and settings to a table in the terminal and a file."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from polydistill.analyses import Table
from polydistill.analyses.loyalty import Loyalty
from polydistill.analyses.proxy_and_golden import ProxyAndGolden
from polydistill.analysing import analysed, analysis_of, cell, print_table
from polydistill.engines.transformers import Transformers
from polydistill.yaml_tree import PlanError

MODEL = Transformers(path="here/model", dtype="float64", batch_size=3)
FOUND = Table({"language": "ISO 639-3", "mean_loss": "nats"}, [{"language": "eng", "mean_loss": 1.23456}], "so it \x1b[31mis")


class Told(Loyalty):
    """Says what it is told to."""

    def __call__(self, run: Path) -> Table:
        return FOUND


def test_a_models_path_alone_is_run_as_the_runs_is():
    found = analysis_of("proxy_and_golden", ["oracle=/big/model", "answers=3"], MODEL)
    assert found == ProxyAndGolden(oracle=MODEL.model_copy(update={"path": "/big/model"}), answers=3)
    assert analysis_of("loyalty", [], MODEL) == Loyalty()


def test_a_model_with_settings_of_its_own_is_taken_as_it_is():
    found = analysis_of("loyalty", ["teacher.transformers.path=/big/model"], MODEL)
    assert found == Loyalty(teacher=Transformers(path="/big/model"))


@pytest.mark.parametrize(("name", "changes", "said"), [
    ("loyal", [], "no analysis named 'loyal'; did you mean loyalty"),
    ("loyalty", ["answers=none"], "answers: Input should be a valid integer"),
    ("loyalty", ["answers"], "'answers' is no setting; write key=value"),
])  # fmt: skip
def test_a_mistake_is_said_in_words(name: str, changes: list[str], said: str):
    with pytest.raises(PlanError, match=said):
        analysis_of(name, changes, MODEL)


def test_the_table_is_written_into_the_runs_folder(tmp_path: Path):
    found, file = analysed(Told(answers=3), tmp_path)
    assert (found, file) == (FOUND, tmp_path / "analyses" / f"{Told.name()}.json")
    written = json.loads(file.read_text("utf-8"))
    assert Table(*(written[name] for name in Table._fields)) == FOUND
    assert next(iter(written["analysis"].values()))["answers"] == 3


def test_what_is_printed_hides_nothing_and_fits():
    console = Console(file=io.StringIO(), width=80, color_system=None)
    print_table(FOUND, console)
    said = console.file.getvalue()  # type: ignore[attr-defined]
    assert "\x1b" not in said
    assert "so it ⟦U+001B⟧[31mis" in said
    assert "mean_loss: nats" in said
    assert [line.split() for line in said.splitlines()[:3]] == [["mean"], ["language", "loss"], ["eng", "1.235"]]


def test_a_value_as_people_read_it():
    assert [cell(value) for value in (None, 0.000123456, 12345.678, 3, "eng", 0.0)] == [
        "",
        "0.0001235",
        "1.235e+04",
        "3",
        "eng",
        "0",
    ]
