import pytest

from polydistill.texts import loops, runs, unspaced, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Don't stop, l’home!", ["Don't", "stop", "l’home"]),
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),
        ("snake_case 3.5", ["snake_case", "3", "5"]),
        ("我爱你。ok", ["我", "爱", "你", "ok"]),
        ("ไทย", ["ไ", "ท", "ย"]),
        ("한국어 말", ["한국어", "말"]),
        ("… !? 😀", []),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_unspaced_needs_more_than_half() -> None:
    assert unspaced(words("我爱 you"))
    assert not unspaced(words("我 love you"))
    assert not unspaced([])


def test_a_run_of_four_words_four_times_is_a_loop() -> None:
    assert loops("one two three four. " * 4)
    assert not loops("one two three four. " * 3)
    assert loops("la " * 7)  # "la la la la" begins at four places
    assert not loops("la " * 6)
    assert loops("A b c d a B c d a b C d a b c D")


def test_n_and_times_are_heeded() -> None:
    assert loops("a b a b a b", n=2, times=3)
    assert not loops("a b a b a b", n=2, times=4)


def test_a_word_that_comes_again_is_no_loop_in_scripts_without_spaces() -> None:
    assert not loops("人工智能很好。人工智能很快。人工智能很新。人工智能很贵。人工智能很大。")
    assert loops("我不知道你在说什么。" * 5)


def test_runs_are_every_n_words_in_a_row_whatever_their_case_and_stops() -> None:
    assert len(runs("one two three four", 3)) == 2
    assert runs("One, two three!", 3) == runs("one two three", 3) <= runs("zero one two three", 3)
    assert runs("one two", 3) == runs("", 3) == set()


def test_runs_are_twice_as_long_in_characters() -> None:
    assert len(runs("我爱你们大家", 3)) == 1
    assert runs("我爱你们大", 3) == set()


def test_what_is_done_to_the_words_of_a_text_does_not_change_it():
    words("a b").append("c")
    assert words("a b") == ["a", "b"]
    assert words("word " * 5000) == ["word"] * 5000
