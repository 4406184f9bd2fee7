"""Training on what a teacher said before: the live teacher's loss curve, on one rank and on two, killed or not."""

from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from safetensors.torch import load_file
from tiny_rows import ENG, chat, text

from polydistill import loop
from polydistill.engines.transformers import Transformers
from polydistill.loop import fit
from polydistill.objectives.word_level import WordLevel
from polydistill.schedules.constant import Constant
from polydistill.stage import Rows, Workspace, finish, working, write_shard
from polydistill.storage.signal_cache import HEAD, SignalCache
from polydistill.student import Student
from polydistill.teachers.cached import Cached
from polydistill.teachers.other_model import OtherModel
from polydistill.teachers.untouched import Untouched
from polydistill.train import read_events, train
from polydistill.training import TrainSettings

WORDS = ["sun", "moon", "star", "river", "house", "tree", "bird", "cat", "dog"]


@pytest.fixture(scope="module")
def mixture(tmp_path_factory: pytest.TempPathFactory) -> Rows:
    """Twelve rows of different lengths, one of them twice."""
    rows = [chat(f"q{n}", ENG, " ".join(WORDS[: 1 + n % 4]), " ".join(WORDS[n % 9 :])) for n in range(10)]
    rows += [text("t", "sol luna"), rows[3].but(id="again")]
    folder = tmp_path_factory.mktemp("mix") / "mix-1"
    folder.mkdir()
    write_shard(folder, 0, rows)
    finish(folder, {})
    return Rows(folder)


def settings(teacher: Any, loss: str = "forward_kl", **changes: Any) -> TrainSettings:
    given = {
        "objective": WordLevel(teacher=teacher, loss=loss), "schedule": Constant(), "learning_rate": 3e-3, "batch_rows": 6,
        "epochs": 2, "compute": "float64", "device": "cpu", "model": Transformers(path="m"), "checkpoint_minutes": 60,
        "rich": ENG, "micro_tokens": 128,
    }  # fmt: skip
    return TrainSettings(**{**given, **changes})


def losses(out: Path) -> list[float]:
    return [event["loss"] for event in read_events(out / "beside" / "events.jsonl")]


def fitted(given: TrainSettings, model: Path, mixture: Rows, out: Path) -> list[float]:
    fit(given, model, None, mixture, out)
    return losses(out)


def test_states_give_the_live_teachers_curve(random_model: Path, mixture: Rows, space: Workspace):
    folder = tiny.model_folder(space.root / "other", seed=5)
    other = {"transformers": {"path": str(folder), "dtype": "float64", "device": "cpu"}}
    live = fitted(settings(OtherModel(model=other)), random_model, mixture, space.root / "stages/live")
    kept = fitted(settings(Cached(teacher=OtherModel(model=other), keeps="states")), random_model, mixture, space.root / "kept")
    assert len(live) == 4
    assert live[-1] < 0.9 * live[0]
    assert kept == pytest.approx(live, rel=1e-4)


@pytest.mark.parametrize(("given", "loss"), [({"k": 20}, "top_k"), ({"keeps": "sampled"}, "soft_cross_entropy")])
def test_it_trains_on_each_form(given: dict[str, Any], loss: str, random_model: Path, mixture: Rows, space: Workspace):
    assert all(0 <= one < 10 for one in fitted(settings(Cached(**given), loss), random_model, mixture, space.root / "stages/a"))


def test_a_run_that_goes_on_does_not_open_the_live_teacher(
    random_model: Path, mixture: Rows, space: Workspace, monkeypatch: pytest.MonkeyPatch
):
    given = settings(Cached(k=20), "top_k")
    first = fitted(given, random_model, mixture, space.root / "stages/first")

    def never(*given: Any) -> Any:
        raise AssertionError("nothing is missing")

    monkeypatch.setattr(Untouched, "open", never)
    assert fitted(given, random_model, mixture, space.root / "stages/second") == first


def test_no_copy_of_the_model_stays_beside_the_student(
    random_model: Path, mixture: Rows, space: Workspace, monkeypatch: pytest.MonkeyPatch
):
    import gc

    step, seen = loop.step, []

    def counted(*given: Any) -> Any:
        seen.append(sum(isinstance(one, Student) for one in gc.get_objects()))
        return step(*given)

    before = sum(isinstance(one, Student) for one in gc.get_objects())
    monkeypatch.setattr(loop, "step", counted)
    fitted(settings(Cached(keeps="states")), random_model, mixture, space.root / "stages/a")
    assert max(seen) == before + 1
    fitted(settings(Untouched()), random_model, mixture, space.root / "stages/b")
    assert max(seen) > before + 1, "the live teacher is a second one"


def test_two_ranks_capture_a_share_each(random_model: Path, mixture: Rows, tmp_path: Path):
    model = Transformers(path=str(random_model), dtype="float64")
    with working(Workspace(tmp_path)):
        two = train(settings(Cached(keeps="states"), processes=2, model=model), mixture)
        files = list(tmp_path.glob("store/signals-*/rows-*.bin"))
        assert len(files) == 2
        cache = SignalCache(files[0].parent)
        rows = sum(place.length + HEAD.size for place in cache._places.values())
        assert sum(path.stat().st_size for path in files) == rows, "none was captured by both"
        one = fitted(settings(Cached(keeps="states")), random_model, mixture, tmp_path / "stages/one")
    assert len(list(tmp_path.glob("store/signals-*/rows-*.bin"))) == 2, "one rank finds what two captured"
    assert losses(two.folder) == pytest.approx(one, rel=1e-9, abs=1e-12)
    weights = load_file(tmp_path / "stages/one/model/model.safetensors")
    for name, weight in load_file(two.model / "model.safetensors").items():
        assert torch.allclose(weight, weights[name], rtol=0, atol=1e-9), name
