"""Rows that survive being written, and splits by a hash."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from polydistill.records import (
    Chat,
    Labelled,
    Lang,
    Lineage,
    Parallel,
    Payload,
    Preference,
    Row,
    Text,
    Turn,
    batches,
    canonical,
    digest,
    kept,
    seed_of,
    split_of,
)  # fmt: skip

TEXT = st.text(st.characters(exclude_categories=("Cs",)))
LANG = st.sampled_from([Lang(code) for code in ("eng", "spa", "pt-BR", "zh-Hant", "no")])
TURN = st.builds(Turn, role=st.sampled_from(["system", "user", "assistant"]), text=TEXT, lang=LANG, pieces=st.tuples(TEXT))
CHAT = st.builds(
    Chat, turns=st.lists(TURN, max_size=3).map(tuple), ended=st.booleans(), shown=st.lists(TURN, max_size=2).map(tuple)
)
PAYLOAD = st.one_of(
    CHAT, st.builds(Text, text=TEXT, lang=LANG),
    st.builds(Parallel, source=TEXT, target=TEXT, source_lang=LANG, target_lang=LANG, note=TEXT),
    st.builds(Preference, chat=CHAT, chosen=TEXT, rejected=TEXT),
    st.builds(Labelled, question=TEXT, answers=st.lists(TEXT, max_size=2).map(tuple), context=TEXT, lang=LANG),
)  # fmt: skip
LINEAGE = st.builds(
    Lineage, question=TEXT, source=TEXT, author=TEXT, translator=TEXT, marks=st.lists(TEXT, max_size=2).map(tuple)
)
ROW = st.builds(Row, id=TEXT, lineage=LINEAGE, payload=PAYLOAD, rejected=TEXT)


# Rows


@given(ROW)
def test_a_row_survives_being_written(row: Row):
    line = row.to_json()
    assert "\n" not in line
    assert "\r" not in line
    assert Row.model_validate_json(line.encode("utf-8")) == row
    assert Row.model_validate(json.loads(line)) == row


def test_a_row_is_written_without_its_defaults():
    row = Row(id="a", lineage=Lineage(question="q"), payload=Text(text="¡Hola!", lang=Lang("es")))
    written = '{"id": "a", "lineage": {"question": "q"}, "payload": {"type": "text", "text": "¡Hola!", "lang": "spa"}}'
    assert row.to_json() == written


def test_a_chat_of_which_nothing_more_is_shown_is_written_as_before():
    turns = tuple(Turn(role=role, text=role, lang="eng") for role in ("system", "user", "assistant"))
    row = Row(id="a", lineage=Lineage(), payload=Chat(turns=turns[1:2]))
    written = '{"turns": [{"role": "user", "text": "user", "lang": "eng"}]}'
    assert json.dumps(json.loads(row.to_json())["payload"]) == '{"type": "chat", ' + written[1:]
    assert digest(row.payload.model_dump(mode="json", exclude_defaults=True)) == digest(json.loads(written))
    assert Chat(turns=turns).with_more_shown == Chat(turns=turns)


def test_what_is_shown_stands_after_a_system_line_and_stays_with_the_chat():
    system, asked, answer = (Turn(role=role, text=role, lang="eng") for role in ("system", "user", "assistant"))
    more = (asked.model_copy(update={"text": "shown"}), answer)
    chat = Chat(turns=(system, asked), shown=more).answered("said", Lang("eng"), ended=False)
    assert chat.asked == Chat(turns=(system, asked), shown=more)
    assert chat.shown == more
    assert chat.with_more_shown.turns == (system, *more, asked, chat.answer)
    assert not chat.with_more_shown.ended
    assert chat.with_more_shown.shown == ()


def test_payloads_are_told_apart_by_their_type():
    reader = TypeAdapter(Payload)
    assert isinstance(reader.validate_python({"type": "text", "text": "a", "lang": "es"}), Text)
    with pytest.raises(ValidationError, match="type"):
        reader.validate_python({"type": "poem", "text": "a", "lang": "es"})


def test_the_first_reason_stays():
    row = Row(id="a", lineage=Lineage(), payload=Text(text="a", lang=Lang("es")))
    out = row.reject("loop").reject("copied_source")
    assert out.rejected == "loop"
    assert row.rejected == ""
    assert list(kept([row, out])) == [row]


def test_lineage_keeps_what_it_knew():
    row = Row(id="a", lineage=Lineage(question="q", author="me"), payload=Text(text="a", lang=Lang("es")))
    later = row.but(lineage={"builder": "rich"}, id="b")
    assert later.lineage == Lineage(question="q", author="me", builder="rich")
    assert (row.id, row.lineage.builder) == ("a", "")


def test_a_chat_by_its_turns():
    system, asked = Turn(role="system", text="s", lang="eng"), Turn(role="user", text="a", lang="eng")
    chat = Chat(turns=(system, asked, Turn(role="assistant", text="b", lang="eng"), Turn(role="user", text="c", lang="eng")))
    assert chat.answer is None
    assert chat.asked is chat
    assert chat.question.text == "c"
    answered = chat.answered("d", Lang("spa"), ended=False)
    assert (answered.answer.text, answered.answer.lang, answered.ended) == ("d", "spa", False)
    assert answered.asked.turns == chat.turns
    assert answered.answered("e", Lang("spa")).turns[-1].text == "e"
    assert len(answered.answered("e", Lang("spa")).turns) == 5


# Splits, digests, seeds


def test_splits_hold_their_shares():
    found = [split_of(f"q-{number}") for number in range(20_000)]
    assert found.count("train") / 20_000 == pytest.approx(0.7, abs=0.01)
    assert found.count("development") / 20_000 == pytest.approx(0.1, abs=0.01)
    assert found.count("test") / 20_000 == pytest.approx(0.2, abs=0.01)


def test_a_digest_is_the_sha256_of_canonical_json():
    assert canonical({"b": [1, "é"], "a": None}) == '{"a":null,"b":[1,"é"]}'
    assert digest("abc") == "6cc43f858fbb763301637b5af970e2a46b46f461f27e5a0f41e009c59b827b25"  # printf '"abc"' | sha256sum
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    with pytest.raises(ValueError, match="JSON"):
        digest(float("nan"))


def test_seeds_are_equal_everywhere_and_fit_63_bits():
    assert seed_of("a", 1) == seed_of("a", 1) != seed_of("a", 2)
    assert all(0 <= seed_of(number) < 2**63 for number in range(200))
    assert seed_of("a") == 0x0EB5B8D6F81BC677 >> 1  # printf '["a"]' | sha256sum


def test_batches_are_cut_in_order():
    assert list(batches("abcde", 2)) == [["a", "b"], ["c", "d"], ["e"]]
    assert list(batches([], 2)) == []
