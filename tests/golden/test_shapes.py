"""The shapes of question files, told apart by content."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polydistill.reading import LeftOut
from polydistill.records import Lang, Row, digest
from polydistill.sources import BadInput
from polydistill.sources._shapes import BadRow, chat_of, question_id, question_rows, shape_of

ENG = Lang("eng")


def said(row: dict[str, Any]) -> list[tuple[str, str]]:
    """The turns of a row, in the shape it has."""
    shape = shape_of(row)
    assert shape
    return [(turn.role, turn.text) for turn in chat_of(row, shape, ENG).turns]


def rows_of(*rows: dict[str, Any], skip: bool = False, questions: int | None = None) -> tuple[list[Row], LeftOut]:
    out = LeftOut("data", "skip" if skip else "stop")
    return list(question_rows(enumerate(rows, 1), ENG, "file data", questions, out)), out


@pytest.mark.parametrize(
    ("row", "shape", "turns"),
    [
        ({"instruction": "Name a river.", "input": "", "output": " Ebro "}, "alpaca", ["u:Name a river.", "a:Ebro"]),
        ({"instruction": "Translate.", "input": "agua", "output": "water"}, "alpaca", ["u:Translate.\n\nagua", "a:water"]),
        ({"instruction": "", "input": "Why?"}, "alpaca", ["u:Why?"]),
        ({"instruction": "Hi", "input": None, "output": None, "system": "Be kind."}, "alpaca", ["s:Be kind.", "u:Hi"]),
        ({"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Yes"}]}, "sharegpt", ["u:Hi", "a:Yes"]),
        (
            {
                "conversations": [
                    {"from": "system", "value": "S"},
                    {"from": "human", "value": "1"},
                    {"from": "gpt", "value": "2"},
                    {"from": "human", "value": "3"},
                ]
            },
            "sharegpt",
            ["s:S", "u:1", "a:2", "u:3"],
        ),
        ({"messages": [{"role": "user", "content": "Hi"}]}, "messages", ["u:Hi"]),
        ({"messages": [{"role": "User", "content": "Hi"}, {"role": "assistant", "content": " "}]}, "messages", ["u:Hi"]),
        ({"conversations": [{"role": "user", "content": "Hi"}]}, "messages", ["u:Hi"]),
        (
            {"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}]},
            "messages",
            ["u:ab"],
        ),
        ({"messages": [{"role": "system", "content": ""}, {"role": "user", "content": "Hi"}]}, "messages", ["u:Hi"]),
        ({"question": "Why?", "answer": "So."}, "plain", ["u:Why?", "a:So."]),
        ({"prompt": "Why?"}, "plain", ["u:Why?"]),
        ({"prompt": "Why?", "completion": "So.", "id": 7}, "plain", ["u:Why?", "a:So."]),
        ({"system_prompt": "S", "question": "Why?", "response": "So."}, "plain", ["s:S", "u:Why?", "a:So."]),
    ],
)
def test_shapes(row: dict[str, Any], shape: str, turns: list[str]) -> None:
    assert shape_of(row) == shape
    assert [f"{role[0]}:{text}" for role, text in said(row)] == turns


@pytest.mark.parametrize(
    "row", [{}, {"text": "x"}, {"messages": []}, {"messages": "x"}, {"question": 3}, {"instruction": None}]
)
def test_rows_without_a_shape(row: dict[str, Any]) -> None:
    assert shape_of(row) is None


def turn(role: Any, content: Any) -> dict[str, Any]:
    return {"role": role, "content": content}


@pytest.mark.parametrize(
    ("row", "reason", "detail"),
    [
        ({"question": "  "}, "empty question", ""),
        ({"question": "a\0b"}, "broken text", "zero character"),
        ({"question": "a\ud800b"}, "broken text", "surrogate"),
        ({"question": "Why?", "answer": ["So."]}, "no text", "answer"),
        ({"instruction": "", "input": ""}, "empty question", ""),
        ({"messages": [turn("user", "a"), turn("tool", "b")]}, "unknown role", "'tool'; known: system"),
        ({"messages": [turn("asistant", "a")]}, "unknown role", "did you mean assistant"),
        ({"messages": [turn("user", None)]}, "no text", "NoneType"),
        ({"messages": [turn("user", [{"type": "image"}])]}, "no text", "list"),
        ({"messages": [turn("user", "a"), "b"]}, "broken turn", "no object"),
        ({"messages": [turn("assistant", "a"), turn("user", "b")]}, "turns out of order", "assistant, user"),
        ({"messages": [turn("user", "a"), turn("user", "b")]}, "turns out of order", "user, user"),
        ({"messages": [turn("user", "a"), turn("system", "b")]}, "turns out of order", "at most one system line"),
        ({"messages": [turn("user", "a"), turn("assistant", ""), turn("user", "b")]}, "empty turn", ""),
        ({"messages": [turn("system", "a")]}, "no question", "no turn of the user"),
        ({"messages": [turn("assistant", "")]}, "no question", ""),
    ],
)
def test_rows_that_are_no_question(row: dict[str, Any], reason: str, detail: str) -> None:
    with pytest.raises(BadRow) as caught:
        said(row)
    assert caught.value.reason == reason
    assert detail in caught.value.detail


def test_a_question_is_known_by_the_texts_before_the_answer() -> None:
    rows, _ = rows_of({"system": "S", "question": "Why?", "answer": "So."})
    assert rows[0].id == rows[0].lineage.question == "q-" + digest(["S", "Why?"])[:12]
    assert question_id(rows[0].payload.asked) == rows[0].id


def test_a_reference_has_its_author() -> None:
    rows, _ = rows_of({"question": "Why?", "answer": "So."}, {"question": "How?"})
    assert [row.lineage.author for row in rows] == ["reference", ""]
    assert [row.lineage.source for row in rows] == ["file data"] * 2
    assert rows[0].payload.answer.text == "So."
    assert rows[1].payload.answer is None


def test_the_shape_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    rows_of({"instruction": "Why?"})
    assert capsys.readouterr().err == "data: alpaca shape (instruction, input, output)\n"


def test_mixed_shapes_are_refused_with_the_line() -> None:
    mixed = {"question": "1"}, {"instruction": "2"}, {"question": "3"}, {"text": "4"}
    with pytest.raises(BadInput, match=r"data, line 2: another shape \(alpaca, where the rows before are plain"):
        rows_of(*mixed)
    rows, out = rows_of(*mixed, skip=True)
    assert [row.payload.question.text for row in rows] == ["1", "3"]
    assert out.text() == "1 another shape (line 2), 1 no question (line 4)"


def test_a_repeated_question_is_refused_with_both_lines() -> None:
    with pytest.raises(BadInput, match=r"data, line 3: repeated question \(it came before on line 1"):
        rows_of({"question": "1"}, {"question": "2"}, {"question": " 1 "})
    rows, out = rows_of({"question": "1", "answer": "a"}, {"question": "1", "answer": "b"}, skip=True)
    assert [row.payload.answer.text for row in rows] == ["a"]
    assert out.text() == "1 repeated question (line 2)"


def test_unknown_keys_are_told_the_nearest() -> None:
    with pytest.raises(
        BadInput, match=r"line 1 has the keys instructions, txt, no known shape.*mean instruction by 'instructions'"
    ):
        rows_of({"instructions": "Why?", "txt": "x"})


def test_the_limit_reads_no_further() -> None:
    def endless() -> Any:
        yield 1, {"question": "1"}
        yield 2, {"question": "2"}
        raise AssertionError("read on")

    rows = list(question_rows(endless(), ENG, "s", 2, LeftOut("data")))
    assert [row.payload.question.text for row in rows] == ["1", "2"]


def test_too_few_questions_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    rows_of({"question": "1"}, questions=5)
    assert "data: 1 questions, 5 were asked for" in capsys.readouterr().err


def test_no_usable_row_is_an_error_also_when_skipping() -> None:
    with pytest.raises(BadInput, match=r"data: no row could be used: 2 empty question \(line 1, 2\)"):
        rows_of({"question": ""}, {"question": " "}, skip=True)


def test_what_was_left_out_is_said_when_the_reader_has_enough(capsys: pytest.CaptureFixture[str]) -> None:
    out = LeftOut("data", "skip")
    stream = question_rows(enumerate([{"question": ""}, {"question": "1"}, {"question": "2"}], 1), ENG, "s", None, out)
    next(row for row in stream if row.payload.question.text == "1")
    stream.close()
    assert "left out 1 empty question (line 1)" in capsys.readouterr().err


WORDS = st.text(st.characters(categories=("L", "N", "P")), min_size=1, max_size=9)
TALK = st.tuples(st.none() | WORDS, st.lists(WORDS, min_size=1, max_size=5))


@given(talk=TALK)
def test_every_shape_of_one_talk_gives_one_chat(talk: tuple[str | None, list[str]]) -> None:
    system, texts = talk
    turns = [("system", system)] if system else []
    turns += [(("user", "assistant")[n % 2], text) for n, text in enumerate(texts)]
    names = {"system": "system", "user": "human", "assistant": "gpt"}
    written = [
        {"messages": [{"role": role, "content": text} for role, text in turns]},
        {"conversations": [{"from": names[role], "value": text} for role, text in turns]},
    ]
    if len(texts) <= 2:
        answer = texts[1] if len(texts) == 2 else ""
        written.append({"instruction": texts[0], "input": "", "output": answer, "system": system or ""})
        written.append({"prompt": texts[0], "response": answer, "system_prompt": system})
    assert [said(row) for row in written] == [turns] * len(written)
    assert {shape_of(row) for row in written} == set(["messages", "sharegpt", "alpaca", "plain"][: len(written)])


SHORT = st.sampled_from(["", " ", "a", "b", "user", "human", "gpt", "tool"])
A_TURN = st.dictionaries(st.sampled_from(["role", "from", "content", "value"]), SHORT | st.none(), max_size=3)
VALUE = st.none() | st.integers(0, 1) | SHORT | st.lists(A_TURN, max_size=3)
KEYS = ["messages", "conversations", "instruction", "input", "output", "question", "prompt", "answer", "system", "x"]


@given(rows=st.lists(st.dictionaries(st.sampled_from(KEYS), VALUE, max_size=4), max_size=6))
def test_any_objects_give_well_formed_questions_or_a_refusal(rows: list[dict[str, Any]]) -> None:
    if not any(map(shape_of, rows)):
        with pytest.raises(BadInput, match="data: "):
            rows_of(*rows, skip=True)
        return
    out = LeftOut("data", "skip")
    found: list[Row] = []
    with suppress(BadInput):  # no row could be used
        found.extend(question_rows(enumerate(rows, 1), ENG, "s", None, out))
    assert len(found) + sum(count for count, _ in out.reasons.values()) == len(rows)
    for row in found:
        roles = [turn.role for turn in row.payload.turns]
        spoken = roles[roles[0] == "system" :]
        assert spoken == ["user", "assistant"] * (len(spoken) // 2) + ["user"] * (len(spoken) % 2)
        assert all(turn.text.strip() for turn in row.payload.turns)
