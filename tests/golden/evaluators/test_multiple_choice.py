import json
from math import inf, nan

import pytest

from polydistill.component import find
from polydistill.records import Lang
from polydistill.sources import BadInput
from polydistill.statistics.tallies import value

MultipleChoice = find("evaluators", "multiple_choice")
ENG, SPA, SWA = Lang("eng"), Lang("spa"), Lang("swa")
ITEM = {
    "link": "https://a.example/1", "question_number": 1, "flores_passage": "A passage.", "question": "Which one?",
    "mc_answer1": "aa", "mc_answer2": "bbbb", "mc_answer3": "cc", "mc_answer4": "dd", "correct_answer_num": "2",
    "dialect": "eng_Latn",
}  # fmt: skip


def written(path, *items):
    path.write_text("".join(json.dumps(item) + "\n" for item in items), "utf-8")
    return path


@pytest.mark.parametrize(
    ("after", "alone", "hits"),
    [
        ((-9, -10, -11, -12), (0, 0, 0, 0), (0, 1, 0)),  # by length -4.5, -2.5: the second
        ((-9, -10, -11, -12), (-1, -9, -1, -1), (0, 1, 1)),  # by prior -8, -1, -10, -11
        ((-20, -10, -20, -20), (-20, -1, -20, -20), (1, 1, 0)),
        ((-10, -10, -12, -12), (0, 0, 0, 0), (0.5, 1, 0.5)),
    ],
)
def test_three_norms_by_hand(tools, tmp_path, after, alone, hits):
    texts = ("aa", "bbbb", "cc", "dd")
    nats = dict(zip(texts, after, strict=True)), dict(zip(texts, alone, strict=True))
    engine = tools.Scripted(nats=lambda q, t: nats[q is None][t])
    scores = MultipleChoice(path=written(tmp_path / "b.jsonl", ITEM))(engine, [ENG], [])
    names = ["multiple_choice_plain", "multiple_choice_by_length", "multiple_choice_by_prior"]
    assert [score.name for score in scores] == names
    assert tuple(score.value for score in scores) == hits
    assert scores[0].items[0].id == "https://a.example/1#1"
    assert scores[0].items[0].prompt == "A passage.\n\nWhich one?"
    assert len(engine.scored) == 8


@pytest.mark.parametrize("wrong", [nan, inf, -inf])
def test_an_item_with_an_option_that_has_no_likelihood_has_failed(tools, tmp_path, wrong):
    """The second question's third option has none after the question, or none after nothing."""
    items = [ITEM | {"question_number": n, "question": f"Which {n}?"} for n in range(4)]
    items[1]["mc_answer3"] = "after"
    items[2]["mc_answer3"] = "alone"

    def nats(question, text):
        return wrong if text == ("alone" if question is None else "after") else -len(text) - (text == "aa")

    scores = MultipleChoice(path=written(tmp_path / "b.jsonl", *items))(tools.Scripted(nats=nats), [ENG], [])
    assert [score.n for score in scores] == [3, 3, 2]
    # Of the others the right "bbbb" is not the likeliest, by length one of three that are, less the prior one of four.
    assert [score.value for score in scores] == pytest.approx([0, 1 / 3, 1 / 4])
    one, both = {"https://a.example/1#1"}, {"https://a.example/1#1", "https://a.example/1#2"}
    for score, lost in zip(scores, (one, one, both), strict=True):
        assert {item.id: item.answer for item in score.items if item.value is None} == dict.fromkeys(lost, "")
        said, _, ids = score.warning.partition(": ")
        assert said == f"{len(lost)} of 4 items failed, as the model gives an option no finite likelihood"
        assert set(ids.split(", ")) == lost
        assert score.value == pytest.approx(value(score))


def test_the_dialect_says_the_language(tools, tmp_path):
    items = [ITEM, ITEM | {"dialect": "swh_Latn"}, ITEM | {"dialect": "fra_Latn"}]
    scores = MultipleChoice(path=written(tmp_path / "b.jsonl", *items))(tools.Scripted(), [ENG, SWA, SPA], [])
    assert [score.lang for score in scores] == [ENG] * 3 + [SWA] * 3


def test_one_file_a_language(tools, tmp_path):
    written(tmp_path / "eng_Latn.jsonl", ITEM)
    written(tmp_path / "spa_Latn.jsonl", ITEM | {"question": "¿Cuál?", "dialect": "spa_Latn"})
    evaluator = MultipleChoice(path=tmp_path / "{lang}.jsonl")
    assert {score.items[0].prompt for score in evaluator(tools.Scripted(), [ENG, SPA], [])} == {
        "A passage.\n\nWhich one?",
        "A passage.\n\n¿Cuál?",
    }
    with pytest.raises(FileNotFoundError, match="Swahili"):
        evaluator.check([ENG, SWA])


@pytest.mark.parametrize(
    ("items", "sentence"),
    [
        ([ITEM, ITEM, ITEM], r"b\.jsonl: twice in eng: 2 \(https://a\.example/1#1 \(line 2\), .*#1 \(line 3\)\); mend"),
        ([ITEM | {"mc_answer3": ""}], r"without mc_answer3: 1 \(https://a\.example/1#1 \(line 1\)\)"),
        (
            [{k: v for k, v in ITEM.items() if k not in ("mc_answer1", "link")}],
            r"without link, mc_answer1: 1 \(#1 \(line 1\)\)",
        ),
        ([ITEM | {"question": None}], r"without question: 1"),
        ([ITEM | {"correct_answer_num": 5}], r"correct_answer_num is 5, not 1, 2, 3 or 4: 1 \(.*#1 \(line 1\)\)"),
        ([ITEM | {"mc_answer1": "cc"}], r"two of the four answers are the same: 1 \("),
        ([ITEM | {"question": ""}, ITEM, ITEM], r"without question: 1 \(.*line 1\)\); twice in eng: 1 \(.*line 3\)\)"),
        ([ITEM | {"dialect": "fra_Latn"}], "no question in eng"),
        ([[1]], "line 1: not an object"),
    ],
)
def test_bad_files_are_refused_before_a_model_is_asked(tmp_path, items, sentence):
    evaluator = MultipleChoice(path=written(tmp_path / "b.jsonl", *items))
    with pytest.raises(BadInput, match=sentence) as refused:
        evaluator.check([ENG])
    assert "on_error" not in str(refused.value)


def test_the_content_is_identity_not_the_place(tmp_path):
    one, other = MultipleChoice(path=written(tmp_path / "b.jsonl", ITEM)), tmp_path / "sub"
    other.mkdir()
    assert one.identity() == MultipleChoice(path=written(other / "b.jsonl", ITEM)).identity()
    assert one.identity() != MultipleChoice(path=written(other / "b.jsonl", ITEM | {"question": "Other?"})).identity()


def test_items_may_count_from_nought_and_be_limited(tools, tmp_path):
    items = [ITEM | {"question_number": n} for n in range(9)]
    (score, *_) = MultipleChoice(path=written(tmp_path / "b.jsonl", *items), items=4)(tools.Scripted(), [ENG], [])
    assert score.n == 4
    assert score.value == 0.25


def test_questions_on_one_passage_are_one_draw(tools, tmp_path):
    items = [ITEM | {"link": link, "question_number": n} for link in ("https://a.example/x#y", "b") for n in (1, 2)]
    score = MultipleChoice(path=written(tmp_path / "b.jsonl", *items))(tools.Scripted(), [ENG], [])[0]
    assert {(item.id, item.group) for item in score.items} == {
        ("https://a.example/x#y#1", "https://a.example/x#y"), ("https://a.example/x#y#2", "https://a.example/x#y"),
        ("b#1", "b"), ("b#2", "b"),
    }  # fmt: skip


def test_a_file_of_another_language_than_its_name_says(tmp_path):
    written(tmp_path / "spa_Latn.jsonl", ITEM)
    with pytest.raises(BadInput, match=r"dialect is not spa: 1 \(eng_Latn of https://a\.example/1#1 \(line 1\)\)"):
        MultipleChoice(path=tmp_path / "{lang}.jsonl").check([SPA])


PASSAGE = {
    "eng": "The river rises in the mountains of the north and flows for three hundred miles to the sea.",
    "spa": "El río nace en las montañas del norte y recorre quinientos kilómetros hasta llegar al mar.",
}


def items_in(*languages):
    return [
        ITEM | {"dialect": "spa_Latn", "question_number": n, "flores_passage": PASSAGE[code], "question": "¿Cuál?"}
        for n, code in enumerate(languages)
    ]


def test_a_few_items_in_another_language_are_counted_and_named(tools, tmp_path):
    evaluator = MultipleChoice(path=written(tmp_path / "b.jsonl", *items_in("spa", "spa", "eng", "spa", "spa")))
    for score in evaluator(tools.Scripted(), [SPA], []):
        assert score.warning == "1 of 5 items hold text that is not in Spanish (spa): https://a.example/1#2"
    fine = MultipleChoice(path=written(tmp_path / "f.jsonl", *items_in("spa", "spa")))
    assert {score.warning for score in fine(tools.Scripted(), [SPA], [])} == {""}


def test_a_file_mostly_in_another_language_is_refused(tmp_path):
    evaluator = MultipleChoice(path=written(tmp_path / "b.jsonl", *items_in("eng", "eng", "spa")))
    with pytest.raises(BadInput, match=r"said to be in Spanish \(spa\), but 2 of 3 items \(.*#0, .*#1\) are in another"):
        evaluator.check([SPA])
