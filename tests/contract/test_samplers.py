"""What every sampler promises; a new file in samplers/ is enrolled by itself and needs one entry in EXAMPLES."""

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polydistill.component import find, names
from polydistill.samplers import Sampler

EXAMPLES: dict[str, list[dict[str, float]]] = {
    "temperature": [{}, {"temperature": 1.0}, {"temperature": 3.0}, {"temperature": 1e6}],
}
"""How to build each sampler for these tests: its ends among them."""

SIZES = st.dictionaries(st.sampled_from(["spa", "cat", "glg", "swa", "epo"]), st.just(0.0) | st.floats(1e-3, 1e9), min_size=1)


@pytest.fixture(
    scope="module",
    params=[(name, number) for name in names("samplers") for number in range(len(EXAMPLES.get(name, [0])))],
    ids=str,
)
def sampler(request: pytest.FixtureRequest) -> Sampler:
    name, number = request.param
    assert name in EXAMPLES, f"samplers/{name}.py has no entry in EXAMPLES of tests/contract/test_samplers.py; add one"
    return find("samplers", name)(**EXAMPLES[name][number])  # type: ignore[return-value]


@given(sizes=SIZES)
def test_shares_sum_to_one_and_none_is_negative(sampler: Sampler, sizes: dict[str, float]):
    shares = sampler(sizes)
    assert shares.keys() == sizes.keys()
    assert sum(shares.values()) == pytest.approx(1)
    assert all(share >= 0 for share in shares.values())


@given(sizes=SIZES, seed=st.integers())
def test_order_says_nothing(sampler: Sampler, sizes: dict[str, float], seed: int):
    shuffled = list(sizes.items())
    random.Random(seed).shuffle(shuffled)
    assert sampler(dict(shuffled)) == pytest.approx(sampler(sizes))


@given(sizes=SIZES, factor=st.floats(1e-3, 1e3))
def test_the_unit_says_nothing(sampler: Sampler, sizes: dict[str, float], factor: float):
    assert sampler({name: factor * size for name, size in sizes.items()}) == pytest.approx(sampler(sizes))


@given(sizes=SIZES)
def test_more_never_gets_less(sampler: Sampler, sizes: dict[str, float]):
    shares = sampler(sizes)
    ordered = sorted(sizes, key=sizes.__getitem__)
    for less, more in pairwise(ordered):
        assert shares[less] <= shares[more] + 1e-12


def test_one_language_gets_all(sampler: Sampler):
    assert sampler({"spa": 17.0}) == {"spa": 1.0}


def test_what_there_is_nothing_of_gets_nothing_while_there_is_something_else(sampler: Sampler):
    assert sampler({"spa": 5.0, "cat": 0.0})["cat"] == 0


def test_nothing_at_all_is_divided_evenly(sampler: Sampler):
    assert sampler({"spa": 0.0, "cat": 0.0}) == {"spa": 0.5, "cat": 0.5}


def test_an_empty_list_has_no_shares(sampler: Sampler):
    assert sampler({}) == {}
