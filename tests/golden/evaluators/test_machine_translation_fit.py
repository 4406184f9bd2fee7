import math

import pytest
import sacrebleu

from polydistill.component import find
from polydistill.evaluators import HELDOUT
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
    own, machine, _ = MachineTranslationFit()(engine, [ENG, SPA], rows)
    assert (own.name, own.value, own.n) == ("fit_to_own_answers", pytest.approx(12 / 4), 1)
    assert (machine.name, machine.value, machine.n) == ("fit_to_machine_translation", pytest.approx(12 / 8), 1)
    assert machine.items[0].weight == 8
    assert "apertium 3.8" in machine.note
    assert "tiny" in own.note
    assert not own.headline
    assert not machine.headline
    assert [(chat.question.text, chat.answer, text) for chat, text in engine.scored] == [
        ("q1", None, "four"),
        ("p1", None, "cuatro!!"),
    ]


def test_generated_answers_against_the_machine_translations(tools):
    rows = [
        tools.asked("q1", "the cat", "eng", "1"),
        tools.asked("p1", "el gato duerme", "spa", "1", translator="apertium 3.8"),
        tools.asked("p2", "la casa roja", "spa", "2", translator="apertium 3.8"),
        tools.asked("p3", "de una persona", "spa", "3"),
    ]
    said = {"p1": "el gato", "p2": "la casa roja"}
    engine = tools.Scripted(says=said.__getitem__)
    *_, found = MachineTranslationFit()(engine, [ENG, SPA], rows)
    assert (found.name, found.lang, found.unit, found.n) == ("fit_to_machine_translation_chrf", SPA, "chrF++", 2)
    assert (found.higher_is_better, found.headline) == (True, False)
    items = {item.prompt: item for item in found.items}
    assert items["p2"].value == pytest.approx(100)
    assert 0 < items["p1"].value < 100
    assert (items["p1"].answer, items["p1"].reference) == ("el gato", "el gato duerme")
    references = [[items[question].reference for question in said]]
    assert found.value == pytest.approx(sacrebleu.corpus_chrf(list(said.values()), references, word_order=2).score)
    assert found.standard_error > 0
    assert "apertium 3.8" in found.note
    assert "not that the language got better" in found.note
    # The same questions as loops and fidelity ask, and none in the rich language.
    assert engine.sampling == [HELDOUT]
    assert {chat.question.text for chat in engine.asked} == set(said)
