"""The command line, in this process: what it says, where it says it, and its exit codes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tiny
from click.testing import Result
from typer.testing import CliRunner

from polydistill import cli, estimate, exits, flow
from polydistill.component import ALLOWED
from polydistill.engines import Answer
from polydistill.plan import read_plan
from polydistill.stage import Rows
from polydistill.statistics import sizes

pytestmark = pytest.mark.usefixtures("nothing_allowed")


@pytest.fixture
def nothing_allowed() -> Iterator[None]:
    token = ALLOWED.set(frozenset())
    yield
    ALLOWED.reset(token)


def said(*arguments: object) -> Result:
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


def lines(result: Result) -> list[str]:
    return [line for line in result.stderr.splitlines() if line.startswith("error: ")]


# Lists and help


def test_list_names_every_kind_and_its_components():
    found = said("list").stdout
    assert "schedules   adaptive_interpolation, constant, cosine" in found
    assert "recipes     " in found
    assert ", sdrrl" in found
    assert "cosine" in said("list", "schedules").stdout
    assert "Self-distillation" in said("list", "recipes").stdout


def test_an_unknown_kind_is_a_mistake():
    result = said("list", "builder")
    assert result.exit_code == exits.REFUSED
    assert lines(result) == ["error: no kind named 'builder'; did you mean builders? (polydistill list)"]


def test_show_tells_a_components_settings_and_a_recipes_yaml():
    found = said("show", "cosine").stdout
    assert "warmup: 0.06\n      The part of the run in which it rises." in found
    assert "tokens:" in said("show", "sdrrl").stdout
    assert "path: must be given" in said("show", "file").stdout
    assert lines(said("show", "cosin")) == [
        "error: no component or recipe named 'cosin'; did you mean cosine? (polydistill list)"
    ]


# Checking


def test_check_says_every_mistake_and_ends_with_2(tmp_path: Path):
    (tmp_path / "plan.yaml").write_text("model: m\nfrom: en\nto: [en, xx]\nmix: {filters: [looping, lopping]}\n")
    result = said("check", tmp_path / "plan.yaml")
    assert result.exit_code == exits.REFUSED
    assert len(lines(result)) > 8
    assert any("line 4: mix.filters.1: no builder named 'lopping'; did you mean looping?" in line for line in lines(result))
    assert "Traceback" not in result.stderr


def test_check_finds_what_is_not_there(lifted: Any):
    assert "is in order" in said("check", lifted.path).stdout
    result = said("check", lifted.path, "ask.source.file.path=absent.jsonl", "--model", "absent", "--to", "cat")
    assert result.exit_code == exits.REFUSED
    model, questions, translator = lines(result)
    assert model.startswith("error: model: no model at absent")
    assert "absent.jsonl" in questions
    assert "is a dictionary from eng to spa, not from eng to cat" in translator


def test_a_worker_checks_the_plan_and_takes_a_runs_folder(lifted: Any, tmp_path: Path):
    result = said("work", lifted.path, "answer", "--shard", "0/2", "ask.source.file.path=absent.jsonl", f"runs={tmp_path}")
    assert result.exit_code == exits.REFUSED
    assert "absent.jsonl" in lines(result)[0]
    said("run", lifted.path)
    done = said("work", lifted.plan.folder, "answer", "--shard", "0/1")
    assert f"all shards of {lifted.folder('answer').name} are done" in done.stdout
    assert "kept from" in done.stderr


def test_a_name_of_any_length_ends_in_a_sentence():
    result = said("check", "x" * 300)
    assert (result.exit_code, len(lines(result))) == (exits.REFUSED, 1)


def test_a_module_of_ones_own_needs_leave(lifted: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "my_own_schedules").mkdir()
    source = Path(cli.__file__).parent / "schedules" / "constant.py"
    (tmp_path / "my_own_schedules/flat.py").write_text(source.read_text().replace("from . ", "from polydistill.schedules "))
    monkeypatch.syspath_prepend(str(tmp_path))
    asked = ("check", lifted.path, "train.schedule=my_own_schedules.flat")
    assert "runs only with --allow my_own_schedules.flat" in lines(said(*asked))[0]
    assert said(*asked, "--allow", "my_own_schedules.flat").exit_code == 0


# Running


def test_run_shows_the_table_and_where_things_are(lifted: Any):
    result = said("run", lifted.path)
    assert result.exit_code == 0, result.output
    folder = lifted.plan.folder
    assert f"report  {folder / 'report.html'}\nmodel   {folder / 'model'}\n" in result.stdout
    assert lifted.report.verdict[0].split(":")[0] in result.stdout
    for name in (
        "plan.yaml",
        "report.html",
        "scores.json",
        "events.jsonl",
        "mix/funnel.json",
        "model/model.safetensors",
        "model/README.md",
    ):
        assert (folder / name).exists(), name


def test_the_runs_own_plan_is_the_same_run(lifted: Any):
    said("run", lifted.path)
    again = said("run", lifted.plan.folder / "plan.yaml")
    assert again.exit_code == 0
    assert read_plan(str(lifted.plan.folder / "plan.yaml")) == lifted.plan
    assert again.stderr.count("kept from") == len(lifted.space.finished)


def test_a_runs_model_takes_the_place_of_no_other_folder(lifted: Any, tmp_path: Path):
    for stages in ("stages", "store"):
        (tmp_path / stages).symlink_to(lifted.plan.runs / stages)
    folder = tmp_path / "tiny" / "model"
    folder.mkdir(parents=True)
    for name in ("config.json", "README.md"):
        (folder / name).write_text("mine")
    result = said("run", lifted.path, f"runs={tmp_path}")
    assert result.exit_code == exits.FAILED
    assert f"error: {folder} is no model that a run has put there; move it away" in result.stderr
    assert {file.read_text() for file in folder.iterdir()} == {"mine"}
    folder.rename(tmp_path / "elsewhere")
    for _ in range(2):  # its own is replaced
        assert said("run", lifted.path, f"runs={tmp_path}").exit_code == 0
        assert (folder / "model.safetensors").is_file()


def test_one_verb_a_stage_runs_up_to_it(lifted: Any, tmp_path: Path):
    result = said("mix", lifted.path, f"runs={tmp_path}")
    assert result.exit_code == 0, result.output
    assert Path(result.stdout.splitlines()[-1]).name == lifted.folder("mix").name
    assert {path.name.split("-")[0] for path in (tmp_path / "stages").iterdir()} == {"ask", "answer", "translate", "mix"}


def test_two_workers_of_a_row_stage_write_one_workers_rows(lifted: Any, tmp_path: Path):
    changes = (f"runs={tmp_path}", "name=shared")
    first = said("work", lifted.path, "answer", "--shard", "0/1", *changes)
    assert first.exit_code == 0, first.output
    assert f"all shards of {lifted.folder('answer').name} are done; run the plan" in first.stdout
    one = said("work", lifted.path, "translate", "--shard", "1/2", *changes)
    assert "0 of 1 shards of translate-" in one.stderr
    assert one.exit_code == 0
    other = said("work", lifted.path, "translate", "--shard", "0/2", *changes)
    assert other.exit_code == 0, other.output
    for stage in ("answer", "translate"):
        theirs, mine = lifted.folder(stage), tmp_path / "stages" / lifted.folder(stage).name
        assert (mine / "manifest.json").read_bytes() == (theirs / "manifest.json").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("answer", "--shard", "2/2"), "error: --shard 2/2: write i/N with i from 0 to N - 1, such as 0/2"),
        (("answer", "--shard", "two"), "error: --shard two: write i/N with i from 0 to N - 1, such as 0/2"),
        (("anser", "--shard", "0/2"), "error: no row stage named 'anser'; did you mean answer? (polydistill work --help)"),
    ],
)
def test_a_worker_that_cannot_be_is_a_mistake(lifted: Any, arguments: tuple[str, ...], sentence: str):
    result = said("work", lifted.path, *arguments)
    assert (result.exit_code, lines(result)) == (exits.REFUSED, [sentence])


def test_rows_shows_rows_and_those_that_are_out(lifted: Any):
    said("run", lifted.path)
    found = said("rows", lifted.plan.folder, "--limit", "3").stdout
    assert found.count("assistant (") == 3
    answers = said("rows", lifted.plan.folder, "--stage", "answer", "--limit", "1").stdout
    assert "user (eng): " in answers
    assert any(answer in answers for answer in tiny.ANSWERS)
    assert said("rows", lifted.plan.folder, "--rejected").stdout == ""
    result = said("rows", lifted.plan.runs, "--stage", "mix")
    assert lines(result) == [f"error: {lifted.plan.runs} has no rows of the stage mix; is it a run's folder?"]


# Ends


@pytest.mark.parametrize(
    ("error", "code", "sentences"),
    [
        (
            OSError(28, "No space left on device"),
            exits.FAILED,
            ["error: a file cannot be written: No space left on device; make room", "what was finished is kept; the same"],
        ),
        (ValueError("a mistake"), exits.FAILED, ["error: a mistake"]),
        (FloatingPointError("the loss is nan"), exits.FAILED, ["error: the loss is nan"]),
        (KeyboardInterrupt(), exits.STOPPED, ["stopped at once; the same command goes on from here"]),
    ],
)
def test_every_end_is_said_in_words(
    lifted: Any, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, sentences: list[str], tmp_path: Path
):
    def breaks(plan: Any) -> None:
        raise error

    monkeypatch.setattr(flow, "run", breaks)
    result = said("run", lifted.path, f"runs={tmp_path}")
    assert result.exit_code == code
    for sentence in sentences:
        assert sentence in result.stderr
    assert "Traceback" not in result.output


def test_an_unknown_error_keeps_its_traceback(lifted: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(flow, "run", lambda plan: 1 / 0)
    assert isinstance(said("run", lifted.path, f"runs={tmp_path}").exception, ZeroDivisionError)


# What a plan would do


def test_plan_says_what_is_kept_and_what_would_run_and_why(lifted: Any):
    kept = said("plan", lifted.path, "--no-probe")
    assert [line.split()[1] for line in kept.stdout.splitlines()[:8]] == ["kept"] * 8
    changed = said("plan", lifted.path, "train.learning_rate=3.0e-3", "--no-probe").stdout.splitlines()
    assert [line.split()[1] for line in changed[:8]] == ["kept"] * 4 + ["runs"] * 4
    assert "learning_rate" in changed[4]
    assert changed[8:10] == ["", sizes.HEADING]
    assert any(line.startswith("text_bits: 60 items at most can show ") for line in changed[10:])


def costs_of(result: Any) -> dict[str, str]:
    assert result.exit_code == 0, result.output
    return {line.split()[0]: line for line in result.stdout.split("\n\n")[1].splitlines()}


def test_a_probe_takes_the_plans_own_questions_and_says_what_each_long_stage_takes(lifted: Any, tmp_path: Path):
    found = costs_of(said("plan", lifted.path, f"runs={tmp_path}"))
    assert list(found) == ["answer", "translate", "train", "evaluate", "together", "memory"]
    # 40 questions of about 60 bytes and 64 tokens of answer each, one byte a token, into one language.
    tokens = int(found["translate"].split()[1].replace(",", ""))
    assert 40 * (40 + 64) < tokens < 40 * (90 + 64)
    twice = costs_of(said("plan", lifted.path, f"runs={tmp_path}", "translate.translator=none"))
    assert "translate" not in twice


def test_the_questions_of_a_probe(lifted: Any, tmp_path: Path):
    class Asking:
        def answer(self, chats: Any, sampling: Any, seeds: Any) -> list[Answer]:
            assert not any(chat.turns for chat in chats)
            return [Answer(f"asked {seed}", True) for seed in seeds]

    kept = [row.payload.question.text for row in Rows(lifted.folder("ask"))][: estimate.PROBED]
    assert [chat.question.text for chat in estimate.questions(lifted.plan, Asking())] == kept
    elsewhere = read_plan(str(lifted.path), [f"runs={tmp_path}"])
    assert [chat.question.text for chat in estimate.questions(elsewhere, Asking())] == kept
    asks = read_plan(str(lifted.path), [f"runs={tmp_path}", "ask.source=self_ask"])
    assert [chat.question.text for chat in estimate.questions(asks, Asking())][:2] == ["asked 0", "asked 1"]
