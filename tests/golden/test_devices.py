"""Devices: one of several is there only where there are so many."""

from pathlib import Path

import pytest

from polydistill import devices
from polydistill.devices import present


@pytest.fixture
def one_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)


@pytest.mark.usefixtures("one_gpu")
def test_what_is_there_is_taken(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(devices, "best_device", lambda: "best")
    assert [present(device) for device in ("cpu", "cuda", "cuda:0", "auto")] == ["cpu", "cuda", "cuda:0", "best"]


@pytest.mark.usefixtures("one_gpu")
@pytest.mark.parametrize(("device", "finds"), [("cuda:1", r"1 \(the first is cuda:0\)"), ("mps", "none")])
def test_what_is_not_there_is_said(device: str, finds: str):
    with pytest.raises(ValueError, match=f"device {device} is not here: PyTorch .* finds {finds}; give auto or cpu"):
        present(device)


def test_the_dtype_follows_from_what_the_processor_is(monkeypatch: pytest.MonkeyPatch):
    for flags, dtype in (("fpu avx512_bf16 sse", "bfloat16"), ("amx_bf16", "bfloat16"), ("avx512f avx2", "float32")):
        monkeypatch.setattr(Path, "read_text", lambda path, *how, flags=flags: flags)
        assert devices.best_dtype.__wrapped__("cpu") == dtype
    monkeypatch.setattr(Path, "read_text", lambda path, *how: Path.open(Path("/nowhere")))
    assert devices.best_dtype.__wrapped__("cpu") == "float32"
    assert devices.best_dtype.__wrapped__("mps") == "float16"
