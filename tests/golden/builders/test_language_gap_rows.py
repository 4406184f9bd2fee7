from tiny_rows import ENG, SPA, chat, rival

from polydistill.builders.language_gap_rows import LanguageGapRows
from polydistill.builders.language_pairs import LanguagePairs
from polydistill.records import Preference

ROWS = [chat("q", ENG, "Why?", "So."), chat("q", SPA, "¿Por qué?", "Así.")]


def test_the_translated_answer_is_preferred_to_the_models_own():
    (found,) = LanguageGapRows()([*ROWS, rival(ROWS[1], "Because.")])
    assert found.payload == Preference(chat=ROWS[1].payload.asked, chosen="Así.", rejected="Because.")
    assert (found.id, found.lineage.builder) == ("q-spa-rival", "language_gap")
    assert [answered.turns[-1].text for answered in found.payload.answered] == ["Así.", "Because."]
    assert {answered.turns[-1].lang for answered in found.payload.answered} == {SPA}


def test_where_both_are_the_same_nothing_is_preferred():
    assert list(LanguageGapRows()([*ROWS, rival(ROWS[1], " Así.\n")])) == []


def test_only_what_is_made_of_the_models_own_answers_needs_them():
    assert LanguageGapRows.needs_rivals
    assert not LanguagePairs.needs_rivals
