import pytest
import torch

from polydistill.signals import Support
from polydistill.teachers._choosing import drawn, first, likeliest


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_draws_are_unbiased_over_many_seeds(temperature: float):
    """E sum w f = sum p f for f of any token, within four standard errors; and each weight is p / (n r)."""
    p = torch.tensor([[0.5, 0.3, 0.15, 0.05, 0.0], [0.1, 0.1, 0.1, 0.6, 0.1]], dtype=torch.double)
    r = p ** (1 / temperature) / (p ** (1 / temperature)).sum(1, keepdim=True)
    n, seeds = 4, 2000
    found = torch.zeros(seeds, 2, 5, dtype=torch.double)
    for seed in range(seeds):
        ids, weights = drawn(lambda states: p.log()[states[:, 0].long()], torch.tensor([[0.0], [1.0]]), n, temperature, seed)
        assert torch.allclose(weights, (p / (n * r)).gather(1, ids))
        found[seed].scatter_add_(1, ids, weights)
    error = ((p**2 / r.clamp(min=1e-12) - p**2) / (n * seeds)).sqrt()
    assert ((found.mean(0) - p).abs() <= 4 * error).all()
    if temperature == 1:
        assert (found.sum(2) - 1).abs().max() < 1e-12, "counts / n"
    else:
        assert (found.sum(2) - 1).abs().max() > 0.1, "their sum is 1 on average, not each time"


def test_what_cannot_come_is_never_drawn(monkeypatch: pytest.MonkeyPatch):
    """Not even where the draw falls on the very border."""
    monkeypatch.setattr(torch, "rand", lambda *shape, **how: torch.zeros(shape, dtype=torch.double))
    ids, weights = drawn(lambda states: torch.tensor([[0.0, 0.25, 0.0, 0.75]]).log(), torch.zeros(1, 1), 2, 1.0, 0)
    assert ids.tolist() == [[1, 1]]
    assert weights.tolist() == [[0.5, 0.5]]


def test_likeliest_in_parts_is_likeliest_at_once(monkeypatch: pytest.MonkeyPatch):
    states = torch.randn(9, 20)
    whole = likeliest(lambda some: some, states, 3)
    monkeypatch.setattr("polydistill.chunks.LOGITS", 40)
    assert likeliest(lambda some: some, states, 3).ids.equal(whole.ids)


def test_of_a_support_the_first_are_kept_and_what_is_short_is_filled_up():
    known = Support(torch.tensor([[3, 1]]), torch.tensor([[0.6, 0.3]]).log())
    fewer, more = first(known, 1), first(known, 4)
    assert (fewer.ids.tolist(), fewer.log_p.exp().tolist()) == ([[3]], [[pytest.approx(0.6)]])
    assert (more.ids.tolist(), more.log_p.exp().tolist()) == ([[3, 1, 0, 0]], [pytest.approx([0.6, 0.3, 0, 0])])
