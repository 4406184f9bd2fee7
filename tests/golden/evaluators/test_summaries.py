import json

import pytest
from sacrebleu import CHRF

from polydistill.component import find
from polydistill.records import Lang
from polydistill.sources import BadInput

Summaries = find("evaluators", "summaries")
ENG, SPA, YOR, SRP = Lang("eng"), Lang("spa"), Lang("yor"), Lang("srp")


def written(path, *rows):
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return path


def row(id, text, summary, **more):
    return {"id": id, "url": f"https://a.example/{id}", "title": "T", "text": text, "summary": summary, **more}


def test_the_published_files_are_found_by_name_or_code(tools, tmp_path):
    written(tmp_path / "english_test.jsonl", row("a", "A long story.", "Short."))
    written(tmp_path / "spa_test.jsonl", row("a", "Una larga historia.", "Corta."))
    written(tmp_path / "serbian_cyrillic_test.jsonl", row("a", "Duga priča.", "Kratka."))
    engine = tools.Scripted(says=lambda question: "Short.")
    scores = Summaries(path=tmp_path / "{lang}_test.jsonl")(engine, [ENG, SPA, SRP], [])
    assert [score.lang for score in scores] == [ENG, SPA, SRP]
    assert scores[0].value == 100
    assert scores[1].value == pytest.approx(CHRF(word_order=2).corpus_score(["Short."], [["Corta."]]).score)
    assert [chat.question.text for chat in engine.asked[:2]] == [
        "Summarise the following article in one or two sentences:\n\nA long story.",
        "Resume el siguiente artículo en una o dos frases:\n\nUna larga historia.",
    ]
    assert "asked in Spanish" in scores[1].note
    assert "asked in English" in scores[2].note
    assert "cut" not in scores[0].note
    assert scores[0].items[0].id == "a"
    assert engine.sampling[0].max_tokens == 64
    assert engine.sampling[0].temperature == 0


def test_an_article_that_is_too_long_loses_its_end(tools, tmp_path):
    """Ten words of instruction and two of answer leave eight of twenty."""

    class Small(tools.Scripted):
        def room(self, chats):
            return [20 - len(chat.question.text.split()) for chat in chats]

    words = [f"word{n}" for n in range(40)]
    path = written(tmp_path / "en.jsonl", row("a", " ".join(words), "S."), row("b", "short one", "S."))
    engine = Small(says=lambda question: "S.")
    (score,) = Summaries(path=tmp_path / "{lang}.jsonl", max_tokens=2)(engine, [ENG], [])
    asked = {chat.question.text.split("\n\n")[1] for chat in engine.asked}
    long = next(text for text in asked if text != "short one")
    assert " ".join(words).startswith(long)
    assert 6 <= len(long.split()) <= 9
    assert "short one" in asked
    assert "1 of 2 articles cut to the context" in score.note
    assert path.exists()


def test_a_context_without_any_room_is_refused(tools, tmp_path):
    class Full(tools.Scripted):
        def room(self, chats):
            return [0 for _ in chats]

    written(tmp_path / "en.jsonl", row("a", "a story", "S."))
    with pytest.raises(BadInput, match="no room for 64 tokens after the instruction alone"):
        Summaries(path=tmp_path / "{lang}.jsonl")(Full(), [ENG], [])


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ([row("a", "t", "s"), row("a", "t", "s")], r"twice: 1 \(a \(line 2\)\)"),
        ([row("a", "t", None), row("b", "t", " ")], r"without summary: 2 \(a \(line 1\), b \(line 2\)\)"),
        ([row("", "", "s")], r"without id, text: 1 \(line 1\)"),
        (
            [row("a", "El río nace en las montañas del norte y recorre quinientos kilómetros hasta el mar.", "s")],
            "another language",
        ),
    ],
)
def test_bad_files_are_refused(tmp_path, rows, sentence):
    written(tmp_path / "english.jsonl", *rows)
    with pytest.raises(BadInput, match=sentence):
        Summaries(path=tmp_path / "{lang}.jsonl").check([ENG])


def test_a_path_for_all_languages_is_refused(tmp_path):
    with pytest.raises(BadInput, match=r"put \{lang\} in the path"):
        Summaries(path=written(tmp_path / "all.jsonl", row("a", "t", "s"))).check([ENG])


def test_the_content_is_identity(tmp_path):
    written(tmp_path / "english.jsonl", row("a", "t", "s"))
    before = Summaries(path=tmp_path / "{lang}.jsonl").identity()
    assert Summaries(path=tmp_path / "{lang}.jsonl").identity() == before
    written(tmp_path / "english.jsonl", row("a", "t", "another"))
    assert Summaries(path=tmp_path / "{lang}.jsonl").identity() != before
