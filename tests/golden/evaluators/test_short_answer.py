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
        ([item(1, {"en": "q"}, {"en": [{"text": "a"}]})] * 2, r"m\.jsonl: twice: 1 \(1 \(line 2\)\); mend or remove"),
        ([{"queries": {}, "answers": {}}], r"without example_id: 1 \(line 1\)"),
        ([item(1, ["q"], {})], r"without queries or answers by language: 1 \(1 \(line 1\)\)"),
        ([item(1, {"en": "q"}, {"en": "a"})], r"without an answer in en: 1 \(1 \(line 1\)\)"),
        (
            [item(n, {"en": "q"}, {"en": []}) for n in range(7)],
            r"without an answer in en: 7 \(0 \(line 1\), .*4 \(line 5\), \.\.\.\)",
        ),
        ([item(1, {"en": "q"}, {"en": [{"type": "entity", "text": " "}]})], "without an answer in en: 1"),
        ([item(1, {"fr": "q"}, {"fr": [{"text": "a"}]})], "no answered question in eng"),
    ],
)
def test_bad_files_are_refused(tmp_path, rows, sentence):
    with pytest.raises(BadInput, match=sentence):
        ShortAnswer(path=written(tmp_path / "m.jsonl", *rows)).check([ENG])


def test_a_question_that_is_said_to_have_no_answer_is_no_mistake(tmp_path):
    answered = item(0, {"en": "q"}, {"en": [{"type": "entity", "text": "a"}]})
    unanswerable = item(1, {"en": "q"}, {"en": [{"type": "unanswerable", "text": None}]})
    ShortAnswer(path=written(tmp_path / "m.jsonl", answered, unanswerable)).check([ENG])


def test_questions_too_short_to_judge_alone_are_judged_together(tmp_path):
    asked = ("who wrote the book of the dead", "when did the first world war end", "what is the name of the river in paris")
    rows = [item(n, {"es": text}, {"es": [{"type": "entity", "text": "París"}]}) for n, text in enumerate(asked)]
    with pytest.raises(BadInput, match=r"said to be in Spanish \(spa\), but its 3 items, read as one, are in another"):
        ShortAnswer(path=written(tmp_path / "m.jsonl", *rows)).check([SPA])
    asked = (
        "quién escribió el libro de los muertos",
        "cuándo terminó la primera guerra mundial",
        "cómo se llama el río de parís",
    )
    rows = [item(n, {"es": text}, {"es": [{"type": "entity", "text": "París"}]}) for n, text in enumerate(asked)]
    ShortAnswer(path=written(tmp_path / "m.jsonl", *rows)).check([SPA])


def test_the_published_file_has_to_be_unpacked_first(tmp_path):
    import gzip

    (tmp_path / "mkqa.jsonl.gz").write_bytes(gzip.compress(b"{}"))
    with pytest.raises(BadInput, match="compressed; unpack it with: gunzip"):
        ShortAnswer(path=tmp_path / "mkqa.jsonl.gz").check([ENG])
