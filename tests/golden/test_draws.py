"""Which token is drawn, from probabilities and random numbers written out."""

import random
from collections import Counter

import pytest
import torch

from polydistill.engines import Sampling
from polydistill.engines import _draws as draws
from polydistill.engines._draws import Draws

P = [0.2, 0.5, 0.3]
"""Over tokens 0, 1, 2."""


def drawn(p: list[float], seed: int, **how: float) -> int:
    logits = torch.tensor([p], dtype=torch.double).log()
    return int(Draws(Sampling(**how), [seed])(logits, [0]))


def u(seed: int) -> float:
    return random.Random(seed).random()


def test_at_temperature_zero_it_is_the_likeliest():
    assert {drawn(P, seed) for seed in range(20)} == {1}
    assert Draws(Sampling(), [0, 1])(torch.tensor([[1.0, 3.0, 2.0], [-1.0, -3.0, -2.0]]), [0, 1]).tolist() == [1, 0]


@pytest.mark.parametrize("seed", range(12))
def test_with_everything_allowed_it_is_the_inverse_of_the_cumulative_sum(seed: int):
    # 0 below 0.2, 1 below 0.7, else 2.
    wanted = 0 if u(seed) < 0.2 else 1 if u(seed) < 0.7 else 2
    assert drawn(P, seed, temperature=1.0) == wanted


@pytest.mark.parametrize("seed", range(12))
def test_the_nucleus_is_the_fewest_likeliest_tokens_that_hold_top_p(seed: int):
    # 0.5 is too little, 0.5 + 0.3 is enough: the draw falls on 1 below 0.5 of 0.8, else on 2.
    assert drawn(P, seed, temperature=1.0, top_p=0.6) == (1 if u(seed) * 0.8 < 0.5 else 2)


def test_a_token_that_holds_top_p_exactly_stands_alone():
    p = [0.25, 0.5, 0.25]
    assert {drawn(p, seed, temperature=1.0, top_p=0.5) for seed in range(30)} == {1}
    assert {drawn(p, seed, temperature=1.0, top_p=0.51) for seed in range(30)} == {0, 1}


def test_at_top_p_zero_it_is_the_likeliest():
    assert {drawn(P, seed, temperature=2.0, top_p=0.0) for seed in range(30)} == {1}


@pytest.mark.parametrize("seed", range(12))
def test_temperature_divides_the_logits(seed: int):
    # At 2 the probabilities are as the roots of 0.64, 0.16 and 0.04: 8, 4 and 2 of 14. At 0.5 as the squares.
    assert drawn([0.64, 0.16, 0.04], seed, temperature=2.0) == (0 if u(seed) < 8 / 14 else 1 if u(seed) < 12 / 14 else 2)
    assert drawn([0.6, 0.2, 0.2], seed, temperature=0.5) == (0 if u(seed) < 36 / 44 else 1 if u(seed) < 40 / 44 else 2)


def test_tokens_come_as_often_as_they_are_likely():
    found = Counter(drawn(P, seed, temperature=1.0, top_p=1.0) for seed in range(2000))
    assert [found[token] / 2000 for token in range(3)] == pytest.approx(P, abs=0.03)


def test_what_is_impossible_is_never_drawn():
    p = [0.0, 0.5, 0.0, 0.5, 0.0]
    assert {drawn(p, seed, temperature=1.0) for seed in range(30)} == {1, 3}
    assert {drawn(p, seed, temperature=1.0, top_p=0.99) for seed in range(30)} == {1, 3}


def test_each_row_has_random_numbers_of_its_own():
    logits = torch.tensor([P, P, P]).log()
    many = Draws(Sampling(temperature=1.0), [5, 6, 7])
    first, second = many(logits, [0, 1, 2]).tolist(), many(logits[:2], [0, 2]).tolist()  # row 1 has ended
    for place, seed in enumerate((5, 6, 7)):
        alone = Draws(Sampling(temperature=1.0), [seed])
        assert int(alone(logits[:1], [0])) == first[place]
        if place != 1:
            assert int(alone(logits[:1], [0])) == second[0 if place == 0 else 1]


@pytest.mark.parametrize("top_p", [0.3, 0.7, 0.95, 1.0])
def test_the_rows_beside_it_change_nothing_where_the_likeliest_tokens_do_not_suffice(
    top_p: float, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(draws, "HEAD", 4)
    torch.manual_seed(0)
    peaked, flat = torch.randn(1, 50) * 9, torch.randn(1, 50) / 9
    seen = set()
    for seed in range(40):
        how = Sampling(temperature=1.0, top_p=top_p)
        together = Draws(how, [seed, seed + 1])(torch.cat([peaked, flat]), [0, 1]).tolist()
        assert together == [int(Draws(how, [seed])(peaked, [0])), int(Draws(how, [seed + 1])(flat, [0]))]
        seen.add(together[1])
    assert len(seen) > 4  # the nucleus reaches beyond the head


def test_the_head_and_the_whole_vocabulary_give_one_draw(monkeypatch: pytest.MonkeyPatch):
    torch.manual_seed(1)
    logits, how = torch.randn(1, 50), Sampling(temperature=1.0, top_p=0.9)
    whole = [int(Draws(how, [seed])(logits, [0])) for seed in range(40)]
    monkeypatch.setattr(draws, "HEAD", 4)
    assert [int(Draws(how, [seed])(logits, [0])) for seed in range(40)] == whole


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_logits_of_any_precision_are_drawn_from(dtype: torch.dtype):
    logits = torch.tensor([[0.0, 50.0, 0.0]], dtype=dtype)
    assert int(Draws(Sampling(temperature=1.0, top_p=0.9), [3])(logits, [0])) == 1
