"""Further rounds: read as parts of a plan, checked, run from the student before, kept, and gone on with after a stop."""

import json
from pathlib import Path

import pytest
import tiny
import typer

from polydistill.choose import Model
from polydistill.cli import run_flow
from polydistill.plan import Plan, PlanError, read_plan
from polydistill.stage import Rows
from polydistill.train import Candidates

ROUNDS = """\
rounds:
  - train: {objective: {sampled_text: {objective: word_level, sampling: {max_tokens: 12}}}, learning_rate: 1.0e-3, epochs: 1}
  - mix: {tokens: 1500}
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plan with two further rounds."""
    plan = tiny.world(tmp_path_factory.mktemp("rounds"))
    plan.write_text(plan.read_text("utf-8") + ROUNDS, "utf-8")
    return plan


@pytest.fixture(scope="module")
def ran(world: Path) -> Plan:
    plan = read_plan(str(world))
    assert plan.check() == []
    run_flow(plan)
    return plan


def changed(world: Path, before: str, after: str) -> Path:
    path = world.with_name("changed.yaml")
    path.write_text(world.read_text("utf-8").replace(before, after), "utf-8")
    return path


def test_a_round_is_the_plan_with_its_part_laid_over(world: Path):
    plan = read_plan(str(world))
    one, two = (later.plan for later in plan.rounds)
    assert one.train.objective.name() == "sampled_text"
    assert (one.train.epochs, one.train.batch_rows) == (1, 8), "what it does not name is the plan's"
    assert one.mix == plan.mix
    assert (two.mix.tokens, two.train) == (1500, plan.train)
    assert read_plan(str(world)) == plan


def test_what_a_round_names_and_all_that_follows_is_done_with_the_student(world: Path):
    plan = read_plan(str(world))
    student = plan.model.model_copy(update={"path": "student"})
    with_student = [
        {name for name in ("ask", "answer", "mix", "train", "choose") if getattr(later.after(student), name).model == student}
        for later in plan.rounds
    ]
    assert with_student == [{"train", "choose"}, {"mix", "train", "choose"}]
    assert plan.rounds[0].after(student).evaluate.model == student


def stages(plan: Plan, name: str) -> list[Path]:
    """The folders of a stage, round by round."""
    written = json.loads((plan.folder / "stages.json").read_text("utf-8"))
    return [plan.runs / "stages" / folder for stage, folder, _ in written if stage == name]


def test_each_round_starts_from_the_student_of_the_one_before(ran: Plan):
    trained = stages(ran, "train")
    assert len(trained) == 3
    assert (ran.folder / "train").resolve() == trained[-1].resolve(), "what the run shows is the last round"
    last = Candidates(trained[-1]).events()
    assert len(Rows(stages(ran, "mix")[2])) < len(Rows(stages(ran, "mix")[1])) == len(Rows(stages(ran, "mix")[0]))
    assert len(last) > 2
    own = Candidates(trained[1]).events()
    assert {"word_level"} <= set(own[0])
    assert own[0]["word_level"] == pytest.approx(0, abs=1e-9), "the teacher is the student as the round found it"
    weights = {(folder / "model/model.safetensors").read_bytes() for folder in trained}
    assert len(weights) == 3
    assert Model(ran.folder / "choose").model.is_dir()


def test_the_same_command_again_computes_nothing(ran: Plan, capsys: pytest.CaptureFixture[str]):
    run_flow(read_plan(str(ran.folder)))
    said = capsys.readouterr().err
    assert said.count("train: kept from") == 3
    assert "steps  loss" not in said


def test_a_verb_goes_up_to_the_last_round(world: Path, ran: Plan):
    before = (ran.folder / "choose").resolve().name
    done = run_flow(read_plan(str(world)), until="train")
    assert done.folder.resolve() == (ran.folder / "train").resolve()
    assert (ran.folder / "choose").resolve().name == before, "what the run shows stays that of the last round"


def test_a_run_keeps_its_rounds_in_its_plan(ran: Plan):
    assert read_plan(str(ran.folder)).rounds == ran.rounds
    assert read_plan(str(ran.folder)).folder == ran.folder


def test_a_stop_in_a_further_round_goes_on(world: Path, ran: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The end is the same to the last bit."""
    plan = read_plan(str(world), [f"runs={tmp_path / 'runs'}"])
    seen = []

    first = len(Candidates(stages(ran, "train")[0]).events())

    def in_the_second_round() -> bool:
        seen.append(1)
        return len(seen) == first + 1  # it is asked after each step but the last one

    from polydistill import loop

    once = loop.agreed
    monkeypatch.setattr(loop, "agreed", lambda accelerator, stop: in_the_second_round() or once(accelerator, stop))
    with pytest.raises(typer.Exit):
        run_flow(plan)
    monkeypatch.setattr(loop, "agreed", once)
    run_flow(plan)
    one, other = (Model(folder / "choose").model / "model.safetensors" for folder in (plan.folder, ran.folder))
    assert one.read_bytes() == other.read_bytes()


def test_a_plan_of_one_round_is_what_it_was(world: Path):
    plain = changed(world, ROUNDS, "")
    assert "rounds" not in read_plan(str(plain)).identity()
    assert "rounds" not in read_plan(str(plain)).written()
    assert read_plan(str(plain)).rounds == ()


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("  - mix: {tokens: 1500}", "  - mixx: {tokens: 1500}", r"line \d+: rounds.1.mixx: .*did you mean mix"),
        ("  - mix: {tokens: 1500}", "  - to: [cat]", r"line \d+: rounds.1.to: "),
        ("  - mix: {tokens: 1500}", "  - mix: {token: 1500}", r"round 3: .*mix\.token.*did you mean tokens"),
        ("  - mix: {tokens: 1500}", "  - 7", "holds parts of a plan: give them as a list"),
        ("sampled_text: {objective: word_level", "sampled_text: {objective: word_levle", "round 2: .*did you mean word_level"),
    ],
)
def test_a_mistake_in_a_round_is_told_with_its_place(world: Path, before: str, after: str, said: str):
    with pytest.raises(PlanError, match=said):
        read_plan(str(changed(world, before, after)))


def test_what_would_stop_a_round_is_found_before_the_first(world: Path):
    wrong = changed(world, "  - mix: {tokens: 1500}", "  - mix: {texts: [{parallel: {path: nowhere.tsv}}]}")
    (problem,) = read_plan(str(wrong)).check()
    assert problem.startswith("round 3: mix.texts[0]: ")
    assert "nowhere.tsv" in problem
