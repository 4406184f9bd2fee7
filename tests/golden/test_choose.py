"""The student between the untouched and the trained model."""

import json
from pathlib import Path

import pytest
import tiny_disk
import torch
from safetensors.torch import load_file, save_file

from polydistill.choose import ChooseSettings, between, choose, read_weights
from polydistill.engines.transformers import Transformers
from polydistill.stage import Workspace, finish
from polydistill.train import Candidates


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


def test_weights_of_several_files_are_one_model(tmp_path: Path):
    save_file({"a": torch.ones(1)}, tmp_path / "model-00001-of-00002.safetensors")
    save_file({"b": torch.ones(2)}, tmp_path / "model-00002-of-00002.safetensors")
    assert set(read_weights(tmp_path)) == {"a", "b"}


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
    student = choose(ChooseSettings(scale=scale, model=engine), Candidates(trained.parent))
    assert {file.name for file in student.model.iterdir()} == {file.name for file in random_model.iterdir()}
    assert json.loads((student.model / "config.json").read_text()) == json.loads((random_model / "config.json").read_text())
    for name, weight in load_file(student.model / "model.safetensors").items():
        assert torch.allclose(weight, moved[name] - (1 - scale), rtol=0, atol=1e-6)
    lifted = student.engine(engine)
    assert (lifted.path, lifted.template, lifted.batch_size) == (str(student.model), None, 3)
