"""What leads to an answer, and the answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polydistill.rationales import parted


@pytest.mark.parametrize(
    ("text", "why", "answer"),
    [
        ("Ten less four is six. So the answer is 6.", "Ten less four is six.", "6"),
        ("It rains.\nTherefore, the final answer is: **umbrella**.", "It rains.", "umbrella"),
        ("Half of 3 is 1.5. The answer is 1.5.", "Half of 3 is 1.5.", "1.5"),
        ("Water flows down.\nAnswer: the sea", "Water flows down.", "the sea"),
        ("A or B? THE ANSWER IS (b).\n\nThank you.", "A or B?", "(b)"),
        ("First, so the answer is 1? No: so the answer is 2.", "First, so the answer is 1? No:", "2"),
        ("the answer is yes", "", "yes"),
        ("Ten less four is six.\nThe answer is:\n6\nBye.", "Ten less four is six.", "6"),
        ("So the answer is “no”.", "", "no"),
    ],
)
def test_texts_as_teachers_write_them(text: str, why: str, answer: str):
    assert parted(text) == (why, answer)


@pytest.mark.parametrize(
    "text",
    [
        "Ten less four is six.", "So the answer is", "So the answer is .", "I know no answer.", "The answer isn't here.",
        "Who answers: nobody", "", " ", "\x00", "\ud800 the answers are", "ANSWER",
    ],
)  # fmt: skip
def test_where_no_answer_is_told_apart_all_of_it_is_the_reason(text: str):
    assert parted(text) == (text.strip(), "")


@given(
    st.lists(
        st.sampled_from(["So the answer is", "The answer is", "Answer:", " ", "\n", ".", "6", "*", "“", "why"]) | st.text()
    )
)
def test_it_never_raises_and_makes_nothing_up(parts: list[str]):
    text = "".join(parts)
    why, answer = parted(text)
    assert why in text
    assert answer in text
    assert answer == answer.strip()


@given(st.from_regex(r"[a-z]{1,9}( [a-z]{1,9}){0,9}\.", fullmatch=True), st.from_regex(r"[0-9]{1,5}", fullmatch=True))
def test_what_was_put_together_comes_apart(why: str, answer: str):
    assert parted(f"{why} So the answer is {answer}.") == (why, answer)


def test_a_long_text_takes_no_long_time():
    text = "so the final answer " * 20_000
    assert parted(text) == (text.strip(), "")
