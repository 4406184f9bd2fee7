"""In few bytes."""

import math

import numpy as np
import pytest
import torch

from polydistill.signals import Support
from polydistill.teachers._codec import draws_of, of_draws, of_states, of_support, side_by_side, states_of, support_of


def test_a_support_by_hand():
    """p = 1/2 and 1/8 of four: -log p in float16, and 3/8 remain."""
    log_p = torch.tensor([[math.log(0.5), math.log(0.125)], [math.log(0.9), -math.inf]], dtype=torch.double)
    ids = torch.tensor([[3, 70_000], [0, 0]])
    said = support_of(of_support(Support(ids, log_p), 100_000), 2, 2, 100_000)
    assert said.ids.equal(ids)
    p = said.log_p.double().exp()
    near = float(np.float16(math.log(2))), float(np.float16(math.log(8)))
    assert float(p[0, 1] / p[0, 0]) == pytest.approx(math.exp(near[0] - near[1]), rel=1e-6)
    remains = float(np.float16(-math.log(3 / 8)))
    assert float(p[0].sum()) == pytest.approx(1 - math.exp(-remains), rel=1e-6)
    assert float(p[1].sum()) == pytest.approx(0.9, rel=2**-10)
    assert said.log_p[1, 1] == -math.inf


def test_probabilities_never_sum_to_more_than_one():
    """Each rounded by itself would: five tokens of a fifth are 1.00006 in float16."""
    assert 5 * math.exp(-float(np.float16(math.log(5)))) > 1.00005
    support = Support(torch.arange(5)[None], torch.full((1, 5), -math.log(5), dtype=torch.double))
    said = support_of(of_support(support, 260), 1, 5, 260)
    assert float(said.log_p.double().exp().sum()) == pytest.approx(1, abs=1e-7)


def test_draws_by_hand():
    ids = np.array([[7, 3, 7, 7], [9, 9, 9, 9]])
    counted = side_by_side([draws_of(of_draws(ids, np.ones((2, 4), np.uint16), 260), 2, np.uint16, 260)])
    assert counted.ids.tolist() == [[3, 7], [9, 0]]
    assert counted.weights.tolist() == [[1, 3], [4, 0]]
    weights = np.array([[0.25, 0.5, 0.25, 0.25], [0.125] * 4], np.float32)
    weighed = side_by_side([draws_of(of_draws(ids, weights, 100_000), 2, np.float32, 100_000)])
    assert weighed.weights.tolist() == [[0.5, 0.75], [0.5, 0]]


def test_states_that_are_too_large_are_refused():
    states = torch.tensor([[1.0, -70_000.0]])
    with pytest.raises(ValueError, match=r"reach 70,000, and torch.float16 holds no more than 65,504: give dtype=bfloat16"):
        of_states(states, torch.float16)
    assert states_of(of_states(states, torch.bfloat16), 1, 2, torch.bfloat16).tolist() == [[1.0, -70_144.0]]
