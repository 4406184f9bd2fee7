from pathlib import Path

import pytest
import torch
from torch import Tensor

from polydistill.teachers._kept_head import Head, head_of, is_kept, keep, kept


@pytest.mark.parametrize("cap", [None, 3.0])
def test_a_head_is_found_out_by_asking(cap: float | None):
    weight, bias = torch.randn(7, 4, dtype=torch.double), torch.randn(7, dtype=torch.double)

    def head(states: Tensor) -> Tensor:
        logits = 1.5 * (states @ weight.T + bias)
        return logits if cap is None else cap * torch.tanh(logits / cap)

    states = torch.randn(5, 4, dtype=torch.double)
    found = head_of(head, states)
    assert torch.allclose(found(states), head(states), rtol=0, atol=1e-9)
    assert torch.allclose(found.weight, 1.5 * weight, rtol=0, atol=1e-9)


@pytest.mark.parametrize("cap", [torch.inf, 3.0])
def test_it_comes_back_whole_or_not_at_all(cap: float, tmp_path: Path):
    head = Head(torch.tensor([[1.0, 2.0], [0.0, -4.0]]), torch.tensor([0.5, 0.0]), torch.tensor(cap))
    folder = tmp_path / "head"
    assert not is_kept(folder)
    folder.mkdir()
    assert not is_kept(folder), "a folder that somebody has begun"
    keep(folder, head)
    assert is_kept(folder)
    assert [path.name for path in tmp_path.iterdir()] == ["head"], "nothing unfinished is left"
    read = kept(folder, torch.device("cpu"))
    assert all(torch.equal(one, other) for one, other in zip(read, head, strict=True))
    (path,) = folder.glob("*.safetensors")
    path.write_bytes(path.read_bytes()[:-8])
    assert not is_kept(folder)


def test_the_cap_by_hand():
    """cap tanh((W h + b) / cap): 3 tanh((2 + 1) / 3) and 3 tanh(0)."""
    states = torch.tensor([[2.0]])
    weight, bias = torch.tensor([[1.0], [0.5]]), torch.tensor([1.0, -1.0])
    assert Head(weight, bias, torch.tensor(torch.inf))(states).tolist() == [[3.0, 0.0]]
    assert Head(weight, bias, torch.tensor(3.0))(states)[0].tolist() == pytest.approx([3 * 0.7615941559557649, 0.0])
