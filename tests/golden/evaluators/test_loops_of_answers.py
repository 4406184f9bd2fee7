import pytest

from polydistill.component import find
from polydistill.engines import Answer
from polydistill.records import Lang

Loops = find("evaluators", "loops")
ENG = Lang("eng")


def test_shares_of_looping_and_unfinished_answers(tools):
    said = {
        "a": Answer("one two three four " * 4, False),
        "b": Answer("one two three four " * 3, True),
        "c": Answer("", True),
        "d": Answer("Cut in the middle of", False),
    }
    engine = tools.Scripted(says=said.get)
    rows = [tools.asked(question, "fine", "eng") for question in said]
    looping, unfinished = Loops()(engine, [ENG], rows)
    # 4 repetitions hold the run 'one two three four' 4 times, 3 repetitions only 3 times.
    assert (looping.name, looping.value, looping.higher_is_better) == ("looping_answers", 0.25, False)
    assert {item.id: item.value for item in looping.items} == {"a": 1.0, "b": 0.0, "c": 0.0, "d": 0.0}
    assert (unfinished.name, unfinished.value) == ("unfinished_answers", 0.5)
    # Standard deviation of (1, 0, 0, 0) is 0.5, over the root of 4.
    assert looping.standard_error == pytest.approx(0.25)
    assert engine.sampling == [Loops().sampling]


def test_the_whole_conversation_before_the_answer_is_asked(tools):
    engine = tools.Scripted()
    Loops()(engine, [ENG], [tools.asked("Why?", "Because.", "eng")])
    assert engine.asked[0].answer is None


def test_the_same_answers_serve_fidelity():
    fidelity = find("evaluators", "language_fidelity")()
    assert (Loops().items, Loops().sampling) == (fidelity.items, fidelity.sampling)
