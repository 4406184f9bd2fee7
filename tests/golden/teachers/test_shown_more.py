from pathlib import Path

import pytest
import torch
from pydantic import ValidationError

from polydistill.batch import Batch, Tokens, padded
from polydistill.models import load_model
from polydistill.signals import Wants
from polydistill.student import TOKENS, Student
from polydistill.teachers.shown_more import ShownMore
from polydistill.teachers.untouched import Untouched

PLAIN = [Tokens([256, 10, 20, 30, 257], 2), Tokens([256, 11, 40, 257], 3), Tokens([256, 12, 22], 1)]
ROWS = [PLAIN[0]._replace(shown=[256, 50, 51, 52, 10]), PLAIN[1], PLAIN[2]._replace(shown=[256, 60, 12])]
WRITTEN = [Tokens([256, 50, 51, 52, 10, 20, 30, 257], 5), PLAIN[1], Tokens([256, 60, 12, 12, 22], 3)]
"""The same rows with what is shown written out: the third answer is 12 22, after its own prompt of one token."""


@pytest.fixture
def student(random_model: Path) -> Student:
    return Student(load_model(random_model, "float64", "cpu"))


def test_it_says_of_each_answer_token_what_the_teacher_says_after_what_is_shown(student: Student):
    wants = Wants(tokens=True, hidden=(0, 1, -1))
    shown, plain = ShownMore().open(student, wants), Untouched().open(student, wants)
    batch = padded(ROWS)
    assert batch.targets.tolist() == [20, 30, 257, 257, 12, 22]
    found, expected, without = shown.signal(batch), plain.signal(padded(WRITTEN)), plain.signal(padded(PLAIN))
    assert torch.equal(found.logits, expected.logits)
    assert found.hidden.keys() == {0, 1, -1}
    for layer, states in found.hidden.items():
        assert torch.equal(states, expected.hidden[layer])
    changed = (found.logits - without.logits).abs().amax(1) > 1e-3
    assert changed.tolist() == [True, True, True, False, True, True], "the second row is read as it is"


def test_rows_of_which_nothing_is_shown_are_read_as_they_are(student: Student):
    batch = padded(PLAIN)
    assert torch.equal(
        ShownMore().open(student, TOKENS).signal(batch).logits, Untouched().open(student, TOKENS).signal(batch).logits
    )


def test_it_prepares_its_teacher_for_what_that_will_read(student: Student):
    opened, seen = ShownMore().open(student, TOKENS), list[Batch]()
    opened.teacher.prepare = seen.extend
    opened.prepare(iter([padded(ROWS), padded(PLAIN)]))
    assert [batch.ids.tolist() for batch in seen] == [padded(WRITTEN).ids.tolist(), padded(PLAIN).ids.tolist()]


def test_another_answer_is_read_after_what_is_shown_too(student: Student):
    """As where the student has written one of its own."""
    own = padded([row.answered([77, 257]) for row in ROWS])
    expected = padded([Tokens([*row.ids[: row.prompt], 77, 257], row.prompt) for row in WRITTEN])
    assert torch.equal(
        ShownMore().open(student, TOKENS).say(own).logits, Untouched().open(student, TOKENS).say(expected).logits
    )


def test_it_gives_what_stands_at_answer_tokens():
    assert ShownMore().gives == {"dense", "hidden"}


class Tells(Untouched):
    """A teacher that gives nothing but relations and text."""

    @property
    def gives(self):
        return frozenset({"relations", "text"})


def test_a_teacher_of_which_nothing_would_be_left_is_refused():
    with pytest.raises(ValidationError, match=r"gives relations, text; what is shown to it changes what it says of answer"):
        ShownMore(teacher=Tells())
