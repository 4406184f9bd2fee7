import pytest

from polydistill.evaluators import Asked
from polydistill.evaluators._pass_rates import pass_rates
from polydistill.languages.language_id import identifier
from polydistill.records import Chat, Lang, Lineage, Turn

SPANISH = "La casa de mi abuela está cerca del río y tiene un jardín muy bonito."
ENGLISH = "The house of my grandmother is close to the river and has a nice garden."
RUSSIAN = "Дом моей бабушки стоит рядом с рекой, и у него очень красивый сад."
JAPANESE = "私の祖母の家は川の近くにあり、とてもきれいな庭があります。"
THAI = "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกัน"
THAI_PHRASES = "เชื้อชาติ ผิว เพศ ภาษา ศาสนา ความคิดเห็น"


def rates(answers, code, words=()):
    lang = Lang(code)
    chat = Chat(turns=(Turn(role="user", text="q", lang=lang),))
    asked = [Asked(f"q{number}", chat, "", Lineage()) for number in range(len(answers))]
    scores = pass_rates("f", lang, asked, answers, identifier(), frozenset(words))
    return {score.name.removeprefix("f"): score for score in scores}


def test_line_pass_rate_and_accuracy_by_hand():
    found = rates([SPANISH, ENGLISH, f"{SPANISH}\n{ENGLISH}", "Sí, claro.", f"{SPANISH}\nok"], "spa")
    # Right, wrong, half, not counted, right: two of four answers, (1 + 0 + 1/2 + 1) / 4 of their lines.
    assert (found["_lines"].value, found["_lines"].n) == (0.5, 4)
    assert (found["_accuracy"].value, found["_accuracy"].n) == (pytest.approx(2.5 / 4), 4)
    assert [item.value for item in found["_lines"].items] == [1, 0, 0, None, 1]
    assert [item.answered_in for item in found["_lines"].items] == ["spa", "eng", "mixed", "", "spa"]
    assert "1 answers too short" in found["_lines"].note
    assert set(found) == {"_lines", "_accuracy"}


def test_the_harmonic_mean_is_that_of_the_means_of_its_parts():
    # 'garden' is an English word, 'Paris' is not in small letters; the wrong answer has no word rate.
    answers = [RUSSIAN, RUSSIAN.replace("сад", "garden"), RUSSIAN.replace("сад", "Paris"), ENGLISH, "Да."]
    found = rates(answers, "rus", ["garden", "river"])
    assert (found["_lines"].value, found["_lines"].n) == (0.75, 4)
    assert (found["_words"].value, found["_words"].n) == (pytest.approx(2 / 3), 3)
    both = found[""]
    assert (both.combine, both.n) == ("harmonic", 4)
    assert both.value == pytest.approx(2 * 0.75 * (2 / 3) / (0.75 + 2 / 3))
    assert [item.parts for item in both.items] == [(1, 1), (1, 0), (1, 1), (0, None), (None, None)]
    assert [item.value for item in both.items] == [1, 0, 1, 0, None]
    lpr, wpr = (
        sum(v for v in part if v is not None) / sum(v is not None for v in part)
        for part in zip(*(item.parts for item in both.items), strict=True)
    )
    assert both.value == 2 * lpr * wpr / (lpr + wpr)
    # Leaving out: a clean answer twice (LPR 2/3, WPR 1/2), the one with the word (2/3, 1), the wrong one (1, 2/3).
    each = [2 * a * b / (a + b) for a, b in ((2 / 3, 1 / 2), (2 / 3, 1), (2 / 3, 1 / 2), (1, 2 / 3))]
    centre = sum(each) / 4
    assert both.standard_error == pytest.approx((3 / 4 * sum((v - centre) ** 2 for v in each)) ** 0.5)


def test_a_word_in_quotation_marks_of_its_own_is_none_as_with_the_authors_and_in_japanese_it_may_touch_others():
    assert rates([RUSSIAN.replace("сад", "«garden»")], "rus", ["garden"])["_words"].value == 1
    assert rates([JAPANESE.replace("庭", "garden")], "jpn", ["garden"])["_words"].value == 0


@pytest.mark.parametrize(("answers", "code"), [([SPANISH], "spa"), ([ENGLISH], "rus"), ([RUSSIAN], "ukr")])
def test_no_word_rate_where_letters_do_not_tell_or_no_line_is_right(answers, code):
    assert set(rates(answers, code, ["garden"])) == {"_lines", "_accuracy"}


def test_without_a_list_there_is_no_word_rate_and_the_note_says_so():
    found = rates([RUSSIAN], "rus")
    assert set(found) == {"_lines", "_accuracy"}
    assert "english_words names no list" in found["_lines"].note


def test_no_word_right_makes_the_harmonic_mean_zero():
    assert rates([RUSSIAN.replace("сад", "garden")], "rus", ["garden"])[""].value == 0


def test_thai_is_counted_by_characters_and_beside_it_by_spaces():
    found = rates([THAI, THAI_PHRASES, ENGLISH], "tha")
    assert (found["_lines"].value, found["_lines"].n) == (pytest.approx(2 / 3), 3)
    # By the authors' rule the first answer has no line: one right, one wrong.
    assert (found["_lines_by_spaces"].value, found["_lines_by_spaces"].n) == (0.5, 2)
    assert [item.value for item in found["_lines_by_spaces"].items] == [None, 1, 0]
    assert "6 characters" in found["_lines"].note


def test_where_the_authors_rule_can_judge_nothing_the_note_says_not_measurable():
    found = rates([THAI], "tha")
    assert found["_lines"].value == 1
    assert "_lines_by_spaces" not in found
    assert "not measurable by the authors' rule" in found["_lines"].note


def test_chinese_and_japanese_have_no_rule_by_spaces():
    assert set(rates([JAPANESE], "jpn")) == {"_lines", "_accuracy"}
    assert "6 characters" in rates([JAPANESE], "jpn")["_lines"].note


def test_nothing_long_enough_is_no_score():
    assert rates(["Sí.", ""], "spa") == {}
