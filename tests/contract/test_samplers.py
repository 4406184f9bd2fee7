"""What every sampler promises; a new file in samplers/ is enrolled by itself and needs one entry in EXAMPLES."""

import random
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polydistill.component import find, names
from polydistill.samplers import Measures, Sampler

LANGUAGES = ["spa", "cat", "glg", "swa", "epo"]
GAPS = Measures({"spa": 8, "cat": 6, "glg": 5, "swa": 90, "epo": 3}, dict.fromkeys(LANGUAGES, 5), dict.fromkeys(LANGUAGES, 0.2))


class Example(NamedTuple):
    """How to build a sampler, what it is told, and whether more of a language gets it no less."""

    settings: dict[str, Any]
    measures: Measures | None = None
    follows_sizes: bool = True


EXAMPLES: dict[str, list[Example]] = {
    "capped": [Example({}), Example({"most": 1.0}), Example({"most": 0.3}), Example({"most": 0.01})],
    "perplexity_gap": [
        Example({}, GAPS, False), Example({}, GAPS._replace(shares={}), False), Example({"alpha": 1.0}, GAPS, False),
        Example({"alpha": 0.0}, GAPS), Example({}, GAPS._replace(student=GAPS.teacher)),
    ],
    "temperature": [
        Example({}), Example({"temperature": 1.0}), Example({"temperature": 3.0}), Example({"temperature": 1e6})
    ],
    "tiered": [
        Example({}), Example({"tiers": [{"languages": ["spa", "cat"], "times": 1e-3}]}, follows_sizes=False),
        Example({"tiers": [{"languages": ["swa"], "times": 100}, {"languages": ["epo", "glg"], "times": 2}]}, None, False),
        Example({"tiers": [{"languages": LANGUAGES, "times": 7}]}),
    ],
}  # fmt: skip
"""How to build each sampler for these tests: its ends among them."""

SIZES = st.dictionaries(st.sampled_from(LANGUAGES), st.just(0.0) | st.floats(1e-3, 1e9), min_size=1)


class Case(NamedTuple):
    sampler: Sampler
    example: Example

    def __call__(self, sizes: Mapping[str, float]) -> dict[str, float]:
        return self.sampler(sizes, self.example.measures) if self.example.measures else self.sampler(sizes)


@pytest.fixture(
    scope="module",
    params=[(name, number) for name in names("samplers") for number in range(len(EXAMPLES.get(name, [0])))],
    ids=str,
)
def sampler(request: pytest.FixtureRequest) -> Case:
    name, number = request.param
    assert name in EXAMPLES, f"samplers/{name}.py has no entry in EXAMPLES of tests/contract/test_samplers.py; add one"
    example = EXAMPLES[name][number]
    return Case(find("samplers", name)(**example.settings), example)  # type: ignore[arg-type]


@given(sizes=SIZES)
def test_shares_sum_to_one_and_none_is_negative(sampler: Case, sizes: dict[str, float]):
    shares = sampler(sizes)
    assert shares.keys() == sizes.keys()
    assert sum(shares.values()) == pytest.approx(1)
    assert all(share >= 0 for share in shares.values())


@given(sizes=SIZES, seed=st.integers())
def test_order_says_nothing(sampler: Case, sizes: dict[str, float], seed: int):
    shuffled = list(sizes.items())
    random.Random(seed).shuffle(shuffled)
    assert sampler(dict(shuffled)) == pytest.approx(sampler(sizes))


@given(sizes=SIZES, factor=st.floats(1e-3, 1e3))
def test_the_unit_says_nothing(sampler: Case, sizes: dict[str, float], factor: float):
    assert sampler({name: factor * size for name, size in sizes.items()}) == pytest.approx(sampler(sizes))


@given(sizes=SIZES)
def test_more_never_gets_less_unless_something_else_decides(sampler: Case, sizes: dict[str, float]):
    if not sampler.example.follows_sizes:
        return
    shares = sampler(sizes)
    ordered = sorted(sizes, key=sizes.__getitem__)
    for less, more in pairwise(ordered):
        assert shares[less] <= shares[more] + 1e-12


def test_one_language_gets_all(sampler: Case):
    assert sampler({"spa": 17.0}) == {"spa": 1.0}


def test_what_there_is_nothing_of_gets_nothing_while_there_is_something_else(sampler: Case):
    assert sampler({"spa": 5.0, "cat": 0.0})["cat"] == 0


def test_nothing_at_all_is_divided_evenly(sampler: Case):
    assert sampler({"spa": 0.0, "cat": 0.0}) == {"spa": 0.5, "cat": 0.5}


def test_an_empty_list_has_no_shares(sampler: Case):
    assert sampler({}) == {}


def test_something_else_decides_only_where_it_is_said(sampler: Case):
    shares = sampler({lang: 10.0**at for at, lang in enumerate(LANGUAGES)})
    other = sampler({lang: 10.0**-at for at, lang in enumerate(LANGUAGES)})
    rises = all(shares[one] <= shares[two] + 1e-12 for one, two in pairwise(LANGUAGES))
    falls = all(other[one] >= other[two] - 1e-12 for one, two in pairwise(LANGUAGES))
    assert (rises and falls) is sampler.example.follows_sizes


def test_it_says_whether_it_needs_measures(sampler: Case):
    assert sampler.sampler.needs_measures is (sampler.example.measures is not None)
    if sampler.sampler.needs_measures:
        with pytest.raises(ValueError, match="it is for train"):
            sampler.sampler({"spa": 1.0})
