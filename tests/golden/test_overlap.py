import pytest
import sacrebleu

from polydistill.evaluators._overlap import bleu, chrf

ANSWERS = ["the cat sat on the mat", "a dog ran in the park", "it rains"]
HUMANS = ["the cat sits on the mat", "a dog runs in the park", "it is raining"]


def test_values_are_sacrebleus():
    assert chrf(ANSWERS, HUMANS).value == pytest.approx(sacrebleu.corpus_chrf(ANSWERS, [HUMANS], word_order=2).score)
    assert bleu(ANSWERS, HUMANS).value == pytest.approx(sacrebleu.corpus_bleu(ANSWERS, [HUMANS]).score)
    assert chrf(ANSWERS, HUMANS).items[2] == pytest.approx(sacrebleu.sentence_chrf("it rains", [HUMANS[2]], word_order=2).score)


def test_bleu_by_hand():
    # 4 of 5, 3 of 4, 2 of 3 and 1 of 2 n-grams match, as many words as the reference.
    assert bleu(["a b c d e"], ["a b c d f"]).value == pytest.approx(100 * (4 / 5 * 3 / 4 * 2 / 3 * 1 / 2) ** 0.25)


def test_the_ends_of_the_range():
    assert chrf(HUMANS, HUMANS)[:2] == (pytest.approx(100), 0)
    assert chrf(["zzz"] * 3, HUMANS)[:2] == (0, 0)
    assert bleu([""] * 3, HUMANS).value == 0


def test_the_standard_error_shrinks_with_the_root_of_n():
    one, sixteen = chrf(ANSWERS * 4, HUMANS * 4), chrf(ANSWERS * 64, HUMANS * 64)
    assert one.value == pytest.approx(sixteen.value)
    assert one.standard_error / sixteen.standard_error == pytest.approx(4, rel=0.15)
    assert chrf(ANSWERS[:1], HUMANS[:1]).standard_error is None


def test_scripts_without_spaces_are_counted_by_characters():
    found = bleu(["今天天气很好"], ["今天天气不错"])
    assert "tok:char" in found.signature
    assert found.value > 0
