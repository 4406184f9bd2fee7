"""Texts that have most of their words in common."""

import random

import pytest

from polydistill.same_words import SameWords, word_set


def found(text: str, *texts: str, part: float = 0.8) -> list[str]:
    return sorted(SameWords(((each, each) for each in texts), part).find(text))


def test_case_punctuation_and_order_are_no_difference():
    assert found("Buscar notas.", "Buscar notas", "NOTAS, buscar!", "Buscar", "Borrar notas") == [
        "Buscar notas",
        "NOTAS, buscar!",
    ]


def test_four_of_five_words_are_enough_and_three_of_four_are_not():
    assert found("a b c d", "a b c d e", "a b c", "a b c d e f") == ["a b c d e"]
    assert found("a b c d", "a b c d e", "d c b a", part=1.0) == ["d c b a"]


@pytest.mark.parametrize("part", [0.5, 0.8, 1.0])
def test_none_is_missed_and_none_too_many(part: float):
    """Against every pair, in whole numbers."""
    rng = random.Random(0)
    texts = [" ".join(rng.sample("abcdefghijklmnop", rng.randint(1, 15))) for _ in range(400)]
    sets, index, tenths = [*map(word_set, texts)], SameWords(enumerate(texts), part), round(10 * part)
    met = 0
    for text, own in zip(texts[:100], sets, strict=False):
        near = {at for at, other in enumerate(sets) if 10 * len(own & other) >= tenths * len(own | other)}
        assert index.find(text) == near
        met += len(near)
    assert met > 100, "each finds itself, and some find others"


def test_in_scripts_without_spaces_pairs_of_characters_count():
    # The same characters say something else.
    assert word_set("我爱你") == {"我爱", "爱你"}
    assert found("我爱你", "你爱我", "我爱你。") == ["我爱你。"]
    assert word_set("我") == {"我"}


def test_a_text_without_words_is_equal_to_itself_alone():
    assert found("…", "…", "!", "a") == ["…"]


def test_a_text_may_have_several_keys_and_nothing_is_found_in_nothing():
    assert SameWords(()).find("a b") == set()
    assert SameWords([(1, "a b"), (2, "B, a")]).find("a b") == {1, 2}
