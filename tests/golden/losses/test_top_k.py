"""Another loss, of the likeliest tokens alone."""

from math import exp, log, log1p

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from tiny_distributions import OF_FOUR, kl, of

from polydistill.component import find
from polydistill.losses import LogitsLoss
from polydistill.losses.top_k import TopK
from polydistill.signals import Support

P, Q = OF_FOUR
DIVERGENCES = ["forward_kl", "reverse_kl", "symmetric_kl", "jensen_shannon", "skew_kl", "skew_reverse_kl", "total_variation"]


def named(name: str) -> LogitsLoss:
    return find("losses", name)()  # type: ignore[return-value]


def test_by_hand_with_all_others_as_one_outcome():
    assert TopK(k=2)(of(Q), of(P)).item() == pytest.approx(kl([0.5, 0.3, 0.2], [0.2, 0.4, 0.4]))


def test_by_hand_renormalised():
    found = TopK(k=2, remaining=False)(of(Q), of(P)).item()
    assert found == pytest.approx(kl([5 / 8, 3 / 8], [1 / 3, 2 / 3]))


@pytest.mark.parametrize("name", [*DIVERGENCES, "mse_logits", "adaptive_kl", "soft_cross_entropy"])
@pytest.mark.parametrize("k", [4, 5])
def test_where_k_reaches_the_vocabulary_it_is_the_loss_itself(name: str, k: int):
    student, teacher = of(Q, P), of(P, Q)
    for remaining in (True, False):
        assert torch.equal(TopK(loss=named(name), k=k, remaining=remaining)(student, teacher), named(name)(student, teacher))


def test_renormalised_it_does_not_see_what_the_student_says_beside():
    """And with the remaining outcome it does."""
    astray = [0.05, 0.03, 0.9, 0.02]
    assert TopK(k=2, remaining=False)(of(astray), of(P)).item() == pytest.approx(0, abs=1e-12)
    assert TopK(k=2)(of(astray), of(P)).item() == pytest.approx(kl([0.5, 0.3, 0.2], [0.05, 0.03, 0.92]))


def test_a_student_that_agrees_on_each_outcome_is_at_the_floor():
    assert TopK(k=2)(of([0.5, 0.3, 0.05, 0.15]), of(P)).item() == pytest.approx(0, abs=1e-12)


any_two = settings(max_examples=80, deadline=None)
logits = st.lists(st.floats(-20, 20), min_size=6, max_size=6)


@any_two
@given(logits, logits, st.sampled_from(DIVERGENCES), st.integers(1, 5))
def test_a_coarser_divergence_is_never_larger(student: list[float], teacher: list[float], name: str, k: int):
    q, p = (torch.tensor([some], dtype=torch.float64) for some in (student, teacher))
    coarse, finer, whole = TopK(loss=named(name), k=k), TopK(loss=named(name), k=k + 1), named(name)
    assert coarse(q, p) <= finer(q, p) + 1e-9
    assert finer(q, p) <= whole(q, p) + 1e-9


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_what_remains_keeps_its_precision_however_small(dtype: torch.dtype):
    """1 - sum q would be 0 in float32: the others have e^-40 in all."""
    student, teacher = torch.tensor([[40.0, 0.0, 0.0]], dtype=dtype), torch.tensor([[1.0, 0.0, 0.0]], dtype=dtype)
    p = exp(1) / (exp(1) + 2)
    others = log(2) - 40 - log1p(2 * exp(-40))
    expected = p * log(p) + (1 - p) * log(1 - p) + p * log1p(2 * exp(-40)) - (1 - p) * others
    assert TopK(k=1)(student, teacher).item() == pytest.approx(expected, rel=1e-6)


def test_from_a_signal_it_takes_the_k_likeliest_of_what_is_there():
    """In whatever order they come."""
    teacher = Support(torch.tensor([[3, 1, 0]]), torch.tensor([P[3], P[1], P[0]]).log()[None])
    dense = TopK(k=2)(of(Q), of(P))
    assert TopK(k=2).of_likeliest(of(Q), teacher).item() == pytest.approx(dense.item(), rel=1e-6)
    found = TopK(k=64).of_likeliest(of(Q), teacher).item()
    assert found == pytest.approx(kl([0.5, 0.3, 0.05, 0.15], [0.2, 0.4, 0.3, 0.1]), rel=1e-6)


def test_what_remains_of_a_rounded_signal_is_never_below_zero():
    """Probabilities that were rounded when they were written down may sum to more than one."""
    teacher = Support(torch.tensor([[0, 1]]), torch.tensor([[0.8, 0.201]]).log())
    found = TopK(k=2, loss=named("reverse_kl")).of_likeliest(of(Q), teacher)
    assert torch.isfinite(found).all()
    assert found > 0


def test_a_loss_of_something_else_than_logits_is_refused():
    with pytest.raises(ValidationError, match="hidden_mse is no logits loss"):
        TopK(loss="hidden_mse")
    with pytest.raises(ValidationError, match="greater than or equal to 1"):
        TopK(k=0)
