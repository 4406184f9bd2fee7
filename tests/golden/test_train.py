"""The stage that trains: its candidates, and what it leaves behind. The loop itself is tested in tests/flow/test_loop.py."""

import json
from pathlib import Path

import pytest
from tiny_rows import ENG, chat

from polydistill.engines.transformers import Transformers
from polydistill.objectives.next_token import NextToken
from polydistill.schedules.constant import Constant
from polydistill.stage import Rows, Stopped, Workspace, finish, is_finished, write_shard
from polydistill.train import Candidates, train
from polydistill.training import TrainSettings


@pytest.fixture
def mixture(tmp_path: Path) -> Rows:
    folder = tmp_path / "mix-1"
    folder.mkdir()
    rows = [chat(f"q{n}", ENG, "where is the cat?", "in the house.").but(lineage={"builder": "rich"}) for n in range(4)]
    write_shard(folder, 0, rows)
    finish(folder, {})
    return Rows(folder)


def settings(model: Path, **changes: object) -> TrainSettings:
    given = {
        "objective": NextToken(), "schedule": Constant(), "learning_rate": 1e-3, "batch_rows": 2, "epochs": 1, "rich": ENG,
        "compute": "float64", "device": "cpu", "model": Transformers(path=str(model), dtype="float64"),
    }  # fmt: skip
    return TrainSettings(**{**given, **changes})


def test_candidates_are_found_by_their_steps_and_the_last_is_the_model(tmp_path: Path):
    for name in ("model", "model-0000003", "model-0000012", "beside"):
        (tmp_path / name).mkdir()
    found = Candidates(tmp_path)
    assert (found.events(), list(found.models)) == ([], [3, 12, 0])
    (tmp_path / "beside" / "events.jsonl").write_text("".join(json.dumps({"step": n}) + "\n" for n in range(20)))
    assert found.models == {3: tmp_path / "model-0000003", 12: tmp_path / "model-0000012", 20: tmp_path / "model"}
    assert list(found.models) == [3, 12, 20]
    assert found.events()[-1] == {"step": 19}


def test_it_leaves_models_and_events_and_no_checkpoints_and_is_done_once(space: Workspace, random_model: Path, mixture: Rows):
    given = settings(random_model, candidates=2, checkpoint_minutes=0)
    done = train(given, mixture)
    assert is_finished(done.folder)
    assert {path.name for path in done.folder.iterdir() if not path.name.startswith(".")} == {
        "model", "model-0000001", "beside", "manifest.json",
    }  # fmt: skip
    assert list(done.models) == [1, 2]
    assert len(done.events()) == 2
    weights = [(folder / "model.safetensors").read_bytes() for folder in (random_model, *done.models.values())]
    assert len(set(weights)) == 3, "every step changed it"
    written = done.model.stat().st_mtime_ns
    again = train(given.model_copy(update={"checkpoint_minutes": 9}), mixture)
    assert (again.folder, again.model.stat().st_mtime_ns) == (done.folder, written)
    assert [there for _, _, there in space.finished] == [False, True]


def test_one_that_was_asked_to_stop_is_not_finished_and_goes_on(space: Workspace, random_model: Path, mixture: Rows):
    space.stopping = True
    with pytest.raises(Stopped):
        train(settings(random_model), mixture)
    (folder,) = (space.root / "stages").glob("train-*")
    assert not is_finished(folder)
    space.stopping = False
    assert train(settings(random_model), mixture).folder == folder
