from math import inf, nan

import pytest

from polydistill.evaluators import Score, choose, counted, finite, heldout_chats, jackknife, likeliest, mean, ratio
from polydistill.evaluators._items import failed
from polydistill.records import Lang, digest

ENG, SPA = Lang("eng"), Lang("spa")


def test_mean_and_ratio_by_hand():
    assert mean([1.0, 0.0, 1.0, 0.0]) == (0.5, pytest.approx((1 / 3 / 4) ** 0.5))
    assert mean([2.0]) == (2.0, None)
    assert mean([]) == (0.0, None)
    assert ratio([2, 4], [1, 2]) == (2.0, 0.0)
    assert ratio([], []) == (0.0, None)


def test_jackknife_of_a_mean_is_its_standard_error():
    values = [1.0, 4.0, 2.0, 7.0]
    left_out = [(sum(values) - value) / 3 for value in values]
    assert jackknife(left_out) == pytest.approx(mean(values)[1])
    assert jackknife([1.0]) is None


def test_ties_share_the_point():
    assert likeliest([-1.0, -2.0], 0) == (1, 0)
    assert likeliest([-1.0, -2.0], 1) == (0, 0)
    assert likeliest([-2.0, -1.0, -1.0, -1.0], 2) == (pytest.approx(1 / 3), 1)


@pytest.mark.parametrize("wrong", [nan, inf, -inf])
@pytest.mark.parametrize("place", [0, 1])
def test_of_options_that_are_not_all_finite_none_is_the_likeliest(wrong, place):
    scores = [-1.0, -1.0]
    scores[place] = wrong
    assert likeliest(scores, 0) == (None, None)


def test_items_that_failed_do_not_count_and_are_named():
    value, error, n = counted([1.0, None, 0.0])
    assert (value, n) == (0.5, 2)
    assert error == pytest.approx(0.5)
    assert failed({"a": 1.0, "b": None}) == ("1 of 2 items failed, as the model gives an option no finite likelihood: b")
    assert failed({"a": 0.0}) == ""


def test_a_score_all_of_whose_items_failed_is_refused():
    value, error, n = counted([None, None])
    assert (error, n) == (None, 0)
    score = Score(name="x", lang="spa", value=value, unit="accuracy", higher_is_better=True, n=n, standard_error=error)
    with pytest.raises(FloatingPointError, match="x in spa is nan: the model gives no probabilities"):
        list(finite([score]))


def test_common_items_come_first_then_the_order_of_hashes():
    keys = [f"k{n}" for n in range(20)]
    common = ["k3", "k11", "k17"]
    chosen = choose(keys, [keys, common, []], 5)
    assert chosen[:3] == sorted(common, key=digest)
    assert chosen == choose(reversed(keys), [common, keys], 5)
    assert choose(keys, [], None) == sorted(keys, key=digest)


def test_held_out_questions(tools):
    rows = [
        *(tools.asked(f"e{n}", "yes", "eng", str(n)) for n in range(8)),
        *(tools.asked(f"s{n}", "sí", "spa", str(n)) for n in range(5, 8)),
        tools.asked("f0", "oui", "fra", "0"),
    ]
    crossed = rows[0].but(id="crossed", payload=rows[0].payload.asked.answered("sí", SPA))
    found = heldout_chats([crossed, *rows, *rows], [ENG, SPA], 3)
    assert {held.id for held in found[ENG]} == {held.id for held in found[SPA]} == {"5", "6", "7"}
    assert found[SPA][0].answer == "sí"
    assert len(heldout_chats(rows, [ENG, SPA], 100)[ENG]) == 8
