"""How much worse a score may be."""

import pytest
from pydantic import BaseModel, ValidationError

from polydistill.statistics.margin import Margin


@pytest.mark.parametrize(
    ("given", "before", "unit", "expected"),
    [
        ("2%", 1.5, "bits per character", 0.03),
        ("2 %", 0.5, "accuracy", 0.01),
        ("2 points", 0.5, "accuracy", 0.02),
        ("1 point", 0.5, "share", 0.01),
        ("1.5points", 30.0, "chrF++", 1.5),
        ("0.02", 1.5, "bits per character", 0.02),
        (0.02, 0.5, "accuracy", 0.02),
        ("2%", -4.0, "log-likelihood", 0.08),
    ],
)
def test_it_is_in_the_scores_own_unit(given: str | float, before: float, unit: str, expected: float):
    assert Margin(given).of(before, unit) == pytest.approx(expected)


def test_one_margin_is_spelt_one_way():
    given = ("2.0 %", "1 points", "1.50point", " 3 ", "10")
    assert [Margin(text) for text in given] == ["2%", "1 point", "1.5 points", "3", "10"]


@pytest.mark.parametrize("given", ["2 percent", "-1%", "", "%", "two points", "2%%", "1e-3", "nan", "inf", "1,5%"])
def test_nonsense_is_refused_with_what_is_allowed(given: str):
    with pytest.raises(ValueError, match=r"is no margin; give 2% \(of the untouched value\), 2 points, or 0\.02"):
        Margin(given)


def test_nothing_can_be_shown_to_have_lost_nothing():
    with pytest.raises(ValueError, match="a margin of 0 can never be shown to be kept"):
        Margin("0%")


def test_points_of_bits_mean_nothing():
    with pytest.raises(ValueError, match="2 points of bits per character mean nothing; give a percentage"):
        Margin("2 points").of(1.0, "bits per character")


@pytest.mark.parametrize(
    ("given", "said"),
    [("100%", "under 100%"), ("200 %", "under 100%"), ("100 points", "under 100 points"), ("1000points", "under 100 points")],
)
def test_a_margin_within_which_all_may_be_lost_is_refused(given: str, said: str):
    with pytest.raises(ValueError, match=f"a margin of '{given}' keeps nothing; give one {said}"):
        Margin(given)
    assert Margin("99.9%").of(1.0, "share") == pytest.approx(0.999)


@pytest.mark.parametrize("unit", ["share", "accuracy", "bits per character"])
def test_a_bare_2_is_not_taken_for_2_per_cent_nor_for_all_of_it(unit: str):
    with pytest.raises(ValueError, match=f"worse_by: 2 of {unit} keeps nothing; give a percentage, such as 2%"):
        Margin(2).of(0.5, unit)
    assert Margin(2).of(30.0, "chrF++") == 2.0


class Holds(BaseModel):
    worse_by: Margin


def test_it_is_read_from_yaml_and_written_back():
    read = Holds.model_validate({"worse_by": "2 %"})
    assert read.model_dump(mode="json") == {"worse_by": "2%"}
    assert Holds.model_validate_json(read.model_dump_json()) == read
    assert Holds(worse_by=0.5).worse_by.of(1, "share") == 0.5
    for wrong in (True, None, ["2%"], "2 percent"):
        with pytest.raises(ValidationError, match="is no margin"):
            Holds.model_validate({"worse_by": wrong})
