from math import exp

import pytest
from pydantic import ValidationError

from polydistill.mix import MixSettings
from polydistill.samplers import Measures
from polydistill.samplers.perplexity_gap import PerplexityGap

SIZES = {"a": 1.0, "b": 2.0, "c": 3.0}
STUDENT, TEACHER = {"a": 8.0, "b": 6.0, "c": 5.0}, dict.fromkeys("abc", 5.0)
FIRST, SECOND, LAST = (0.45063, 0.30206, 0.24731), (0.45230, 0.29501, 0.25270), (0.45480, 0.28969, 0.25550)


def by_name(shares: tuple[float, ...]) -> dict[str, float]:
    return dict(zip("abc", shares, strict=True))


def test_the_first_shares_an_update_and_where_updates_lead_by_hand():
    sampler = PerplexityGap()
    shares = sampler(SIZES, Measures(STUDENT, TEACHER))
    weights = [exp(1.6), exp(1.2), exp(1.0)]
    assert shares == pytest.approx(by_name(tuple(weight / sum(weights) for weight in weights)))
    assert shares == pytest.approx(by_name(FIRST), abs=5e-6)
    shares = sampler(SIZES, Measures(STUDENT, TEACHER, shares))
    assert shares == pytest.approx(by_name(SECOND), abs=5e-6)
    for _ in range(100):
        shares = sampler(SIZES, Measures(STUDENT, TEACHER, shares))
    assert shares == pytest.approx(by_name(LAST), abs=5e-6)


def test_equal_ratios_give_all_the_same():
    measures = Measures({"a": 8.0, "b": 2.0, "c": 40.0}, {"a": 4.0, "b": 1.0, "c": 20.0})
    even = dict.fromkeys("abc", 1 / 3)
    assert PerplexityGap()(SIZES, measures) == pytest.approx(even)
    assert PerplexityGap()(SIZES, measures._replace(shares=even)) == pytest.approx(even)


def test_the_unit_of_a_perplexity_says_nothing():
    longer = Measures({**STUDENT, "a": 16.0}, {**TEACHER, "a": 10.0})
    assert PerplexityGap()(SIZES, longer) == PerplexityGap()(SIZES, Measures(STUDENT, TEACHER))


@pytest.mark.parametrize("alpha", [0.0, 0.3, 0.9])
def test_after_an_update_each_has_at_least_its_part_of_what_does_not_follow_the_gap(alpha: float):
    measures = Measures({"a": 500.0, "b": 1.0, "c": 1.0}, TEACHER, by_name(FIRST))
    shares = PerplexityGap(alpha=alpha, most_ratio=1000)(SIZES, measures)
    assert shares["b"] == pytest.approx((1 - alpha) / 3)
    assert min(shares.values()) >= (1 - alpha) / 3
    if alpha == 0:
        assert shares == pytest.approx(dict.fromkeys("abc", 1 / 3))


def test_a_student_far_behind_overflows_nothing_and_what_is_cut_is_said(capsys: pytest.CaptureFixture[str]):
    measures = Measures({"a": 5e4, "b": 60.0, "c": 5.0}, TEACHER)
    assert PerplexityGap(most_ratio=1e9)(SIZES, measures) == {"a": 1.0, "b": 0.0, "c": 0.0}
    assert capsys.readouterr().err == ""
    shares = PerplexityGap()(SIZES, measures)
    assert shares == pytest.approx({"a": 0.49997, "b": 0.49997, "c": 0.49997 * exp(-9)}, abs=5e-5)
    said = capsys.readouterr().err
    assert "perplexity in a is 1e+04 times its teacher's; it counts as 10 times (most_ratio)" in said
    assert said.count("counts as") == 2


def test_a_share_that_was_nothing_stays_nothing_but_for_what_does_not_follow_the_gap():
    measures = Measures(STUDENT, TEACHER, {"a": 0.0, "b": 0.5, "c": 0.5})
    assert PerplexityGap(alpha=0.4)(SIZES, measures)["a"] == pytest.approx(0.2)


def test_the_gap_that_closes_gives_its_share_back():
    """Of two languages the student knows one; as it learns the other, that one's share falls again."""
    sampler, sizes, shares, found = PerplexityGap(), {"a": 1.0, "b": 1.0}, {}, []
    for student in (20.0, 15.0, 10.0, 6.0, 5.0, 5.0, 5.0, 5.0):
        shares = sampler(sizes, Measures({"a": 5.0, "b": student}, {"a": 5.0, "b": 5.0}, shares))
        found.append(shares["b"])
    assert found[0] == pytest.approx(exp(3) / (1 + exp(3)))
    assert found == sorted(found, reverse=True)
    assert found[-1] < 0.55


@pytest.mark.parametrize(
    ("measures", "message"),
    [
        (Measures({"a": 8.0, "c": 5.0}, TEACHER), "no measure of student and teacher, or no share before, for b"),
        (Measures(STUDENT, TEACHER, {"a": 0.5, "b": 0.5}), "for c"),
        (Measures({**STUDENT, "b": float("nan")}, TEACHER), "perplexities in b are nan and 5.0; they are finite and above 0"),
        (Measures(STUDENT, {**TEACHER, "b": 0.0}), "are 6.0 and 0.0"),
    ],
)
def test_measures_that_are_missing_or_no_numbers_are_refused(measures: Measures, message: str):
    with pytest.raises(ValueError, match=message):
        PerplexityGap()(SIZES, measures)


def test_a_mixture_cannot_have_it(random_model):
    settings = {
        "builders": ["language_pairs"], "tokens": 10, "model": {"transformers": {"path": str(random_model)}}, "rich": "eng",
        "targets": ["spa"],
    }  # fmt: skip
    with pytest.raises(ValidationError, match="perplexity_gap needs the perplexities"):
        MixSettings(sampler="perplexity_gap", **settings)
    assert MixSettings(sampler="capped", **settings).sampler.name() == "capped"
