from math import sqrt

import pytest
import torch

from polydistill.losses.hidden_l1 import HiddenL1

STUDENT, TEACHER = torch.tensor([[3.0, 4.0], [0.0, -3.0]]), torch.tensor([[1.0, 0.0], [1.0, 1.0]])


def test_two_positions_by_hand():
    """|3 - 1| + |4 - 0| and |0 - 1| + |-3 - 1|, over two dimensions."""
    assert HiddenL1(normalized=False)(STUDENT, TEACHER).tolist() == [3.0, 2.5]


def test_two_directions_by_hand():
    """(3, 4) / 5 against (1, 0): (2/5 + 4/5) / 2; (0, -1) against (1, 1) / sqrt 2."""
    half = 1 / sqrt(2)
    assert HiddenL1()(STUDENT, TEACHER).tolist() == pytest.approx([0.6, (half + 1 + half) / 2], rel=1e-6)


def test_the_lengths_of_directions_say_nothing():
    grown = torch.tensor([[0.1], [70.0]])
    assert torch.allclose(HiddenL1()(STUDENT * grown, TEACHER / grown), HiddenL1()(STUDENT, TEACHER))
