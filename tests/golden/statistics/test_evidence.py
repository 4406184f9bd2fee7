"""Differences with their intervals and tests: against the libraries, at the edges, and by simulation."""

import math
import warnings
from collections.abc import Callable, Sequence

import numpy as np
import pytest
import sacrebleu
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from tiny_rows import ENG, SPA

from polydistill.evaluators import Item, Score
from polydistill.records import Lang
from polydistill.statistics.evidence import (
    Difference,
    Margin,
    difference,
    holm,
    kept,
    needed,
    over_languages,
    over_seeds,
    smallest,
    standard_error,
)  # fmt: skip
from polydistill.statistics.resampling import level
from polydistill.statistics.tallies import value as corpus_score

BITS = {"unit": "bits per character", "higher_is_better": False}


@pytest.fixture(autouse=True)
def _nobody_is_warned():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def score(
    values: Sequence[float | None], weights: Sequence[float] = (), groups: Sequence[object] = (), ids: str = "", **changes
) -> Score:
    count = len(values)
    weights, groups = weights if len(weights) else [1] * count, groups if len(groups) else [""] * count
    rows = zip(ids or range(count), values, weights, groups, strict=True)
    items = tuple(Item(id=str(key), value=v, weight=w, group=str(g)) for key, v, w, g in rows)
    about = {"name": "x", "lang": ENG, "unit": "share", "higher_is_better": True, **changes}
    return Score(value=0.0, n=count, standard_error=None, items=items, **about)


def overlap(answers: Sequence[str], references: Sequence[str], combine: str = "chrf") -> Score:
    pairs = enumerate(zip(answers, references, strict=True))
    return score([]).model_copy(update={
        "unit": "chrF++", "combine": combine,
        "items": tuple(Item(id=str(i), value=0.0, answer=a, reference=r) for i, (a, r) in pairs),
    })  # fmt: skip


# Known values.


def test_yes_no_items_are_tested_by_mcnemar():
    before, after = [1] * 30 + [0] * 70, [1] * 25 + [0] * 5 + [1] * 18 + [0] * 52
    found = difference([score(before)], [score(after)])
    assert (found.before, found.after, found.value) == (0.3, 0.43, pytest.approx(0.13))
    assert (found.n, found.groups, found.gained, found.lost) == (100, 100, 18, 5)
    assert (
        found.p
        == pytest.approx(mcnemar([[25, 5], [18, 52]], exact=True).pvalue)
        == pytest.approx(stats.binomtest(5, 23).pvalue)
    )
    assert 0 < found.low < 0.13 < found.high < 0.25
    assert found.shown
    assert found.better == found.value


def test_a_weighted_mean_is_bootstrapped_and_swapped_as_scipy_does():
    rng = np.random.default_rng(0)
    before, after, weights = rng.gamma(3, 0.5, 12), rng.gamma(3, 0.4, 12), rng.integers(20, 200, 12)
    found = difference([score(before, weights, **BITS)], [score(after, weights, **BITS)])

    def ratio(b, a, w, axis=-1):
        return ((a - b) * w).sum(axis=axis) / w.sum(axis=axis)

    direct = stats.bootstrap(
        (before, after, weights),
        ratio,
        paired=True,
        n_resamples=10_000,
        method="percentile",
        confidence_level=level(12),
        rng=np.random.default_rng(0),
    )
    assert (found.low, found.high) == pytest.approx(tuple(direct.confidence_interval))
    swapped = stats.permutation_test(
        (before, after), lambda b, a, axis: ratio(b, a, weights, axis), permutation_type="samples", vectorized=True
    )
    assert found.p == pytest.approx(swapped.pvalue)
    assert found.value == pytest.approx(float(ratio(before, after, weights)))
    assert found.relative
    assert found.better == -found.value


@pytest.mark.parametrize("combine", ["chrf", "bleu"])
def test_corpus_scores_are_scored_anew_in_each_resample(combine: str):
    humans = [
        f"the {a} {b} on the {c} mat today" for a in ("cat", "dog") for b in ("sits", "runs", "lies") for c in ("red", "big")
    ]
    before = [text.replace("today", "").replace("the", "a") for text in humans]
    after = [text.replace("red", "blue") for text in humans]
    found = difference([overlap(before, humans, combine)], [overlap(after, humans, combine)], resamples=400)

    def corpus(answers, chosen):
        direct = sacrebleu.CHRF(word_order=2) if combine == "chrf" else sacrebleu.BLEU()
        return direct.corpus_score([answers[i] for i in chosen], [[humans[i] for i in chosen]]).score

    every = range(len(humans))
    assert (found.before, found.after) == pytest.approx((corpus(before, every), corpus(after, every)), abs=1e-9)
    direct = stats.bootstrap(
        (np.arange(len(humans)),), lambda i: round(corpus(after, i.astype(int)) - corpus(before, i.astype(int)), 12),
        vectorized=False, n_resamples=400, method="percentile", confidence_level=level(len(humans)),
        rng=np.random.default_rng(0),
    )  # fmt: skip
    assert (found.low, found.high) == pytest.approx(tuple(direct.confidence_interval))


def test_the_power_of_a_t_test():
    # (z.975 + z.8) / sqrt(n) for large n, as of the normal distribution.
    assert smallest(10_000, 1) == pytest.approx((stats.norm.ppf(0.975) + stats.norm.ppf(0.8)) / 100, rel=1e-3)
    assert smallest(1, 1) == math.inf
    assert smallest(50, 0) == 0
    assert all(smallest(n, 0.5) > smallest(n + 1, 0.5) > 0 for n in (*range(2, 12), 73, 74, 119, 120, 1517, 1518))
    for n in (3, 40, 120, 1000):
        assert needed(smallest(n, 0.4) * 1.0001, 0.4) == n


@pytest.mark.parametrize(("items", "gain", "changing"), [(300, 0.1, 0.2), (500, 0.05, 0.15), (1000, 0.05, 0.15)])
def test_so_many_items_show_so_much(items: int, gain: float, changing: float):
    """Simulated powers of an exact McNemar test were 0.97, 0.80 and 0.99."""
    assert smallest(items, math.sqrt(changing - gain**2)) <= gain


@pytest.mark.parametrize(("items", "gain", "changing"), [(100, 0.05, 0.15), (300, 0.05, 0.15), (100, 0.1, 0.2)])
def test_so_few_items_do_not(items: int, gain: float, changing: float):
    """Simulated powers were 0.18, 0.55 and 0.53."""
    assert smallest(items, math.sqrt(changing - gain**2)) > gain


def test_holm_is_statsmodels():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.01, 0.04, 0.03]) == pytest.approx(multipletests([0.01, 0.04, 0.03], method="holm")[1].tolist())
    assert holm([]) == []


def test_seeds_have_a_t_interval():
    found = over_seeds([1.0, 2.0, 4.0])
    direct = stats.ttest_1samp([1.0, 2.0, 4.0], 0).confidence_interval(0.95)
    assert found == (pytest.approx(7 / 3), pytest.approx(direct.low), pytest.approx(direct.high), (1.0, 2.0, 4.0))
    assert over_seeds([3.0]) == (3.0, None, None, (3.0,))
    assert over_seeds([3.0, 3.0]) == (3.0, 3.0, 3.0, (3.0, 3.0))
    with pytest.raises(ValueError, match="needs one value"):
        over_seeds([])


def test_a_standard_error_by_bootstrap_is_that_of_the_mean():
    values = np.random.default_rng(1).random(200).tolist()
    assert standard_error(score(values)) == pytest.approx(stats.sem(values), rel=0.03)
    assert standard_error(score(values, groups=[0] * 200)) is None


# Edges.


def test_several_seeds_are_averaged_over_the_same_items():
    before, one, two = [0.0, 0.5, 1.0], [1.0, 0.5, 1.0], [0.0, 1.0, 1.0]
    pooled = difference([score(before)], [score(one), score(two)])
    mean = difference([score(before)], [score([0.5, 0.75, 1.0])])
    assert pooled == mean.model_copy(update={"p": pooled.p})
    assert pooled.p == pytest.approx(mean.p)
    assert pooled.gained == 0


def test_the_order_of_items_is_irrelevant():
    one = score([0, 1, 1, 0.5], ids="abcd")
    other = score([0.5, 0, 1, 1], ids="dabc")
    assert difference([one], [other]).value == difference([one], [other]).high == 0


def test_the_same_seed_gives_the_same_numbers():
    before, after = score([0.1, 0.4, 0.2, 0.9, 0.3] * 4), score([0.4, 0.3, 0.6, 0.8, 0.5] * 4)
    assert difference([before], [after], seed=1) == difference([before], [after], seed=1)
    assert difference([before], [after], seed=1).p != difference([before], [after], seed=2).p


def test_what_counts_on_one_side_alone_takes_part_there():
    found = difference([score([1, 0, None, 1])], [score([1, None, 1, 1])])
    assert (found.before, found.after, found.n, found.groups) == (pytest.approx(2 / 3), 1, 2, 2)
    assert 0 < found.p <= 1
    assert math.isfinite(found.low)


def test_one_item_that_counts_shows_nothing():
    for after in ([1, None, None], [1, 1, 1], [1, 1, None]):
        found = difference([score([0, None, None])], [score(after)])
        assert (found.value, found.n, found.groups, found.shown) == (1, 1, 1, False)


def test_no_change_of_yes_no_items_still_has_a_width():
    found = difference([score([0] * 20)], [score([0] * 20)])
    assert (found.value, found.p, found.shown, found.smallest) == (0, 1, False, None)
    # Of 20, up to a sixth may change unseen (Wilson).
    assert -found.low == found.high == pytest.approx(stats.binomtest(0, 20).proportion_ci(method="wilson").high)
    assert kept(found, Margin("2 points")) == "not shown"


@pytest.mark.parametrize("before", [0, 1])
@pytest.mark.parametrize("seeds", [1, 3])
@pytest.mark.parametrize("groups", [(), np.repeat(np.arange(10), 2)], ids=["alone", "in pairs"])
def test_no_change_of_yes_no_items_has_a_width_in_groups_and_over_seeds_too(before: int, seeds: int, groups: Sequence[int]):
    one = score([before] * 20, groups=groups)
    found = difference([one], [one] * seeds)
    assert (found.value, found.shown, found.smallest) == (0, False, None)
    draws = 10 if len(groups) else 20
    assert -found.low == found.high == pytest.approx(stats.binomtest(0, draws).proportion_ci(method="wilson").high)
    assert kept(found, Margin("2 points")) == "not shown"


def test_one_gain_in_one_seed_does_not_rule_out_a_loss():
    zeros = score([0] * 20)
    found = difference([zeros], [zeros, zeros, score([0] * 19 + [1])])
    assert found.value == pytest.approx(1 / 60)
    # As of one gain in 60 independent draws, about.
    assert found.low == pytest.approx(-0.045, abs=0.003)
    assert kept(found, Margin("2 points")) == "not shown"


def test_all_gained_over_seeds_is_shown_with_a_width():
    found = difference([score([0] * 20)], [score([1] * 20)] * 3)
    assert (found.value, found.high, found.shown) == (1, 1, True)
    assert 0.7 < found.low < 0.9


def test_no_change_of_yes_no_items_over_languages_has_a_width():
    sides = [([score([1] * 20, lang=lang)], [score([1] * 20, lang=lang)]) for lang in (ENG, SPA)]
    assert over_languages(sides).low < -0.1


def test_no_change_of_a_harmonic_mean_of_yes_no_parts_has_a_width():
    one = score([1] * 20)
    one = one.model_copy(update={
        "combine": "harmonic", "items": tuple(item.model_copy(update={"parts": (1, 1)}) for item in one.items),
    })  # fmt: skip
    found = difference([one], [one])
    assert (found.before, found.value) == (1, 0)
    assert kept(found, Margin("2 points")) == "not shown"


def test_no_change_of_measured_items_has_none():
    values = np.random.default_rng(0).random(37)
    found = difference([score(values, **BITS)], [score(values, **BITS)])
    assert (found.value, found.low, found.high, found.p, found.smallest) == (0, 0, 0, 1, None)
    assert kept(found, Margin("1%")) == "kept"


def test_the_interval_of_yes_no_items_agrees_with_their_test():
    for gained, lost in ((2, 0), (5, 0), (6, 0), (9, 2), (12, 3)):
        before = [0] * gained + [1] * lost + [0] * 20
        after = [1] * gained + [0] * lost + [0] * 20
        found = difference([score(before)], [score(after)], resamples=1000)
        assert not found.shown or found.p < 0.05, (gained, lost)
    assert found.shown


def test_yes_no_items_that_count_on_one_side_do_not_make_an_interval_too_sure():
    # Four gained, none lost: the test's p is 2 / 2^4.
    before, after = [0.0] * 4 + [1.0] * 100, [1.0] * 104
    whole, less = difference([score(before)], [score(after)]), difference([score([*before, None])], [score([*after, 1])])
    assert whole.p == 0.125
    assert 0.05 < less.p < 0.125  # swapping the item that stands alone breaks ties
    assert not whole.shown
    assert not less.shown
    assert (less.n, less.groups, less.gained) == (104, 104, 4)
    assert (less.low, less.high) == pytest.approx((whole.low, whole.high), abs=0.001)


def test_items_that_differ_only_by_counting_on_one_side_have_a_width():
    # Three trainings, so that pairs are not groups; what counts on both sides never changed.
    before, after = score([1] * 20 + [None]), score([1] * 20 + [0])
    found = difference([before], [after] * 3)
    assert (found.value, found.groups, found.shown) == (pytest.approx(-1 / 21), 20, False)
    assert found.low < -1 / 6
    assert found.high > 0


def test_one_group_shows_nothing():
    for groups in ([""], ["p", "p"]):
        count = len(groups)
        found = difference([score([0.0] * count, groups=groups)], [score([1.0] * count, groups=groups)])
        assert (found.value, found.low, found.high, found.p, found.smallest, found.shown) == (1, 1, 1, None, None, False)
        assert kept(found, Margin("2 points")) == "not shown"


def test_items_of_a_group_are_resampled_together():
    rng = np.random.default_rng(0)
    before, pages = np.zeros(60), np.repeat(np.arange(20), 3)
    after = np.repeat(rng.normal(0, 1, 20), 3)
    alone = difference([score(before)], [score(after)])
    together = difference([score(before, groups=pages)], [score(after, groups=pages)])
    assert (alone.groups, together.groups) == (60, 20)
    assert together.high - together.low == pytest.approx(math.sqrt(3) * (alone.high - alone.low), rel=0.1)
    assert together.smallest > 1.6 * alone.smallest


def test_other_items_are_refused():
    with pytest.raises(ValueError, match="b, c on one side alone"):
        difference([score([0, 1], ids="ab")], [score([0, 1], ids="ac")])


# Non-inferiority.


def change(
    low: float, high: float, better: bool = True, unit: str = "accuracy", before: float = 0.5, groups: int = 100
) -> Difference:
    return Difference(
        before=before, after=before, value=(low + high) / 2, low=low, high=high, p=0.5, unit=unit, n=groups, groups=groups,
        higher_is_better=better, relative=unit.startswith("bits"), smallest=0.1,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [(-0.01, 0.03, "kept"), (-0.03, 0.03, "not shown"), (-0.02, 0, "not shown"), (-0.2, -0.03, "lost"), (0.1, 0.2, "kept")],
)
def test_kept_is_said_only_where_the_bound_clears_the_margin(low: float, high: float, verdict: str):
    assert kept(change(low, high), Margin("2 points")) == verdict
    assert kept(change(-high, -low, better=False), Margin("2 points")) == verdict


def test_a_margin_in_per_cent_is_of_the_value_before():
    assert kept(change(0.0, 0.039, better=False, unit="bits per character", before=2.0), Margin("2%")) == "kept"
    assert kept(change(0.0, 0.041, better=False, unit="bits per character", before=2.0), Margin("2%")) == "not shown"


# Over languages.


def test_a_mean_over_languages_is_one_of_scores():
    sides = [
        ([score([0.0, 0.2], ids="ab")], [score([0.4, 0.6], ids="ab")]),
        ([score([0.0, 0.0, 0.3], ids="abc", lang=SPA)], [score([0.3, 0.0, 0.3], ids="abc", lang=SPA)]),
    ]
    found = over_languages(sides)
    assert (found.before, found.after) == (pytest.approx((0.1 + 0.1) / 2), pytest.approx((0.5 + 0.2) / 2))
    assert (found.n, found.groups) == (5, 3)


def test_trainings_are_averaged_in_each_language_of_a_mean():
    """Spanish has (0.4 + 0.2) / 2 and English 0.5 of three items in two trainings, Spanish 0.1 before and English nothing."""
    spanish = [score([0.1] * 3, lang=SPA)], [score([0.4] * 3, lang=SPA), score([0.2] * 3, lang=SPA)]
    english = [score([0.0] * 3)], [score([0.4, 0.6, 0.5]), score([0.6, 0.4, 0.5])]
    found = over_languages([english, spanish])
    assert (found.before, found.after) == (pytest.approx(0.05), pytest.approx((0.5 + 0.3) / 2))
    # Each of the three items gains 0.5 and 0.2: they are alike, so no draw of them is other than the whole.
    assert (found.low, found.high) == pytest.approx((0.35, 0.35))
    assert (found.n, found.groups) == (6, 3)


def test_translations_of_a_question_are_drawn_together():
    gains = np.random.default_rng(0).normal(0, 1, 40)
    sides = [([score(np.zeros(40), lang=lang)], [score(gains, lang=lang)]) for lang in (ENG, SPA, Lang("cat"))]
    one, all_three = difference(*sides[0]), over_languages(sides)
    # The same gains thrice are no more evidence than once.
    assert (all_three.low, all_three.high, all_three.p) == pytest.approx((one.low, one.high, one.p))


def test_over_languages_of_corpus_scores():
    humans = ["the cat sits", "a dog runs", "it is raining", "so it is"]
    sides = [
        [[overlap(said, humans).model_copy(update={"lang": lang})] for said in (["the cat", "a dog", "it", "so"], humans)]
        for lang in (ENG, SPA)
    ]
    assert over_languages(sides, resamples=200).after == pytest.approx(100)


def test_a_language_twice_is_no_mean():
    one = score([0.0, 1.0])
    with pytest.raises(ValueError, match="each language once, not eng, eng"):
        over_languages([([one], [one]), ([one], [one])])
    with pytest.raises(ValueError, match="not none"):
        over_languages([])
    other = score([0.0, 1.0], lang=SPA, unit="accuracy")
    with pytest.raises(ValueError, match="unit is share and accuracy"):
        over_languages([([one], [one]), ([other], [other])])


# Simulation: how often the interval covers the truth, and how often chance is taken for a difference.


def yes_no(rng: np.random.Generator, gain: float, items: int) -> tuple[Score, Score]:
    """15 % of the items change."""
    before = rng.random(items) < 0.5
    turned = np.where(before, rng.random(items) < 0.15 - gain, rng.random(items) < 0.15 + gain)
    return score(before.tolist()), score((before ^ turned).tolist())


def bits(rng: np.random.Generator, gain: float, items: int) -> tuple[Score, Score]:
    """Characters and bits vary, and longer texts take fewer bits each."""
    weights = rng.integers(20, 300, items).tolist()
    before = rng.gamma(8, 0.2, items) * (1 + 30 / np.array(weights))
    after = before + gain + rng.normal(0, 0.15, items)
    return score(before, weights, **BITS), score(after, weights, **BITS)


def pages(rng: np.random.Generator, gain: float, items: int) -> tuple[Score, Score]:
    """Four paragraphs a page, which share most of what they gain."""
    page = np.repeat(np.arange(items // 4), 4)
    before = rng.random(items)
    after = before + gain + rng.normal(0, 0.3, items // 4)[page] + rng.normal(0, 0.1, items)
    return score(before, groups=page), score(after, groups=page)


def simulated(
    world: Callable[..., tuple[Score, Score]],
    gain: float,
    items: int,
    repetitions: int,
    resamples: int = 400,
    truth: float | None = None,
) -> tuple[float, float, float]:
    """(coverage, share of intervals that exclude 0, share of p under 0.05)."""
    rng = np.random.default_rng(0)
    covered = excluded = under = 0
    for seed in range(repetitions):
        before, after = world(rng, gain, items)
        found = difference([before], [after], seed=seed, resamples=resamples)
        covered += found.low - 1e-9 <= (gain if truth is None else truth) <= found.high + 1e-9
        excluded += found.shown
        under += found.p < 0.05
    return covered / repetitions, excluded / repetitions, under / repetitions


TEXTS = ["the cat sits on the red mat", "a dog runs in the park today", "it is raining again in the north", "open the menu"]


def answers(rng: np.random.Generator, gain: float, items: int) -> tuple[Score, Score]:
    """chrF++ of answers of which a part of the words is left out; ``gain`` is the part that is left out less often."""

    def side(part: float) -> Score:
        said = [" ".join(word for word in text.split() if rng.random() > part) for text in humans]
        return overlap(said, humans)

    humans = [TEXTS[at] for at in rng.integers(len(TEXTS), size=items)]
    return side(0.3), side(0.3 - gain)


WORLDS = [(yes_no, 0.05, 160), (bits, 0.05, 60), (pages, 0.1, 160)]


@pytest.mark.parametrize(("world", "items"), [(world, items) for world, _, items in WORLDS])
def test_chance_is_rarely_taken_for_a_difference(world: Callable, items: int):
    covered, excluded, under = simulated(world, 0.0, items, 120)
    assert 0.94 <= covered <= 0.97
    assert excluded <= 0.06
    assert under <= 0.06


@pytest.mark.slow
@pytest.mark.parametrize(("world", "gain", "items"), WORLDS)
def test_the_interval_covers_the_truth_and_no_difference_is_rarely_taken_for_one(world: Callable, gain: float, items: int):
    covered, _, _ = simulated(world, gain, items, 1500, 600)
    assert 0.93 <= covered <= 0.97
    _, excluded, under = simulated(world, 0.0, items, 1500, 600)
    assert excluded <= 0.06
    assert under <= 0.06


FEW = [(40, 0.15, 0.05), (40, 0.05, 0.0), (100, 0.15, 0.05), (100, 0.03, 0.0)]
"""Items, the part of them that change, and what is gained."""


@pytest.mark.slow
@pytest.mark.parametrize(("items", "changing", "gain"), FEW)
def test_few_or_rare_changes_of_yes_no_items_are_covered_too_well_and_not_too_badly(items: int, changing: float, gain: float):
    def rare(rng: np.random.Generator, gain: float, items: int) -> tuple[Score, Score]:
        before = rng.random(items) < 0.5
        turned = np.where(before, rng.random(items) < changing - gain, rng.random(items) < changing + gain)
        return score(before.tolist()), score((before ^ turned).tolist())

    covered, excluded, _ = simulated(rare, gain, items, 1000)
    assert 0.93 <= covered <= 1.0
    assert gain or excluded <= 0.06


@pytest.mark.slow
def test_the_interval_of_a_corpus_score_covers_the_truth():
    rng = np.random.default_rng(1)
    before, after = answers(rng, 0.08, 10_000)
    truth = corpus_score(after) - corpus_score(before)
    covered, _, _ = simulated(answers, 0.08, 40, 300, 200, truth)
    assert 0.92 <= covered <= 0.98  # 300 repetitions
    _, excluded, under = simulated(answers, 0.0, 40, 300, 200)
    assert excluded <= 0.08
    assert under <= 0.08


@pytest.mark.slow
@pytest.mark.parametrize("groups", [1, 4])
def test_the_interval_of_yes_no_items_of_several_seeds_covers_the_truth(groups: int):
    """Items differ in how likely each is to be right, before and in every training; groups share that."""
    rng, covered, excluded, repetitions = np.random.default_rng(0), 0, 0, 1500
    for seed in range(repetitions):
        likely, page = np.repeat(rng.beta(2, 2, 160 // groups), groups), np.repeat(np.arange(160 // groups), groups)
        gains = np.repeat(rng.normal(0, 0.1, 160 // groups), groups)
        before, *after = (
            score((rng.random(160) < part).astype(int).tolist(), groups=page) for part in (likely, *[likely + gains] * 3)
        )
        found = difference([before], after, seed=seed, resamples=600)
        covered += found.low <= 0 <= found.high
        excluded += found.shown
    assert 0.93 <= covered / repetitions <= 0.97, covered
    assert excluded / repetitions <= 0.07


@pytest.mark.slow
def test_the_interval_over_languages_covers_the_truth():
    """Two languages that share questions, of which the gains of a question go together."""
    rng, covered, under, repetitions = np.random.default_rng(0), 0, 0, 1500
    for seed in range(repetitions):
        common, sides = rng.normal(0, 0.2, 60), []
        for lang in (ENG, SPA):
            before = rng.random(60)
            after = before + common + rng.normal(0, 0.2, 60)
            sides.append(([score(before, lang=lang)], [score(after, lang=lang)]))
        found = over_languages(sides, seed=seed, resamples=600)
        covered += found.low <= 0 <= found.high
        under += found.p < 0.05
    assert 0.93 <= covered / repetitions <= 0.97, covered
    assert under / repetitions <= 0.06


def test_paragraphs_that_pass_for_independent_make_false_claims():
    def careless(rng: np.random.Generator, gain: float, items: int) -> tuple[Score, Score]:
        before, after = pages(rng, gain, items)
        return tuple(
            side.model_copy(update={"items": tuple(item.model_copy(update={"group": ""}) for item in side.items)})
            for side in (before, after)
        )

    covered, excluded, under = simulated(careless, 0.0, 160, 100)
    assert covered < 0.85
    assert excluded > 0.15
    assert under > 0.15
