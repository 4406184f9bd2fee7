"""Every recipe runs on the tiny world from its first question to its student, and twice."""

from pathlib import Path

import pytest
import tiny

from polydistill.choose import Model
from polydistill.cli import run_flow
from polydistill.plan import RECIPES, Plan, read_plan
from polydistill.train import Candidates

NAMES = sorted(path.stem for path in RECIPES.glob("*.yaml"))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Questions, a dictionary and a model; recipes share the results that they have in common."""
    folder = tmp_path_factory.mktemp("recipes")
    tiny.world(folder)
    return folder


def plan_of(name: str, folder: Path) -> Plan:
    """The recipe on the tiny world: nothing of its objective, builders, samplers, surgeries or rounds is changed."""
    return read_plan(name, [
        f"model={{transformers: {{path: {folder}/model, dtype: float64, device: cpu, batch_size: 8}}}}",
        f"runs={folder}/runs", f"name={name}", f"ask={{source: {{file: {{path: {folder}/questions.jsonl}}}}, questions: 40}}",
        "answer.max_tokens=64",
        f"translate.translator={{dictionary: {{path: {folder}/words.tsv, source: eng, target: spa}}}}",
        "mix.filters=[]", f"mix.texts=[{{parallel: {{path: {folder}/parallel.tsv}}}}]", "mix.tokens=2500",
        "train.batch_rows=8", "train.learning_rate=0.001", "train.compute=float64", "train.device=cpu",
        "choose.retain=null", "evaluate.evaluators=[loops]",
        *(["rounds.2.train.draws.every=2"] if name == "ddk" else []),
    ], source="eng", target="spa")  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_it_runs_and_its_student_is_another_model(name: str, world: Path):
    plan = plan_of(name, world)
    assert plan.check() == []
    run_flow(plan, until="choose")
    events = Candidates((plan.folder / "train").resolve()).events()
    last = plan.rounds[-1].plan if plan.rounds else plan
    assert set(last.train.objective.parts) <= set(events[-1])
    assert all(event["gradient_norm"] > 0 for event in events[1:])
    student = Model((plan.folder / "choose").resolve()).model
    assert (student / "model.safetensors").read_bytes() != (world / "model/model.safetensors").read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_its_head_says_what_it_costs_what_it_aims_at_and_what_came_out(name: str):
    head = [line for line in (RECIPES / f"{name}.yaml").read_text("utf-8").splitlines() if line.startswith("#")]
    for word in ("arXiv", f"polydistill run {name} ", "Cost: ", "Aim: ", "Found: "):
        assert any(word in line for line in head), word
    assert max(map(len, head)) <= 128
