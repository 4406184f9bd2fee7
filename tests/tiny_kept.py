"""Rows for a teacher whose signals are kept, and a watch over who is asked."""

import weakref
from collections.abc import Callable
from pathlib import Path

import pytest
from peft import LoraConfig, get_peft_model
from torch import Tensor, zeros

from polydistill.batch import Batch, Tokens, padded
from polydistill.models import load_model, load_tokenizer
from polydistill.signals import TeacherSignal, Wants
from polydistill.student import TOKENS, Student
from polydistill.teachers import OpenTeacher, Teacher
from polydistill.teachers.untouched import Untouched
from polydistill.template import Template

ROWS = [
    Tokens([256, 10, 20, 30, 257], 2, id="a"), Tokens([256, 11, 257], 2, id="b", shown=[256, 40, 41]),
    Tokens([256, 12, 22], 1, id="c"), Tokens([256, 65, 66, 67, 68, 69, 257], 3, id="d"),
]  # fmt: skip
BATCH = padded(ROWS)
BATCHES = [padded(ROWS[:2]), padded(ROWS[2:3]), padded(ROWS[3:])]


def student_of(folder: Path, adapters: bool = False) -> Student:
    model = load_model(folder, "float64", "cpu")
    if adapters:
        model = get_peft_model(model, LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM"))
    template = Template(load_tokenizer(folder))
    return Student(model, (template.end_of_turn,), template).train()


def opened(teacher: Teacher, student: Student, batches: list[Batch] = BATCHES, wants: Wants = TOKENS) -> OpenTeacher:
    found = teacher.open(student, wants)
    found.prepare(batches)
    return found


class Asked:
    """Counts the rows that a teacher is asked of, and keeps watch over the live one."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, fails_at: int = 0, error: type[Exception] = KeyError):
        self.rows: list[str] = []
        self.opened: list[weakref.ref[OpenTeacher]] = []
        open_live, say = Untouched.open, self._say

        def opens(settings: Untouched, student: Student, wants: Wants) -> OpenTeacher:
            live = open_live(settings, student, wants)
            self.opened.append(weakref.ref(live))
            tell, live.say = live.say, lambda batch: say(batch, tell)
            return live

        self.fails_at, self.error = fails_at, error
        monkeypatch.setattr(Untouched, "open", opens)

    def _say(self, batch: Batch, tell: Callable[[Batch], TeacherSignal]) -> TeacherSignal:
        if self.fails_at and len(self.rows) + len(batch.rows) > self.fails_at:
            raise self.error
        self.rows += [row.id for row in batch.rows]
        return tell(batch)


def dense_of(said: TeacherSignal, vocabulary: int) -> Tensor:
    """What was drawn, over the whole vocabulary."""
    ids, weights = said.sampled
    return zeros(len(ids), vocabulary).scatter_add_(1, ids, weights)
