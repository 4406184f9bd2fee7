"""Devices: one of several is there only where there are so many."""

import pytest

from polydistill import models
from polydistill.devices import present


@pytest.fixture
def one_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)


@pytest.mark.usefixtures("one_gpu")
def test_what_is_there_is_taken(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(models, "best_device", lambda: "best")
    assert [present(device) for device in ("cpu", "cuda", "cuda:0", "auto")] == ["cpu", "cuda", "cuda:0", "best"]


@pytest.mark.usefixtures("one_gpu")
@pytest.mark.parametrize(("device", "finds"), [("cuda:1", r"1 \(the first is cuda:0\)"), ("mps", "none")])
def test_what_is_not_there_is_said(device: str, finds: str):
    with pytest.raises(ValueError, match=f"device {device} is not here: PyTorch .* finds {finds}; give auto or cpu"):
        present(device)
