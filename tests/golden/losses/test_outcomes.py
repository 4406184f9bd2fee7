"""Some tokens told apart, all others together."""

import pytest
import torch
from tiny_distributions import OF_FOUR, of

from polydistill.losses import NEVER
from polydistill.losses._outcomes import outcomes, outcomes_of_both
from polydistill.signals import Support

P, Q = OF_FOUR


def test_all_others_are_one_outcome():
    ids = torch.tensor([[2, 0]])
    assert outcomes(of(Q), ids, others=True).exp()[0].tolist() == pytest.approx([0.1, 0.2, 0.4 + 0.3])
    assert outcomes(of(Q), ids, others=False).exp()[0].tolist() == pytest.approx([0.1, 0.2])


def test_where_every_token_is_told_apart_nothing_remains():
    assert outcomes(of(Q), torch.tensor([[3, 2, 1, 0]]), others=True).exp()[0].tolist() == pytest.approx(Q[::-1])


def test_it_is_computed_in_float32_at_least():
    assert outcomes(of(Q).bfloat16(), torch.tensor([[0]]), others=True).dtype == torch.float32
    assert outcomes(of(Q), torch.tensor([[0]]), others=True).dtype == torch.float64


def test_its_gradient_is_that_of_gathering_and_log_sum_exp():
    ids = torch.tensor([[2, 0], [1, 3]])
    logits, grown = of(Q, P).requires_grad_(), torch.tensor([[1.0, -2.0, 3.0], [0.5, 0.0, -4.0]]).double()
    plain = torch.cat((logits.gather(-1, ids), logits.scatter(-1, ids, -torch.inf).logsumexp(-1, keepdim=True)), -1)
    found = outcomes(logits, ids, others=True)
    assert torch.allclose(found, plain, rtol=1e-12)
    one, other = (torch.autograd.grad((some * grown).sum(), logits)[0] for some in (found, plain))
    assert torch.allclose(one, other, rtol=1e-12)


def test_of_both_the_others_share_is_what_the_teachers_are_short_of_one():
    teacher = Support(torch.tensor([[0, 2]]), torch.tensor([[0.5, 0.15]], dtype=torch.float64).log())
    q, p = outcomes_of_both(of(Q), teacher, others=True)
    assert q.exp()[0].tolist() == pytest.approx([0.2, 0.1, 0.7])
    assert p.exp()[0].tolist() == pytest.approx([0.5, 0.15, 0.35])
    q, p = outcomes_of_both(of(Q), teacher, others=False)
    assert (q.exp()[0].tolist(), p.exp()[0].tolist()) == (pytest.approx([0.2, 0.1]), pytest.approx([0.5, 0.15]))


def test_what_fills_up_a_short_row_never_comes_on_either_side():
    """Token 0 stands there, and is counted once."""
    teacher = Support(torch.tensor([[2, 0]]), torch.tensor([[0.15, 0.0]], dtype=torch.float64).log())
    q, p = outcomes_of_both(of(Q), teacher, others=True)
    assert q[0, 1] == p[0, 1] == NEVER
    assert q.exp()[0].tolist() == pytest.approx([0.1, 0, 0.9])
    assert p.exp()[0].tolist() == pytest.approx([0.15, 0, 0.85])
