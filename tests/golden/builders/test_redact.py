"""The builder `redact`: stand-ins in every text, pieces that still join, rows without anything left alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_rows import CAT, ENG, SPA, chat, pair, text

from polydistill.builders.code_switch import CodeSwitch
from polydistill.builders.language_pairs import LanguagePairs
from polydistill.builders.redact import Redact, in_pieces, stand_in
from polydistill.guard import split, translate
from polydistill.privacy.personal import find, replaced
from polydistill.records import Chat, Labelled, Lineage, Preference, Row, Turn

LANGUAGES = (ENG, SPA, CAT)
MAIL, PHONE, CARD, IBAN = "ana@mail.org", "+34 612 345 678", "4111 1111 1111 1111", "DE89 3704 0044 0532 0130 00"


def one(row: Row) -> Row:
    (found,) = Redact()([row], LANGUAGES)
    return found


def test_each_kind_has_its_stand_in_and_its_mark():
    found = one(
        chat("q", ENG, f"Write to {MAIL} or {PHONE}?", f"{CARD}, then {IBAN}, then {MAIL}.").but(
            lineage={"marks": ("cut_back",)}
        )
    )
    assert found.payload.question.text == "Write to <mail> or <phone>?"
    assert found.payload.answer.text == "<card>, then <iban>, then <mail>."
    assert found.lineage.marks == ("cut_back", "redacted_card", "redacted_iban", "redacted_mail", "redacted_phone")
    assert (found.id, found.rejected, found.payload.ended) == ("q", "", True)


def test_every_text_of_every_payload():
    asked = Chat(turns=(Turn(role="system", text=f"You are {MAIL}.", lang=ENG), Turn(role="user", text=MAIL, lang=ENG)))
    rows = [
        text("t", f"Escriba a {MAIL}."),
        pair("p", f"Write to {MAIL}.", f"Escriba a {PHONE}."),
        Row(id="a", lineage=Lineage(), payload=asked),
        Row(
            id="b",
            lineage=Lineage(),
            payload=Labelled(question=MAIL, answers=(MAIL,), options=(MAIL, "x"), context=MAIL, lang=ENG),
        ),
        Row(id="c", lineage=Lineage(), payload=Preference(chat=asked, chosen=MAIL, rejected=PHONE)),
        Row(id="d", lineage=Lineage(), payload=Chat(turns=asked.turns[:1], shown=asked.turns)),
    ]
    for row in Redact()(rows, LANGUAGES):
        assert MAIL not in row.to_json()
        assert PHONE not in row.to_json()
        assert row.lineage.marks


def test_what_can_be_nobodys_stays_as_it_is():
    row = chat("q", ENG, "Who is ana@example.com?", "Call 212-555-0123, or see version 10.15.7.")
    assert one(row) is row


def test_a_row_that_is_out_stays_as_it_is():
    row = text("t", MAIL).reject("loop")
    assert one(row) is row


def test_national_numbers_of_all_languages_in_every_text():
    """An American number in a Spanish translation."""
    assert one(text("t", "Llame al (212) 736-5000.")).payload.text == "Llame al <phone>."
    (alone,) = Redact()([text("t", "Llame al (212) 736-5000 o 612 345 678.")])
    assert alone.payload.text == "Llame al (212) 736-5000 o <phone>."


def test_twice_is_once():
    row = one(chat("q", ENG, f"Write to {MAIL} or {PHONE}?", f"{CARD}, then {IBAN}."))
    assert one(row) is row


# Pieces


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        (("Write to ", "ana@mail.org", "."), ("Write to ", "<mail>", ".")),
        (("Write to ana@", "mail.", "org. Now"), ("Write to <mail>", "", ". Now")),
        (("ana@mail.org bob@mail.org", " x"), ("<mail> <mail>", " x")),
        ((), ()),
    ],
)
def test_a_stand_in_stands_where_it_begins(pieces: tuple[str, ...], expected: tuple[str, ...]):
    assert in_pieces(pieces, find("".join(pieces))) == expected


@given(st.lists(st.sampled_from(["ana@mail", ".org", " ", "bob@mail.org", "+34 612 ", "345 678", "a", ""]), max_size=12))
def test_pieces_join_to_the_text(pieces: list[str]):
    text = "".join(pieces)
    found = find(text)
    made = in_pieces(pieces, found)
    assert len(made) == len(pieces)
    assert "".join(made) == replaced(text, found, stand_in)


def test_pieces_and_sentences_still_go_together_when_languages_are_mixed():
    rows = [
        chat("q", ENG, f"Write to {MAIL}. Or call {PHONE}. What else?", "So."),
        chat("q", SPA, f"Escriba a {MAIL}. O llame al {PHONE}. ¿Qué más?", "Así."),
    ]
    first, other = Redact()(rows, LANGUAGES)
    asked = other.payload.question
    assert "".join(asked.pieces) == asked.text == "Escriba a <mail>. O llame al <phone>. ¿Qué más?"
    assert len(split(first.payload.question.text)) == len(asked.pieces) == len(rows[1].payload.question.pieces)
    assert list(CodeSwitch()([first, other]))
    for row in LanguagePairs()([first, other]):
        assert MAIL not in row.to_json()


def test_no_translator_sees_a_stand_in():
    seen = []

    class Loud:
        def translate(self, texts, source, target):
            seen.extend(texts)
            return [text.upper() for text in texts]

    text = "write to <mail> or <phone> with <card> and <iban>."
    (done,) = translate(Loud(), [text], ENG, SPA)
    assert not any("<" in one for one in seen)
    assert done.text == "WRITE TO <mail> OR <phone> WITH <card> AND <iban>."
