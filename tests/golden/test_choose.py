"""The student: which checkpoint, and how far from the untouched model."""

import copy
import functools
import json
import os
import random
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
import tiny
import tiny_disk
import torch
from pydantic import ValidationError
from safetensors.torch import load_file, save_file
from tiny_plan import GOOD
from tiny_rows import ENG, SPA

from polydistill.choose import ChooseSettings, Model, between, choose, read_weights, write
from polydistill.engines import OpenEngine
from polydistill.engines.transformers import Transformers
from polydistill.evaluators import Evaluator, Score
from polydistill.evaluators.text_bits import TextBits
from polydistill.plan import read_plan
from polydistill.records import Lang, Row, Split
from polydistill.retain import RetainSettings
from polydistill.stage import Stopped, Workspace, finish, working
from polydistill.storage import files
from polydistill.storage.files import write_json
from polydistill.train import Candidates
from polydistill.yaml_tree import PlanError

# Weights


@pytest.mark.parametrize(("scale", "expected"), [(0.0, [1.0, 2.0]), (0.25, [1.5, 1.0]), (0.5, [2.0, 0.0]), (1.0, [3.0, -2.0])])
def test_weights_between_by_hand(scale: float, expected: list[float], tmp_path: Path):
    for dtype in (torch.float32, torch.bfloat16):
        save_file({"a": torch.tensor([3.0, -2.0], dtype=dtype)}, tmp_path / "trained.safetensors")
        between(
            tmp_path / "trained.safetensors", {"a": torch.tensor([1.0, 2.0], dtype=dtype)}, scale, tmp_path / "out.safetensors"
        )
        found = load_file(tmp_path / "out.safetensors")["a"]
        assert found.dtype == dtype
        assert found.tolist() == expected


def test_a_full_disk_is_said(tmp_path: Path):
    save_file({"a": torch.zeros(10_000)}, tmp_path / "trained.safetensors")
    with tiny_disk.full(), pytest.raises(OSError, match=r"out\.safetensors cannot be written: .* make room if its disk"):
        between(tmp_path / "trained.safetensors", {"a": torch.ones(10_000)}, 0.5, tmp_path / "out.safetensors")
    with pytest.raises(KeyError, match="a"):  # another mistake stays what it is
        between(tmp_path / "trained.safetensors", {}, 0.5, tmp_path / "out.safetensors")


def test_a_disk_without_room_for_a_candidate_is_found_before(tmp_path: Path, random_model: Path, monkeypatch: Any):
    nothing_free = functools.partial(tuple.__new__, type(shutil.disk_usage(tmp_path)), (1, 1, 0))
    monkeypatch.setattr(files.shutil, "disk_usage", lambda folder: nothing_free())
    with pytest.raises(OSError, match=r"a candidate takes up to 0\.0 GB in .*, and 0\.0 GB are free; make room"):
        write(random_model, random_model, 0.5, tmp_path / "a")
    write(random_model, random_model, 1.0, tmp_path / "b")
    assert os.stat(tmp_path / "b/model.safetensors").st_ino == os.stat(random_model / "model.safetensors").st_ino


def test_weights_of_several_files_are_one_model(tmp_path: Path):
    save_file({"a": torch.ones(1)}, tmp_path / "model-00001-of-00002.safetensors")
    save_file({"b": torch.ones(2)}, tmp_path / "model-00002-of-00002.safetensors")
    assert set(read_weights(tmp_path)) == {"a", "b"}


# One candidate


@pytest.mark.parametrize("scale", [0.0, 0.5, 1.0])
def test_the_student_is_a_whole_folder(scale: float, space: Workspace, random_model: Path):
    trained = space.root / "stages" / "train-1" / "model"
    trained.mkdir(parents=True)
    for file in random_model.iterdir():
        (trained / file.name).write_bytes(file.read_bytes())
    moved = {name: weight + 1 for name, weight in load_file(random_model / "model.safetensors").items()}
    save_file(moved, trained / "model.safetensors", metadata={"format": "pt"})
    finish(trained.parent, {})
    engine = Transformers(path=str(random_model), template="plain", batch_size=3)
    settings = ChooseSettings(scales=(scale,), model=engine, rich=ENG, targets=(SPA,), retain=promise("2%"))
    student = choose(settings, Candidates(trained.parent))
    assert {file.name for file in student.model.iterdir()} == {file.name for file in random_model.iterdir()}
    assert json.loads((student.model / "config.json").read_text()) == json.loads((random_model / "config.json").read_text())
    for name, weight in load_file(student.model / "model.safetensors").items():
        assert torch.allclose(weight, moved[name] - (1 - scale), rtol=0, atol=1e-6)
    lifted = student.engine(engine)
    assert (lifted.path, lifted.template, lifted.batch_size) == (str(student.model), None, 3)
    assert (student.front.met, student.front.candidates, student.met) == (None, (), True)
    assert not (student.folder / "candidates").exists(), "with nothing to choose nothing is measured"


def test_where_the_last_checkpoint_alone_is_a_candidate_nothing_is_measured(space: Workspace, random_model: Path):
    folder = space.root / "stages" / "train-1"
    for name in ("model-0000003", "model"):
        shutil.copytree(random_model, folder / name)
    finish(folder, {})
    given = {"model": Transformers(path=str(random_model)), "rich": ENG, "targets": (SPA,), "retain": promise("2%")}
    one = ChooseSettings(checkpoints="last", **given)
    one.check(2)
    assert choose(one, Candidates(folder)).front.candidates == ()
    with pytest.raises(ValueError, match="there are 2 candidates and nothing to choose by"):
        choose(ChooseSettings(**given), Candidates(folder))
    assert "checkpoints" not in ChooseSettings(**given).identity()


# Several candidates: a model that has learned the toy rich language, and is then taught the toy target alone.


def line(draw: random.Random, turned: bool) -> str:
    words = draw.choices(tiny.WORDS, k=30)
    return " ".join(word[::-1] if turned else word for word in words)


def taught(model: Any, turned: bool, steps: int, rate: float) -> Any:
    """The model, trained on lines of the toy rich language or of the target."""
    letters, draw = tiny.tokenizer(), random.Random(3)
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.0)
    for step in range(steps):
        ids = torch.tensor([[256, *letters.encode(line(draw, turned))[:40]] for _ in range(8)])
        loss = torch.nn.functional.cross_entropy(model(ids).logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten())
        optimizer.param_groups[0]["lr"] = rate * (1 - step / steps)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model


@pytest.fixture(scope="session")
def forgetting(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``base``, and ``train`` with checkpoints after 6 and 20 steps: the target becomes better, and English is lost."""
    folder = tmp_path_factory.mktemp("forgetting")
    base = taught(tiny.random_model(), turned=False, steps=80, rate=0.02)
    for name, steps in (("base", 0), ("train/model-0000006", 6), ("train/model", 20)):
        model = taught(copy.deepcopy(base), turned=True, steps=steps, rate=0.003)
        model.save_pretrained(folder / name)
        tiny.tokenizer().save_pretrained(folder / name)
    (folder / "train/beside").mkdir()
    (folder / "train/beside/events.jsonl").write_text('{"loss": 1.0}\n' * 20)
    finish(folder / "train", {})
    tiny.parallel(folder / "parallel.tsv", count=400)
    return folder


def text_bits(folder: Path, split: Split = "development") -> TextBits:
    texts = {"parallel": {"path": str(folder / "parallel.tsv")}}
    return TextBits.model_validate({"texts": texts, "label": "toy", "items": 30, "split": split})


def promise(worse_by: str) -> RetainSettings:
    return RetainSettings.model_validate({"score": "text_bits", "worse_by": worse_by})


def settings(folder: Path, worse_by: str | None, *scales: float, **changed: Any) -> ChooseSettings:
    given = {
        "retain": worse_by and promise(worse_by), "scales": scales, "evaluators": [text_bits(folder)], "rich": ENG,
        "targets": [SPA], "model": Transformers(path=str(folder / "base"), dtype="float32", device="cpu", batch_size=8),
        **changed,
    }  # fmt: skip
    return ChooseSettings.model_validate(given)


def last_alone(space: Workspace, folder: Path) -> Candidates:
    """The trained model without its earlier checkpoint."""
    out = space.root / "stages/train-1"
    shutil.copytree(folder / "train", out, ignore=shutil.ignore_patterns("model-*", "manifest.json"))
    finish(out, {})
    return Candidates(out)


def weights_of(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


def test_where_english_is_lost_at_the_whole_and_kept_at_a_third_a_third_is_chosen(
    space: Workspace, forgetting: Path, capsys: pytest.CaptureFixture[str]
):
    student = choose(settings(forgetting, "6%", 1.0, 0.6, 0.3), last_alone(space, forgetting))
    found = student.front
    assert [(one.scale, one.verdict, one.chosen) for one in found.candidates] == [
        (0.3, "kept", True), (0.6, "lost", False), (1.0, "lost", False),
    ]  # fmt: skip
    assert 0.05 < found.candidates[0].gain < found.candidates[1].gain < found.candidates[2].gain
    assert (found.step, found.scale, found.met, student.met) == (20, 0.3, True, True)
    base, trained, made = (weights_of(f) for f in (forgetting / "base", forgetting / "train/model", student.model))
    for name, weight in made.items():
        assert torch.allclose(weight, base[name] + 0.3 * (trained[name] - base[name]), rtol=0, atol=1e-6), name
    assert len(list((student.folder / "candidates").iterdir())) == 4, "the untouched model and three candidates"
    assert not list(student.folder.glob("*.tmp")), "no weights of candidates are left"
    said = capsys.readouterr().err
    assert "4/4 models" in said
    assert f"choose: {found.sentence}" in said


def test_where_nothing_keeps_english_that_is_said_and_the_nearest_is_exported(space: Workspace, forgetting: Path):
    student = choose(settings(forgetting, "1%", 1.0, 0.6), last_alone(space, forgetting))
    assert [one.verdict for one in student.front.candidates] == ["lost", "lost"]
    assert student.front.sentence.startswith(
        "None of 2 is shown to keep English within 1% (text_bits_toy); chosen all the same"
    )
    assert json.loads((student.folder / "front.json").read_text())["met"] is False
    assert (student.met, student.front.scale) == (False, 0.6)
    assert (student.model / "model.safetensors").is_file()


def test_checkpoints_are_candidates_as_scales_are(space: Workspace, forgetting: Path):
    student = choose(settings(forgetting, None, 1.0, 0.5, by="text_bits"), Candidates(forgetting / "train"))
    assert [(one.step, one.scale) for one in student.front.candidates] == [(6, 0.5), (6, 1.0), (20, 0.5), (20, 1.0)]
    assert (student.front.step, student.front.scale, student.front.met) == (20, 1.0, None)
    last = forgetting / "train/model/model.safetensors"
    assert os.stat(student.model / "model.safetensors").st_ino == os.stat(last).st_ino, "a hard link takes no room"
    earlier = choose(settings(forgetting, "6%", 1.0), Candidates(forgetting / "train"))
    assert (earlier.front.step, earlier.front.scale) == (6, 1.0)
    assert weights_of(earlier.model)["model.norm.weight"].equal(
        weights_of(forgetting / "train/model-0000006")["model.norm.weight"]
    )


class Counted(Evaluator):
    """Bits per character, counting the models it measures; the run is asked to stop when the third comes."""

    space: ClassVar[Workspace]
    seen: ClassVar[int] = 0
    inner: TextBits
    """What is measured."""
    split: Split = "development"
    """Of these."""

    def sizes(self, languages: Sequence[Lang]) -> dict[str, tuple[str, int]]:
        return self.inner.sizes(languages)

    def __call__(self, engine: OpenEngine, languages: Sequence[Lang], heldout: Iterable[Row]) -> list[Score]:
        Counted.seen += 1
        Counted.space.stopping = Counted.seen == 3
        return self.inner(engine, languages, heldout)


def test_a_stopped_choice_goes_on_where_it_was(tmp_path: Path, forgetting: Path):
    counted = Counted(inner=text_bits(forgetting))
    asked = settings(forgetting, "6%", 1.0, 0.6, 0.3, evaluators=[counted])
    for runs, stops in (("stopped", True), ("whole", False)):
        Counted.seen = 0 if stops else 9
        with working(Workspace(tmp_path / runs)) as space:
            Counted.space = space
            candidates = last_alone(space, forgetting)
            if stops:
                with pytest.raises(Stopped):
                    choose(asked, candidates)
        with working(Workspace(tmp_path / runs)) as space:
            Counted.space = space
            student = choose(asked, Candidates(tmp_path / runs / "stages/train-1"))
            if stops:
                stopped, again = student, Counted.seen
    assert again == 3 + 2, "the untouched model and the first candidate are not measured again"
    assert stopped.digest == student.digest


# What is refused


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"scales": (1.0, 0.5, 1.0)}, "at least one scale, and each once"),
        ({"scales": ()}, "at least one scale"),
        ({"scales": (1.5,)}, "less than or equal to 1"),
        ({"evaluators": ()}, "there are 2 candidates and nothing to choose by; give evaluators with split: development"),
        ({"retain": None}, "there are 2 candidates and no score to be best at; give by: text_bits, or retain"),
        ({"by": "text_bit"}, "by: no score named 'text_bit' is measured; did you mean text_bits_toy?"),
        ({"retain": {"score": "text_bits", "worse_by": "2 points"}}, "worse_by: 2 points of bits per character mean nothing"),
        ({"retain": {"score": "text_bits", "worse_by": "2%", "language": "cat"}}, "retain.language: cat is none of eng, spa"),
        ({"evaluators": ["capitals"]}, "capitals has no development items, and the verdict is given on those that it has"),
        ({"evaluators": ["text_bits"]}, "choose on others: text_bits: {texts: SOURCE, label: NAME, split: development}"),
        ({"evaluators": [{"text_bits": {"split": "development"}}]}, "the Universal Declaration has no development part"),
        ({"evaluators": [{"translation": {"pairs": {"parallel": {"path": "a.tsv"}}}}]}, "translation: {split: development}"),
    ],
)  # fmt: skip
def test_what_cannot_be_chosen_by_is_refused(forgetting: Path, changes: dict[str, Any], said: str):
    good = dict(settings(forgetting, "2%", 1.0, 0.5))
    with pytest.raises(ValidationError) as refused:
        ChooseSettings.model_validate({**good, **changes})
    told = [error.get("ctx", {}).get("errors", [error])[0]["msg"] for error in refused.value.errors()]
    assert said in told[0]


def test_a_misspelt_promise_is_said_with_the_right_name(tmp_path: Path):
    (tmp_path / "plan.yaml").write_text(GOOD)
    with pytest.raises(PlanError) as refused:
        read_plan(str(tmp_path / "plan.yaml"), ["choose.retain={scor: loops, worse_by: much}"])
    assert [mistake.partition("choose.retain.")[2] for mistake in sorted(refused.value.mistakes)] == [
        "scor: no setting named 'scor'; did you mean score?",
        "score: is missing",
        "worse_by: 'much' is no margin; give 2% (of the untouched value), 2 points, or 0.02 in the score's own unit",
    ]


def test_several_checkpoints_need_something_to_choose_by(space: Workspace, forgetting: Path):
    nothing = settings(forgetting, "2%", 1.0, evaluators=[])
    with pytest.raises(ValueError, match="there are 2 candidates and nothing to choose by"):
        choose(nothing, Candidates(forgetting / "train"))
    nothing.check(1)


def test_test_items_are_another_choice(forgetting: Path):
    with pytest.raises(ValidationError, match="text_bits measures test items, on which the verdict is given"):
        settings(forgetting, "2%", 1.0, evaluators=[text_bits(forgetting, "test")])


def test_met_is_false_only_where_something_was_measured(tmp_path: Path):
    front = {"sentence": "a", "step": 1, "scale": 1.0}
    for met, expected in ((None, True), (True, True), (False, False)):
        write_json(tmp_path / "front.json", {**front, "met": met})
        assert Model(tmp_path).met is expected
