"""Whether a difference is more than chance: intervals, tests, and what so many items can show at all.

No statistic is written here: they are scipy's, statsmodels' and, for corpus scores, sacrebleu's. What is resampled are groups
of items that depend on each other (one page's paragraphs, one question's translations), and each resample is scored anew.
"""

import math
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Literal, NamedTuple

from ..evaluators import Item, Score
from ..records import Record
from .joining import alike
from .joining import same_items as same_items
from .margin import Margin as Margin
from .resampling import bootstrap, swapping
from .tallies import by_group, counts, group, groups, scored
from .yes_no import Side, Turned, turned, yes_no

RESAMPLES = 10_000
"""Of each kind; 1,000 items take a second, for chrF++ and BLEU as well."""


class Difference(Record):
    """A score before and after, over the same items; ``value`` is after - before, ``low`` to ``high`` its 95 % interval.

    One group of items says nothing of others: ``p`` and ``smallest`` are None, nothing is ``shown``, and the interval, which
    would have no end, is the value alone.
    """

    before: float
    after: float
    value: float
    low: float
    high: float
    p: float | None
    """Two-sided, of no difference: exact McNemar for yes/no items that all count on both sides and are independent, else by
    swapping before and after within groups."""
    unit: str
    n: int
    """Items that count on both sides."""
    groups: int
    """Independent groups of these items."""
    higher_is_better: bool
    relative: bool
    """Whether it is read in per cent of ``before``: bits are."""
    smallest: float | None
    """The smallest true difference that so many groups show in 80 % of cases, as these differed; None if none did."""
    gained: int = 0
    """Yes/no items that were 0 and are 1."""
    lost: int = 0
    """Yes/no items that were 1 and are 0."""

    @property
    def better(self) -> float:
        """``value``, positive where after is better."""
        return self.value if self.higher_is_better else -self.value

    @property
    def shown(self) -> bool:
        """Whether the interval excludes no difference."""
        return self.groups > 1 and not self.low <= 0 <= self.high


def difference(before: Sequence[Score], after: Sequence[Score], seed: int = 0, resamples: int = RESAMPLES) -> Difference:
    """How a score changed, with its interval over items.

    Several scores on a side are trainings that differ by their seed: their items are averaged, and the interval is still the
    one over items; `over_seeds` has the other. An item that counts on one side alone takes part on that side.

    The interval is the percentile bootstrap over groups, expanded for few. Where yes/no items rarely change that is too sure
    (of 20 items none changed: no width at all), so for them it also covers Newcombe's for the shares of gained and lost items,
    of as many items as would vary as much (see `yes_no`), and for independent ones of one training the exact binomial one for
    the part of the changes that are gains, which agrees with the test.

    Paper: Efron 1979; Hesterberg 2015, arXiv 1411.5279; Newcombe 1998; Clopper, Pearson 1934; for groups Miller 2024,
        arXiv 2411.00640.
    Departs: for few yes/no items or rare changes it is wider than 95 % asks for: simulated coverage is 98 % for 40 items of
        which 15 % change, 100 % where 3 % of 100 do, 95 to 97 % for 100 to 400 of which 15 % do. Paired score intervals (Tango
        1998) are in neither scipy nor statsmodels.
    Checked: against scipy, statsmodels and sacrebleu; by simulation (coverage 93 to 97 %, type I error at most 6 %).

    Raises:
        ValueError: items are missing on one side or stand there twice, none counts, or these are not the same scores.
    """
    same_items(before, after)
    each_alone = len(groups(before[0].items)) == len(before[0].items)
    if not (len(before) == len(after) == 1 and each_alone and before[0].combine == "mean" and yes_no(before[0], after[0])):
        return _difference([(before, after)], seed, resamples)
    pairs = _pairs(before[0], after[0])
    on_both = all((then is None) == (now is None) for then, now in pairs)
    return _exact(_difference([(before, after)], seed, resamples, swap=not on_both), Counter(pairs))


def over_languages(sides: Sequence[Side], seed: int = 0, resamples: int = RESAMPLES) -> Difference:
    """How the mean over L languages of a score changed: (s_1 + ... + s_L) / L, s_l the score of language l, all counting alike.

    ``sides`` are the scores before and after of each language, as `difference` takes them. Items of one group, or of one id,
    are drawn together whatever their language: translations of one question are one draw, and no more evidence than one.

    Paper: Miller 2024, arXiv 2411.00640, for the groups.

    Raises:
        ValueError: as `difference` does, or a language is there twice.
    """
    for before, after in sides:
        same_items(before, after)
    if sides:
        alike([before[0] for before, _ in sides], ("name", "unit", "combine", "higher_is_better"))
    langs = [before[0].lang for before, _ in sides]
    if not langs or len(set(langs)) < len(langs):
        raise ValueError(f"a mean over languages needs each language once, not {', '.join(langs) or 'none'}")
    return _difference(sides, seed, resamples)


def kept(change: Difference, margin: Margin) -> Literal["kept", "lost", "not shown"]:
    """Non-inferiority: ``kept`` where the whole interval is better than the margin, ``lost`` where all of it is worse.

    Else nothing is shown, which is not to say that nothing is lost. A margin in per cent is one of the value before, which is
    taken as it was measured.

    Paper: Piaggio et al. 2012, "Reporting of noninferiority and equivalence randomized trials", figure 1.
    """
    most = margin.of(change.before, change.unit)
    low, high = (-change.high, -change.low) if change.higher_is_better else (change.low, change.high)
    if change.groups < 2:
        return "not shown"
    return "kept" if high < most else "lost" if low > most else "not shown"


def holm(ps: Sequence[float]) -> list[float]:
    """p-values adjusted so that, with no difference anywhere, even one false claim among them all is made in 5 % of cases.

    Paper: Holm 1979, "A simple sequentially rejective multiple test procedure".
    """
    from statsmodels.stats.multitest import multipletests

    return multipletests(ps, method="holm")[1].tolist() if ps else []


class Seeds(NamedTuple):
    """One score of several trainings that differ by their seed alone."""

    mean: float
    low: float | None
    """The lower end of the 95 % t-interval of the mean; None for one seed."""
    high: float | None
    values: tuple[float, ...]


def over_seeds(values: Sequence[float]) -> Seeds:
    """The mean over seeds with its 95 % t-interval; equal values have one without width.

    Raises:
        ValueError: there is no value.
    """
    import numpy as np
    from scipy import stats

    if not values:
        raise ValueError("a mean over seeds needs one value at least")
    mean = float(np.mean(values))
    if len(values) < 2:
        return Seeds(mean, None, None, tuple(values))
    error = float(stats.sem(values))
    low, high = stats.t.interval(0.95, len(values) - 1, loc=mean, scale=error) if error else (mean, mean)
    return Seeds(mean, float(low), float(high), tuple(values))


def smallest(n: int, spread: float) -> float:
    """The smallest difference that n paired items show in 80 % of cases (t-test, two-sided, 5 %); endless for one item.

    ``spread`` is the standard deviation of the items' differences; the result is in its unit.
    """
    return _effect(n) * spread if n > 1 else math.inf


def needed(margin: float, spread: float) -> int:
    """How many paired items show a difference of ``margin`` in 80 % of cases; the inverse of `smallest`."""
    return math.ceil(_power(effect_size=margin / spread))


def _power(nobs: int | None = None, effect_size: float | None = None) -> float:
    import numpy as np
    from statsmodels.stats.power import TTestPower

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = TTestPower().solve_power(effect_size=effect_size, nobs=nobs, alpha=0.05, power=0.8)
    # Where its first solver gives up, the next hands back an array of one, or the root below 0, which is as good.
    return float(abs(np.ravel(found)[0]))


@cache
def _effect(n: int) -> float:
    """The smallest difference in standard deviations."""
    return _power(nobs=n)


def standard_error(score: Score, seed: int = 0, resamples: int = RESAMPLES) -> float | None:
    """Of a score, by bootstrap over its groups; None for one group."""
    places = groups([item for item in score.items if counts(item)])
    sums = by_group([score], places)
    found = bootstrap(len(places), lambda drawn: scored(score.combine, drawn @ sums), seed, resamples)
    return found.standard_error if found else None


def _difference(sides: Sequence[Side], seed: int, resamples: int, swap: bool = True) -> Difference:
    """Of the mean over languages, each of which has its scores before and after; without ``swap`` not tested."""
    import numpy as np

    one = sides[0][0][0]
    places = groups([item for side in sides for scores in side for score in scores for item in score.items if counts(item)])
    # (languages, groups, sums)
    start, end = (np.stack([by_group(side[at], places) for side in sides]) for at in (0, 1))

    def mean(sums: Any) -> Any:
        return scored(one.combine, np.moveaxis(sums, 0, -2)).mean(axis=-1)

    def drawn(often: Any) -> Any:
        return mean(_times(often, end)) - mean(_times(often, start))

    def swapped(signs: Any) -> Any:
        both, moved = (start + end).sum(axis=1), _times(signs, end - start)
        both = both.reshape(len(sides), *[1] * (signs.ndim - 1), -1)
        return mean((both + moved) / 2) - mean((both - moved) / 2)

    before, after = float(mean(start.sum(axis=1))), float(mean(end.sum(axis=1)))
    found = bootstrap(len(places), drawn, seed, resamples)
    low, high, error = found or (after - before, after - before, 0.0)
    on_both = [item for side in sides for item in _on_both_sides(*side)]
    independent = len(set(map(group, on_both)))
    plain = one.combine == "mean" and yes_no(*(score for side in sides for scores in side for score in scores))
    flips = Counter(pair for then, now in sides if plain and len(then) == len(now) == 1 for pair in _pairs(then[0], now[0]))
    low, high = _widened(sides, after - before, (low, high), error, independent)
    return Difference(
        before=before, after=after, value=after - before, low=low, high=high,
        p=swapping(len(places), swapped, seed, resamples) if swap else None, unit=one.unit, n=len(on_both),
        groups=independent, higher_is_better=one.higher_is_better, relative=one.unit.startswith("bits"),
        smallest=smallest(len(places), error * math.sqrt(len(places))) if error else None, gained=flips[0, 1], lost=flips[1, 0],
    )  # fmt: skip


def _times(lines: Any, sums: Any) -> Any:
    """For each language, what its groups add up to when each is taken as often as a line says: (languages, ..., sums)."""
    import numpy as np

    return np.stack([lines @ each for each in sums])


def _on_both_sides(before: Sequence[Score], after: Sequence[Score]) -> list[Item]:
    scores = [*before, *after]
    times = Counter(item.id for score in scores for item in score.items if counts(item))
    return [item for item in before[0].items if times[item.id] == len(scores)]


def _pairs(before: Score, after: Score) -> list[tuple[float | None, float | None]]:
    """The value of each item before and after."""
    then = {item.id: item.value for item in before.items}
    return [(then[item.id], item.value) for item in after.items]


def _widened(sides: Sequence[Side], value: float, ends: tuple[float, float], error: float, groups: int) -> tuple[float, float]:
    """The interval where it holds Newcombe's too, if the items are yes/no."""
    scores = [score for side in sides for scores in side for score in scores]
    if groups < 2 or not yes_no(*scores):
        return ends
    found, draws = Turned(max(value, 0.0), max(-value, 0.0), groups), float(groups)  # all groups are as one
    if error:
        if scores[0].combine != "mean" or not (shares := turned(sides)):
            return ends
        found = shares
        if shares.variance and shares.pairs != groups:
            draws = shares.draws(error)
    low, high = found.newcombe(draws)
    beside = value - (found.gained - found.lost)  # what items that count on one side add
    return min(ends[0], low + beside), max(ends[1], high + beside)


def _exact(found: Difference, pairs: Mapping[tuple[float | None, float | None], int]) -> Difference:
    """With as wide an interval as the exact one, and with the test where all items count on both sides."""
    from scipy.stats import binomtest
    from statsmodels.stats.contingency_tables import mcnemar

    if found.groups < 2:
        return found
    gained, lost, n = found.gained, found.lost, found.n
    ends = []
    if changed := gained + lost:
        # gained - lost = changed x (2 x the part that is gained - 1)
        ends += [(2 * part - 1) * changed / n for part in binomtest(gained, changed).proportion_ci()]
    p, beside = found.p, found.value - (gained - lost) / n  # what items that count on one side add
    if p is None:
        p, beside = mcnemar([[pairs[1, 1], lost], [gained, pairs[0, 0]]], exact=True).pvalue, 0.0
    ends = [found.low, found.high, *(end + beside for end in ends)]
    return found.model_copy(update={"p": float(p), "low": float(min(ends)), "high": float(max(ends))})
