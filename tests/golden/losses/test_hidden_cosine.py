from math import sqrt

import pytest
import torch

from polydistill.losses.hidden_cosine import HiddenCosine


def test_four_positions_by_hand():
    """The same way, at right angles, opposite ways, and (3, 4) with (1, 1): 7 / (5 sqrt 2)."""
    student = torch.tensor([[1.0, 2.0], [1.0, 0.0], [0.5, 1.0], [3.0, 4.0]])
    teacher = torch.tensor([[3.0, 6.0], [0.0, 9.0], [-1.0, -2.0], [1.0, 1.0]])
    expected = [0.0, 1.0, 2.0, 1 - 7 / (5 * sqrt(2))]
    assert HiddenCosine()(student, teacher).tolist() == pytest.approx(expected, abs=1e-6)


def test_it_is_torchs_cosine_similarity():
    torch.manual_seed(0)
    student, teacher = torch.randn(20, 7).double(), torch.randn(20, 7).double()
    expected = 1 - torch.nn.functional.cosine_similarity(student, teacher)
    assert torch.allclose(HiddenCosine()(student, teacher), expected, rtol=1e-12)
