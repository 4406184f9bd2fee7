import pytest

from polydistill.component import find
from polydistill.evaluators.language_fidelity import judgeable, right
from polydistill.records import Lang
from polydistill.sources import BadInput

LanguageFidelity = find("evaluators", "language_fidelity")
ENG, SPA, RUS, ZHO = Lang("eng"), Lang("spa"), Lang("rus"), Lang("zho")
SPANISH = "La casa de mi abuela está cerca del río y tiene un jardín muy bonito."
ENGLISH = "The house of my grandmother is close to the river and has a nice garden."
RUSSIAN = "Дом моей бабушки стоит рядом с рекой, и у него очень красивый сад."


def measure(tools, answers, lang, **settings):
    said = {f"q{number}": answer for number, answer in enumerate(answers)}
    rows = [tools.asked(question, "x", lang) for question in said]
    scores = LanguageFidelity(**settings)(tools.Scripted(says=said.get), [Lang(lang)], rows)
    return {score.name: score for score in scores}


def test_lines_that_are_judged():
    assert judgeable("one two three four\none two three four five") == ["one two three four five"]
    assert judgeable("a, b. c! d? - ...") == []  # a lone dash is no word once punctuation is gone
    assert judgeable("one—two three four five") == ["one two three four five"]
    assert judgeable("one two three four five\nQ: six seven eight nine ten") == ["one two three four five"]
    assert judgeable("今天天气很好我们去") == []  # nine characters
    assert judgeable("今天天气很好我们去玩") == ["今天天气很好我们去玩"]


def test_a_line_needs_the_label_and_the_score():
    assert right(SPANISH, "es")
    assert not right(ENGLISH, "es")
    assert not right("", "es")


def test_line_pass_rate_by_hand(tools):
    found = measure(tools, [SPANISH, ENGLISH, f"{SPANISH}\n{ENGLISH}", "Sí, claro.", f"{SPANISH}\nok"], "spa")
    lines, accuracy = found["language_fidelity_lines"], found["language_fidelity_accuracy"]
    # Right, wrong, half, not counted, right: two of four answers, (1 + 0 + 1/2 + 1) / 4 of their lines.
    assert (lines.value, lines.n) == (0.5, 4)
    assert (accuracy.value, accuracy.n) == (pytest.approx(2.5 / 4), 4)
    assert {item.id: item.value for item in lines.items} == {"q0": 1, "q1": 0, "q2": 0, "q3": None, "q4": 1}
    assert "1 answers too short" in lines.note
    assert set(found) == {"language_fidelity_lines", "language_fidelity_accuracy"}


def test_nothing_long_enough_is_no_score(tools):
    assert measure(tools, ["Sí.", ""], "spa") == {}


def test_a_language_the_identifier_does_not_know_is_no_score(tools):
    assert measure(tools, [SPANISH], "tlh") == {}


def test_words_are_measured_only_with_a_list_and_where_letters_tell(tools, tmp_path):
    words = tmp_path / "words.txt"
    words.write_text("garden\nof\nParis\nriver\n", "utf-8")
    answers = [RUSSIAN, RUSSIAN.replace("сад", "garden"), RUSSIAN.replace("сад", "of Paris"), ENGLISH]
    without = measure(tools, answers, "rus")
    assert set(without) == {"language_fidelity_lines", "language_fidelity_accuracy"}
    assert "english_words names no list" in without["language_fidelity_lines"].note
    found = measure(tools, answers, "rus", english_words=words)
    # 'of' is too short and 'Paris' no small letters: of three answers with every line right, one has an English word.
    assert found["language_fidelity_lines"].value == 0.75
    assert found["language_fidelity_words"].value == pytest.approx(2 / 3)
    assert found["language_fidelity_words"].n == 3
    both = found["language_fidelity"]
    assert both.value == pytest.approx(2 * 0.75 * (2 / 3) / (0.75 + 2 / 3))
    # Leaving out: a clean answer twice (LPR 2/3, WPR 1/2), the one with the word (2/3, 1), the wrong one (1, 2/3).
    each = [2 * a * b / (a + b) for a, b in ((2 / 3, 1 / 2), (2 / 3, 1), (2 / 3, 1 / 2), (1, 2 / 3))]
    centre = sum(each) / 4
    assert both.standard_error == pytest.approx((3 / 4 * sum((v - centre) ** 2 for v in each)) ** 0.5)
    assert "language_fidelity_words" not in measure(tools, [SPANISH], "spa", english_words=words)


def test_no_answer_in_the_language_has_no_word_pass_rate(tools, tmp_path):
    words = tmp_path / "words.txt"
    words.write_text("garden\n", "utf-8")
    found = measure(tools, [ENGLISH], "rus", english_words=words)
    assert found["language_fidelity_lines"].value == 0
    assert "language_fidelity_words" not in found


def test_scripts_without_spaces_are_counted_by_characters_and_say_so(tools):
    found = measure(tools, ["今天天气很好,我们一起去公园玩吧。", "今天天气"], "zho")
    assert (found["language_fidelity_lines"].value, found["language_fidelity_lines"].n) == (1, 1)
    assert "10 characters" in found["language_fidelity_lines"].note


def test_a_missing_list_is_found_early_and_its_content_is_identity(tmp_path):
    words = tmp_path / "words.txt"
    evaluator = LanguageFidelity(english_words=words)
    with pytest.raises(FileNotFoundError, match=r"words\.txt"):
        evaluator.check([ENG])
    words.write_text("garden\n", "utf-8")
    before = evaluator.identity()
    words.write_text("river\n", "utf-8")
    assert evaluator.identity() != before
    words.write_text("", "utf-8")
    with pytest.raises(BadInput, match="empty"):
        evaluator.check([RUS])
