"""Rows of the mixture as they are trained on."""

from pathlib import Path

import pytest
from tiny_rows import ENG, SPA, chat, rival, text

from polydistill.batch import padded
from polydistill.loop import tokens
from polydistill.models import load_tokenizer
from polydistill.records import Chat
from polydistill.template import Template

ASKED = chat("q", SPA, "¿Por qué?", "Así.").but(lineage={"builder": "target"})
RICH = chat("q", ENG, "Why?", "So.").payload


@pytest.fixture
def template(random_model: Path) -> Template:
    return Template(load_tokenizer(random_model))


def test_a_chat_and_a_text(template: Template):
    found = tokens(template, ASKED, ENG)
    ids, prompt = template.training(ASKED.payload)
    assert (found.ids, found.prompt, found.kind, found.id, found.rich) == (ids, prompt, "target spa", "q-spa", False)
    assert (found.shown, found.rejected) == ((), None)
    assert tokens(template, text("t", "Hola."), SPA).rich


def test_what_is_shown_is_another_prompt_for_the_same_answer(template: Template):
    row = tokens(template, ASKED.but(payload=ASKED.payload.model_copy(update={"shown": RICH.turns})), ENG)
    plain = tokens(template, ASKED, ENG)
    assert (row.ids, row.prompt) == (plain.ids, plain.prompt), "the student reads what it read before"
    written = Chat(turns=(*RICH.turns, *ASKED.payload.turns))
    assert (row.with_more_shown.ids, row.with_more_shown.prompt) == template.training(written)
    assert row.with_more_shown.payload == written, "for a teacher with a tokenizer of its own"
    assert padded([row.with_more_shown]).targets.equal(padded([row]).targets)
    assert plain.with_more_shown is plain


def test_a_teacher_is_shown_the_same_before_both_answers(template: Template):
    shown = ASKED.but(payload=ASKED.payload.model_copy(update={"shown": RICH.turns}))
    row = tokens(template, rival(shown, "Because."), ENG)
    assert row.shown == tokens(template, shown, ENG).shown
    written = Chat(turns=(*RICH.turns, *ASKED.payload.asked.turns)).answered("Because.", SPA)
    found = row.rejected.with_more_shown
    assert (found.ids, found.prompt, found.payload) == (*template.training(written), written)
    assert row.with_more_shown.rejected == found


def test_of_two_answers_the_preferred_one_is_learned_and_the_other_at_hand(template: Template):
    row = tokens(template, rival(ASKED, "Because."), ENG)
    plain = tokens(template, ASKED, ENG)
    assert (row.ids, row.prompt, row.kind) == (plain.ids, plain.prompt, "target spa")
    assert row.rejected.ids[: row.prompt] == row.ids[: row.prompt]
    assert row.rejected.prompt == row.prompt
    assert template.tokenizer.decode(row.rejected.ids[row.prompt : -1]) == "Because."
    assert row.rejected.ids[-1] == template.end_of_turn
