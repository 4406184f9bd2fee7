"""The score that items make, from sums."""

import math

import numpy as np
import pytest
import sacrebleu
from tiny_rows import ENG

from polydistill.evaluators import Item, Score
from polydistill.statistics.tallies import by_group, groups, metric, scored, tallies, value

ANSWERS = ["the cat sat on the mat", "a dog ran in the park", "it rains", ""]
HUMANS = ["the cat sits on the mat", "a dog runs in the park", "it is raining", "so it is"]


def score(*items: Item, combine: str = "mean") -> Score:
    return Score(
        name="x", lang=ENG, value=0.0, unit="share", higher_is_better=True, n=len(items), standard_error=None, combine=combine,
        items=items,
    )  # fmt: skip


def overlap(answers: list[str], references: list[str], combine: str) -> Score:
    pairs = enumerate(zip(answers, references, strict=True))
    return score(*(Item(id=str(i), value=0.0, answer=a, reference=r) for i, (a, r) in pairs), combine=combine)


def test_a_weighted_mean_leaves_out_what_does_not_count():
    found = score(Item(id="a", value=2.0, weight=3), Item(id="b", value=5.0), Item(id="c", value=None, weight=9))
    assert tallies(found).tolist() == [[6, 3], [5, 1], [0, 0]]
    assert value(found) == 11 / 4


def test_a_harmonic_mean_is_one_of_means():
    # By line 1, 0 and 1 of three; by word 1 of the two that have one: 2/3 and 1/2.
    found = score(
        Item(id="a", value=1, parts=(1.0, 1.0)), Item(id="b", value=0, parts=(0.0, None)),
        Item(id="c", value=0, parts=(1.0, 0.0)), combine="harmonic",
    )  # fmt: skip
    assert value(found) == pytest.approx(2 * (2 / 3) * (1 / 2) / (2 / 3 + 1 / 2))


def test_a_harmonic_mean_is_0_where_a_part_is_0_or_has_no_item():
    for parts in ((0.0, 1.0), (0.0, None), (1.0, None)):
        assert value(score(Item(id="a", value=1, parts=parts), combine="harmonic")) == 0


def test_nothing_has_no_mean():
    assert math.isnan(value(score(Item(id="a", value=None))))
    assert math.isnan(value(score()))


@pytest.mark.parametrize("combine", ["chrf", "bleu"])
def test_sums_of_sacrebleus_counts_make_its_corpus_score(combine: str):
    direct = {
        "chrf": sacrebleu.corpus_chrf(ANSWERS, [HUMANS], word_order=2), "bleu": sacrebleu.corpus_bleu(ANSWERS, [HUMANS]),
    }[combine]  # fmt: skip
    assert value(overlap(ANSWERS, HUMANS, combine)) == pytest.approx(direct.score, abs=1e-9)
    counted = tallies(overlap(ANSWERS, HUMANS, combine))
    # Any subset is scored as if it were the corpus.
    some = [ANSWERS[0], ANSWERS[0], ANSWERS[2]], [[HUMANS[0], HUMANS[0], HUMANS[2]]]
    again = metric(combine, HUMANS).corpus_score(*some).score
    assert scored(combine, counted[[0, 0, 2]].sum(axis=0)) == pytest.approx(again, abs=1e-9)


def test_many_sums_are_scored_at_once():
    counted = tallies(overlap(ANSWERS, HUMANS, "chrf"))
    assert scored("chrf", np.stack([[counted[0], counted[1]], [counted[2], counted[3]]])).shape == (2, 2)


def test_bleu_goes_by_characters_where_words_have_no_spaces():
    assert "tok:char" in str(_signed(["今天天气不错"]))
    assert "tok:13a" in str(_signed(["it rains"]))


def _signed(references: list[str]):
    found = metric("bleu", references)
    found.corpus_score(references, [references])
    return found.get_signature()


def test_an_item_that_does_not_count_adds_nothing_to_a_corpus():
    whole = overlap(ANSWERS[:2], HUMANS[:2], "chrf")
    less = whole.model_copy(update={"items": (whole.items[0], whole.items[1].model_copy(update={"value": None}))})
    assert value(less) == pytest.approx(sacrebleu.corpus_chrf(ANSWERS[:1], [HUMANS[:1]], word_order=2).score, abs=1e-9)


def test_groups_add_up_and_several_scores_are_averaged():
    one = score(Item(id="a", value=1, group="p"), Item(id="b", value=0), Item(id="c", value=3, group="p"))
    other = score(Item(id="c", value=5, group="p"), Item(id="a", value=1, group="p"), Item(id="b", value=1))
    assert groups(one.items) == {"p": 0, "b": 1}
    assert by_group([one], groups(one.items)).tolist() == [[4, 2], [0, 1]]
    assert by_group([one, other], groups(one.items)).tolist() == [[5, 2], [0.5, 1]]


def test_bleu_of_one_seed_is_not_changed_by_averaging():
    # No 4-gram matches: the smoothing depends on how many there are.
    found = overlap(["a b c x e f"], ["a b c d e f"], "bleu")
    places = groups(found.items)
    twice = scored("bleu", by_group([found, found], places).sum(axis=0))
    assert twice == pytest.approx(value(found), abs=1e-9)
    assert value(found) == pytest.approx(sacrebleu.corpus_bleu(["a b c x e f"], [["a b c d e f"]]).score)
