import math

import pytest

from polydistill.component import find
from polydistill.records import Lang

MachineTranslationFit = find("evaluators", "machine_translation_fit")
ENG, SPA = Lang("eng"), Lang("spa")


def test_what_it_is_named_and_what_it_counts(tools):
    rows = [
        tools.asked("q1", "four", "eng", "1", author="tiny"),
        tools.asked("p1", "cuatro!!", "spa", "1", translator="apertium 3.8"),
        tools.asked("p2", "de una persona", "spa", "2"),
        tools.asked("p3", "", "spa", "3", translator="apertium 3.8"),
        tools.asked("p4", "rechazada", "spa", "4", translator="apertium 3.8").reject("loops"),
    ]
    engine = tools.Scripted(nats=lambda q, t: -math.log(2) * 12)
    own, machine = MachineTranslationFit()(engine, [ENG, SPA], rows)
    assert (own.name, own.value, own.n) == ("fit_to_own_answers", pytest.approx(12 / 4), 1)
    assert (machine.name, machine.value, machine.n) == ("fit_to_machine_translation", pytest.approx(12 / 8), 1)
    assert "apertium 3.8" in machine.note
    assert "tiny" in own.note
    assert not own.headline
    assert not machine.headline
    assert [(chat.question.text, chat.answer, text) for chat, text in engine.scored] == [
        ("q1", None, "four"),
        ("p1", None, "cuatro!!"),
    ]
