import json

import pytest

from polydistill.component import find
from polydistill.records import Lang
from polydistill.sources import BadInput

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


def test_the_dialect_says_the_language(tools, tmp_path):
    items = [ITEM, ITEM | {"dialect": "swh_Latn"}, ITEM | {"dialect": "fra_Latn"}]
    scores = MultipleChoice(path=written(tmp_path / "b.jsonl", *items))(tools.Scripted(), [ENG, SWA, SPA], [])
    assert [score.lang for score in scores] == [ENG] * 3 + [SWA] * 3


def test_one_file_a_language(tools, tmp_path):
    written(tmp_path / "eng_Latn.jsonl", ITEM)
    written(tmp_path / "spa_Latn.jsonl", ITEM | {"question": "¿Cuál?"})
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
        ([ITEM, ITEM], r"line 2: item https://a\.example/1#1 stands twice in eng"),
        ([ITEM | {"mc_answer3": ""}], "line 1: no mc_answer3"),
        ([{k: v for k, v in ITEM.items() if k not in ("mc_answer1", "link")}], "line 1: no link, mc_answer1"),
        ([ITEM | {"question": None}], "line 1: no question"),
        ([ITEM | {"correct_answer_num": 5}], "line 1: correct_answer_num is 5; it is 1, 2, 3 or 4"),
        ([ITEM | {"mc_answer1": "cc"}], "two of the four answers are the same"),
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
