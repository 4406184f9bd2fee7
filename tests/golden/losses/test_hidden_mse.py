import pytest
import torch

from polydistill.losses import Sizes
from polydistill.losses.hidden_mse import HiddenMSE

STUDENT, TEACHER = [[1.0, 2.0], [0.0, -3.0]], [[1.0, 5.0], [4.0, -1.0]]


def test_two_positions_by_hand():
    """(0 + 9) / 2 and (16 + 4) / 2."""
    assert HiddenMSE()(torch.tensor(STUDENT), torch.tensor(TEACHER)).tolist() == [4.5, 10.0]


def test_through_a_projection_by_hand():
    """(1, 2) W = (2, 7, 3) and (0, -3) W = (0, -9, -3) against three dimensions: (4 + 1 + 1) / 3 and (4 + 81 + 0) / 3."""
    loss = HiddenMSE(projection="learned")
    (projection,) = loss.start(Sizes(2, 2, 4, 260), Sizes(3, 2, 4, 260))
    with torch.no_grad():
        projection.weight.copy_(torch.tensor([[2.0, 1.0, 1.0], [0.0, 3.0, 1.0]]))
    found = loss(torch.tensor(STUDENT), torch.tensor([[0.0, 6.0, 4.0], [2.0, 0.0, -3.0]]), projection)
    assert found.tolist() == pytest.approx([2.0, 85 / 3], rel=1e-6)
