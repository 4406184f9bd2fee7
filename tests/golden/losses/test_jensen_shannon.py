from collections.abc import Callable
from math import log

import pytest
from pydantic import ValidationError
from tiny_distributions import PAIRS, P, Q, between, kl, mixed

from polydistill.losses.jensen_shannon import JensenShannon


@pytest.mark.parametrize(("loss", "formula"), [
    (JensenShannon(), lambda p, q: (kl(p, mixed(p, q, 0.5)) + kl(q, mixed(p, q, 0.5))) / 2),
    (JensenShannon(beta=0.1), lambda p, q: 0.1 * kl(p, mixed(p, q, 0.1)) + 0.9 * kl(q, mixed(p, q, 0.1))),
])  # fmt: skip
def test_the_formula(loss: JensenShannon, formula: Callable[[list[float], list[float]], float]):
    for p, q in PAIRS:
        assert between(loss, q, p) == pytest.approx(formula(p, q), rel=1e-12)


def test_two_tokens_by_hand():
    """p = (3/4, 1/4), q = (1/2, 1/2)."""
    p, q = [0.75, 0.25], [0.5, 0.5]
    assert between(JensenShannon(), q, p) == pytest.approx(
        (0.75 * log(6 / 5) + 0.25 * log(2 / 3) + 0.5 * log(4 / 5) + 0.5 * log(4 / 3)) / 2
    )


def test_it_tends_to_zero_at_its_ends_and_there_is_no_jump():
    """To beta KL(p || q) and (1 - beta) KL(q || p). Called KL at an end, it would jump a thousandfold from there."""
    for small in (1e-3, 1e-5):
        assert between(JensenShannon(beta=small)) == pytest.approx(small * kl(P, Q), rel=5 * small)
        assert between(JensenShannon(beta=1 - small)) == pytest.approx(small * kl(Q, P), rel=5 * small)


@pytest.mark.parametrize("beta", [0, 1])
def test_where_every_student_would_be_as_good_it_is_refused(beta: float):
    with pytest.raises(ValidationError, match=r"greater than 0|less than 1"):
        JensenShannon(beta=beta)
