from itertools import product
from math import exp, log, sqrt

import pytest
import torch
from scipy.spatial.distance import jensenshannon

from polydistill.analyses._distances import kl, probability_loyalty, same_label

P, Q = [0.5, 0.3, 0.2], [0.6, 0.3, 0.1]


def logits(*rows: list[float], dtype: torch.dtype = torch.float64) -> torch.Tensor:
    """Logits of distributions, each shifted by some constant of its own."""
    return torch.tensor([[log(p) + at for p in row] for at, row in enumerate(rows, 3)], dtype=dtype)


def test_kl_by_hand():
    by_hand = sum(p * log(p / q) for p, q in zip(P, Q, strict=True))
    assert kl(logits(P, P), logits(Q, P)).tolist() == pytest.approx([by_hand, 0])
    assert kl(logits(Q), logits(P)).item() == pytest.approx(sum(q * log(q / p) for p, q in zip(P, Q, strict=True)))


def test_the_likeliest_token_by_hand():
    assert same_label(logits(P, P, [0.2, 0.3, 0.5]), logits(Q, [0.3, 0.4, 0.3], [0.1, 0.1, 0.8])).tolist() == [1, 0, 1]


def test_probability_loyalty_by_hand():
    m = [(p + q) / 2 for p, q in zip(P, Q, strict=True)]
    js = sum(p * log(p / c, 2) + q * log(q / c, 2) for p, q, c in zip(P, Q, m, strict=True)) / 2
    assert probability_loyalty(logits(P), logits(Q)).item() == pytest.approx(1 - sqrt(js))
    assert probability_loyalty(logits(Q), logits(P)).item() == pytest.approx(1 - sqrt(js))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_it_is_one_where_two_agree_and_nothing_where_they_share_nothing(dtype: torch.dtype):
    some = 3 * torch.randn(50, 400, generator=torch.Generator().manual_seed(0)).to(dtype)
    assert probability_loyalty(some, some).tolist() == [1.0] * 50
    one, other = (torch.tensor([row], dtype=dtype) for row in ([1e4, 0.0, 0.0], [0.0, 1e4, 0.0]))
    assert probability_loyalty(one, other).tolist() == [0.0]
    assert 1 - sqrt(log(2)) == pytest.approx(0.1674, abs=5e-5), "what it would be in nats"


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_against_scipys_distance_which_is_a_root_already(dtype: torch.dtype):
    draw = torch.Generator().manual_seed(1)
    for spread in (0.001, 0.1, 3.0, 30.0):
        one = torch.randn(20, 60, generator=draw, dtype=dtype)
        other = one + spread * torch.randn(20, 60, generator=draw, dtype=dtype)
        distance = jensenshannon(one.double().softmax(-1).numpy(), other.double().softmax(-1).numpy(), base=2, axis=-1)
        assert probability_loyalty(one, other).tolist() == pytest.approx((1 - distance).tolist(), abs=1e-4 * spread + 1e-9)


def test_the_root_is_taken_once():
    """Three classes at a distance of 0.115: a loyalty of 0.885, and 0.661 where the root is taken a second time."""
    low, high = 0.0, 0.3
    for _ in range(60):
        by = (low + high) / 2
        low, high = (by, high) if jensenshannon(P, [0.5 - by, 0.3 + by, 0.2], base=2) < 0.115 else (low, by)
    found = probability_loyalty(logits(P), logits([0.5 - by, 0.3 + by, 0.2])).item()
    assert found == pytest.approx(0.885, abs=1e-6)
    assert 1 - sqrt(1 - found) == pytest.approx(0.661, abs=5e-4)


def table(seed: int) -> dict[tuple[int, ...], list[float]]:
    """A model of three tokens and three places: what it says after every prefix."""
    draw = torch.Generator().manual_seed(seed)
    prefixes = [prefix for length in range(3) for prefix in product(range(3), repeat=length)]
    return {prefix: (3 * torch.randn(3, generator=draw, dtype=torch.float64)).tolist() for prefix in prefixes}


def likelihood(model: dict[tuple[int, ...], list[float]], tokens: tuple[int, ...]) -> float:
    found = 1.0
    for at, token in enumerate(tokens):
        weights = [exp(z) for z in model[tokens[:at]]]
        found *= weights[token] / sum(weights)
    return found


def test_token_divergences_along_sequences_are_the_divergence_of_whole_sequences():
    teacher, student = table(0), table(1)
    sequences = list(product(range(3), repeat=3))
    whole = sum(likelihood(teacher, y) * log(likelihood(teacher, y) / likelihood(student, y)) for y in sequences)
    summed = 0.0
    for y in sequences:
        prefixes = [y[:at] for at in range(3)]
        said = [torch.tensor([model[prefix] for prefix in prefixes], dtype=torch.float64) for model in (teacher, student)]
        summed += likelihood(teacher, y) * kl(*said).sum().item()
    assert whole > 1
    assert summed == pytest.approx(whole, rel=1e-12)
