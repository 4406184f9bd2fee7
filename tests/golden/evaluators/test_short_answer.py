import json

import pytest

from polydistill.component import find
from polydistill.evaluators.short_answer import exact, f1, plain
from polydistill.records import Lang
from polydistill.sources import BadInput

ShortAnswer = find("evaluators", "short_answer")
ENG, SPA, FRA, ZHO, SWA = (Lang(code) for code in ("eng", "spa", "fra", "zho", "swa"))


def written(path, *items):
    path.write_text("".join(json.dumps(item) + "\n" for item in items), "utf-8")
    return path


def item(key, queries, answers):
    return {"example_id": key, "queries": queries, "answers": answers}


@pytest.mark.parametrize(
    ("text", "lang", "expected"),
    [
        ("The Eiffel Tower!", ENG, ["eiffel", "tower"]),
        ("La Torre Eiffel.", SPA, ["torre", "eiffel"]),
        ("L'Île-de-France", FRA, ["îledefrance"]),
        ("U.S.A.", ENG, ["usa"]),
        ("la", SPA, ["la"]),
        ("北京市", ZHO, ["北", "京", "市"]),
        ("The 3.5 million", SWA, ["the", "35", "million"]),
        ("¿?", SPA, []),
    ],
)
def test_what_is_compared(text, lang, expected):
    assert plain(text, lang) == expected


def test_exact_and_f1_by_hand():
    assert exact("the Tower", "a tower", ENG) == 1
    assert exact("tower of London", "tower", ENG) == 0
    # Precision 1/3, recall 1: 2 * 1/3 / (4/3).
    assert f1("tower of London", "tower", ENG) == 0.5
    # One 'no' of two is shared: precision 1/2, recall 1.
    assert f1("no no", "no", ENG) == pytest.approx(2 / 3)
    assert f1("nothing shared", "tower", ENG) == 0
    assert f1("", "tower", ENG) == 0
    # Two characters of three: precision 1, recall 2/3.
    assert f1("北京", "北京市", ZHO) == pytest.approx(0.8)


def test_the_best_known_answer_counts(tools, tmp_path):
    known = [{"type": "entity", "text": "New York City", "aliases": ["NYC", "New York"]}]
    rows = [
        item(0, {"en": "which city", "es": "qué ciudad"}, {"en": known, "es": [{"type": "entity", "text": "Nueva York"}]}),
        item("b", {"en": "no answer"}, {"en": [{"type": "unanswerable", "text": None}]}),
        item("c", {"en": "long answer"}, {"en": [{"type": "long_answer", "text": "a page"}]}),
        item("d", {"en": "yes or no"}, {"en": [{"type": "binary", "text": "yes"}]}),
    ]
    engine = tools.Scripted(says=lambda q: {"which city": "new york", "yes or no": "no"}.get(q, "la Nueva York vieja"))
    scores = ShortAnswer(path=written(tmp_path / "m.jsonl", *rows))(engine, [ENG, SPA, SWA], [])
    values = {(score.name, score.lang): (score.value, score.n) for score in scores}
    assert values == {
        ("short_answer_exact", ENG): (0.5, 2), ("short_answer_f1", ENG): (0.5, 2),
        ("short_answer_exact", SPA): (0.0, 1), ("short_answer_f1", SPA): (pytest.approx(0.8), 1),
    }  # fmt: skip
    assert {i.id for score in scores for i in score.items} == {"0", "d"}
    assert engine.sampling[0].max_tokens == 20


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ([item(1, {"en": "q"}, {"en": [{"text": "a"}]})] * 2, "line 2: example_id 1 stands twice"),
        ([{"queries": {}, "answers": {}}], "line 1: a question needs example_id"),
        ([item(1, ["q"], {})], "line 1: a question needs example_id"),
        ([item(1, {"en": "q"}, {"en": "a"})], "line 1, en: answers must be a list of objects"),
        ([item(1, {"fr": "q"}, {"fr": [{"text": "a"}]})], "no answered question in eng"),
    ],
)
def test_bad_files_are_refused(tmp_path, rows, sentence):
    with pytest.raises(BadInput, match=sentence):
        ShortAnswer(path=written(tmp_path / "m.jsonl", *rows)).check([ENG])
