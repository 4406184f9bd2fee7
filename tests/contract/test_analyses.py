"""What every analysis promises; a new file in analyses/ is enrolled by itself and needs one entry in EXAMPLES."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import tiny
from typer.testing import CliRunner

from polydistill.analyses import Analysis, Table
from polydistill.cli import app
from polydistill.component import find, names

DEVELOPMENT = "{{text_bits: {{label: toy, split: development, texts: {{parallel: {{path: {folder}/parallel.tsv}}}}}}}}"


class World(NamedTuple):
    """A finished run with several candidates, and another model."""

    run: Path
    untouched: Path
    other: Path


def engine(path: Path) -> dict[str, Any]:
    return {"transformers": {"path": str(path), "dtype": "float64", "device": "cpu"}}


EXAMPLES: dict[str, list[Callable[[World], dict[str, Any]]]] = {
    "loyalty": [lambda world: {}, lambda world: {"teacher": engine(world.other), "answers": 3}],
    "proxy_and_golden": [
        lambda world: {"oracle": engine(world.other), "teacher": engine(world.untouched), "answers": 4},
        lambda world: {"oracle": engine(world.other), "teacher": engine(world.other), "answers": 3},
        lambda world: {"answers": 5},
    ],
}
"""Settings to build each analysis with."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("analysed")
    plan = tiny.world(folder)
    changes = (
        "ask.questions=24", "mix.tokens=1500", "train.candidates=4", "choose.scales=[1.0]", "choose.by=text_bits_toy",
        f"choose.evaluators=[{DEVELOPMENT.format(folder=folder)}]",
    )  # fmt: skip
    done = CliRunner().invoke(app, ["choose", str(plan), *changes])
    assert done.exit_code == 0, done.output
    return World(folder / "runs/tiny", folder / "model", tiny.model_folder(folder / "other", seed=5))


@pytest.fixture(
    scope="module",
    params=[(name, number) for name in names("analyses") for number in range(len(EXAMPLES.get(name, [0])))],
    ids=str,
)
def case(request: pytest.FixtureRequest, world: World) -> tuple[Analysis, Table]:
    name, number = request.param
    assert name in EXAMPLES, f"analyses/{name}.py has no entry in EXAMPLES of tests/contract/test_analyses.py; add one"
    analysis = find("analyses", name)(**EXAMPLES[name][number](world))
    before = contents(world.run)
    found = analysis(world.run)  # type: ignore[operator]
    assert contents(world.run) == before, "it changes nothing"
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


def test_the_same_run_gives_the_same_table(case: tuple[Analysis, Table], world: World):
    analysis, found = case
    assert analysis(world.run) == found


def test_it_can_be_written_and_read(case: tuple[Analysis, Table]):
    _, found = case
    assert Table(**json.loads(json.dumps(found._asdict(), allow_nan=False))) == found


def test_a_folder_that_is_no_run_is_refused_in_words(case: tuple[Analysis, Table], tmp_path: Path):
    with pytest.raises((ValueError, OSError), match=str(tmp_path)):
        case[0](tmp_path)


def test_a_run_that_has_only_begun_is_refused_in_words(case: tuple[Analysis, Table], world: World, tmp_path: Path):
    (tmp_path / "begun").mkdir()
    (tmp_path / "begun/plan.yaml").write_bytes((world.run / "plan.yaml").read_bytes())
    with pytest.raises((ValueError, OSError), match="polydistill run"):
        case[0](tmp_path / "begun")
    for stage in ("answer", "translate"):
        (tmp_path / "begun" / stage).symlink_to((world.run / stage).resolve())
    with pytest.raises((ValueError, OSError), match="polydistill run"):
        case[0](tmp_path / "begun")


# What is true of these alone


def table(name: str, world: World, **settings: Any) -> Table:
    return find("analyses", name)(**settings)(world.run)  # type: ignore[operator]


def test_a_student_that_is_its_teacher_is_loyal_and_at_no_distance(world: World):
    student = engine(world.run / "choose" / "model")
    for row in table("loyalty", world, teacher=student, answers=4).rows:
        assert (row["label"], row["probability"]) == (1, 1)
    assert all(row["label"] < 1 and row["probability"] < 1 for row in table("loyalty", world, answers=4).rows)


def test_with_the_oracle_as_teacher_golden_is_proxy(world: World):
    for row in table("proxy_and_golden", world, oracle=engine(world.other), teacher=engine(world.other), answers=4).rows:
        assert row["golden"] == row["proxy"] > 1


def test_the_untouched_model_is_at_no_distance_from_itself_and_training_leads_away(world: World):
    found = table("proxy_and_golden", world, oracle=engine(world.other), teacher=engine(world.untouched), answers=4)
    for lang in ("eng", "spa"):
        rows = [row for row in found.rows if row["language"] == lang]
        assert [row["step"] for row in rows] == sorted(row["step"] for row in rows)
        assert (rows[0]["step"], rows[0]["loss"], len(rows)) == (0, None, 5)
        assert rows[0]["proxy"] == pytest.approx(0, abs=1e-9)
        assert rows[0]["golden"] > 1
        assert rows[-1]["proxy"] > 0.1
        assert rows[-1]["loss"] < rows[1]["loss"]


def test_what_it_learned_from_are_other_answers_than_those_that_are_fresh(world: World):
    from polydistill.analyses._models import answers
    from polydistill.records import split_of

    for split in ("test", "train"):
        rows = answers(world.run, 1000, split).rows
        assert {split_of(row.id) for some in rows.values() for row in some} == {split}
    models = {"oracle": engine(world.other), "teacher": engine(world.untouched), "answers": 4}
    fresh, offline = (table("proxy_and_golden", world, **models, split=split).rows[-1] for split in ("test", "train"))
    assert fresh["proxy"] != offline["proxy"]


def test_distances_are_sums_over_an_answer_of_the_untouched_models_tokens(world: World):
    """One answer's golden distance, from whole logits."""
    import torch

    from polydistill.analyses._models import answers, compared, of_engine
    from polydistill.batch import padded
    from polydistill.component import read_component
    from polydistill.engines import Engine

    held = answers(world.run, 5)
    models = [read_component(Engine, engine(path)) for path in (world.untouched, world.other)]
    with of_engine(held, models[0]) as one, of_engine(held, models[1]) as other:
        rows = held.rows["spa"]
        (found,) = compared(one, other, rows, lambda p, q: (p.softmax(-1) * (p.log_softmax(-1) - q.log_softmax(-1))).sum(-1))
        for row, distance in zip(rows, found, strict=True):
            ids = torch.tensor([row.ids])
            p, q = (model.base(input_ids=ids).logits[0, row.prompt - 1 : -1].log_softmax(-1) for model in (one, other))
            assert distance == pytest.approx((p.exp() * (p - q)).sum().item(), rel=1e-9)
        assert len(padded(rows).targets) == sum(row.learned for row in rows)


def test_without_an_oracle_golden_is_what_text_by_people_costs_the_student(world: World):
    """The toy language is learned: its held-out text costs less after training, as bits per character say too."""
    from polydistill.analyses._models import of_engine, people, surprise
    from polydistill.component import read_component
    from polydistill.engines import Engine

    held = people(world.run, 5)
    assert all(row.prompt == 1 for rows in held.rows.values() for row in rows), "plain text"
    with of_engine(held, read_component(Engine, engine(world.untouched))) as model:
        of_texts = surprise(model, held.rows["spa"])
    with read_component(Engine, engine(world.untouched)).open() as opened:
        texts = [opened.chat.tokenizer.decode(row.ids[1:]) for row in held.rows["spa"]]
        assert of_texts == pytest.approx([-score for score in opened.score([None] * len(texts), texts)], rel=1e-9)
    spa = [row for row in table("proxy_and_golden", world, answers=5).rows if row["language"] == "spa"]
    assert spa[0]["golden"] == pytest.approx(sum(of_texts) / len(of_texts))
    assert spa[-1]["golden"] < 0.9 * spa[0]["golden"]


def test_where_a_run_has_no_text_by_people_it_is_the_declaration(world: World, tmp_path: Path):
    from polydistill.analyses._models import people

    plan = (world.run / "plan.yaml").read_text()
    (tmp_path / "plan.yaml").write_text(re.sub(r"(?m)^  texts:\n  - parallel:\n.*$", "  texts: []", plan, count=1))
    assert people(world.run, 3).rows["eng"][0].id != people(tmp_path, 3).rows["eng"][0].id
    assert people(tmp_path, 3).rows["eng"][0].id.startswith("udhr/")


def test_a_model_with_another_vocabulary_is_refused(world: World, tmp_path: Path):
    tiny.model_folder(tmp_path / "strange")
    tokenizer = json.loads((tmp_path / "strange/tokenizer.json").read_text())
    words = tokenizer["model"]["vocab"]
    words["a"], words["b"] = words["b"], words["a"]
    (tmp_path / "strange/tokenizer.json").write_text(json.dumps(tokenizer))
    with pytest.raises(ValueError, match="strange does not fit the run's model: the tokenizers are two vocabularies"):
        table("loyalty", world, teacher=engine(tmp_path / "strange"))


# On the command line


def said(*arguments: object) -> Any:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_analyse_prints_a_table_of_80_columns_and_writes_it(world: World):
    result = said("analyse", world.run, "proxy_and_golden", f"oracle={world.other}", f"teacher={world.untouched}", "answers=3")
    assert result.exit_code == 0, result.output
    assert max(len(line) for line in result.stdout.splitlines()[:-1]) <= 80
    assert "golden: KL(oracle || student)" in result.stdout
    file = world.run / "analyses" / "proxy_and_golden.json"
    assert str(file) in result.stdout
    written = json.loads(file.read_text())
    assert written["analysis"]["proxy_and_golden"]["answers"] == 3
    assert written["rows"][0]["proxy"] == pytest.approx(0, abs=1e-9), "models given by their path compute as the run's does"
    assert len(written["rows"]) == 10
    assert f"{written['rows'][-1]['golden']:.4g}" in result.stdout


def test_mistakes_are_said_before_a_model_is_loaded(world: World):
    for arguments, sentence in (
        (("loyaltee",), "no analysis named 'loyaltee'; did you mean loyalty? (polydistill list analyses)"),
        (("loyalty", "answer=3"), "no setting named 'answer'; did you mean answers?"),
        (("loyalty", "answers=0"), "answers: Input should be greater than or equal to 1, not 0"),
        (("proxy_and_golden", "split=dev"), "split: Input should be 'train', 'development' or 'test', not 'dev'"),
    ):
        result = said("analyse", world.run, *arguments)
        assert result.exit_code == 2, result.output
        assert sentence in result.stderr
    result = said("analyse", world.run, "loyalty", "teacher=absent")
    assert (result.exit_code, "no model at absent" in result.stderr) == (1, True)
    assert said("analyse", world.run / "absent", "loyalty").exit_code == 2
