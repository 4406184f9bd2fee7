import pytest
from pydantic import ValidationError
from tiny_rows import CAT, ENG, SPA, chat

from polydistill.builders.language_pairs import LanguagePairs
from polydistill.prompts import prompts
from polydistill.records import Chat, Turn

ONE = chat("q", ENG, "Why? ", "So.")
OTHER = chat("q", SPA, "¿Por qué?", "Así.")


def test_the_four_combinations_by_hand():
    rich, target, to_target, to_rich = LanguagePairs()([ONE, OTHER])
    assert [(row.id, row.lineage.builder) for row in (rich, target, to_target, to_rich)] == [
        ("q", "rich"), ("q-spa", "target"), ("q-eng-spa", "to_target"), ("q-spa-eng", "to_rich"),
    ]  # fmt: skip
    assert (rich.payload, target.payload) == (ONE.payload, OTHER.payload)
    assert to_target.payload.question.text in {f"Why? {said.format(language='Spanish')}" for said in prompts("answer_in", ENG)}
    assert (to_target.payload.question.lang, to_target.payload.answer.lang, to_target.payload.answer.text) == (ENG, SPA, "Así.")
    assert to_rich.payload.question.text in {
        f"¿Por qué? {said.format(language='inglés')}" for said in prompts("answer_in", SPA)
    }
    assert (to_rich.payload.question.lang, to_rich.payload.answer.lang, to_rich.payload.answer.text) == (SPA, ENG, "So.")
    assert to_target.lineage.translator == to_rich.lineage.translator == "apertium 3"


def test_instructions_are_paraphrased():
    rows = [row for n in range(60) for row in LanguagePairs(rich=0, target=0, to_rich=0)(
        [chat(f"q{n}", ENG, "Why?", "So."), chat(f"q{n}", SPA, "¿Por qué?", "Así.")])]  # fmt: skip
    assert len({row.payload.question.text for row in rows}) == len(prompts("answer_in", ENG))


def test_a_share_of_zero_makes_no_rows():
    assert [row.lineage.builder for row in LanguagePairs(rich=0, to_rich=0)([ONE, OTHER])] == ["target", "to_target"]
    assert LanguagePairs(rich=0.5).shares() == {"rich": 0.5, "target": 0.4, "to_target": 0.05, "to_rich": 0.05}
    with pytest.raises(ValidationError):
        LanguagePairs(rich=-0.1)


def test_every_target_has_its_rows_and_the_rich_language_once():
    found = [row.lineage.builder for row in LanguagePairs()([ONE, OTHER, chat("q", CAT, "Per què?", "Així.")])]
    assert found == ["rich", *["target", "to_target", "to_rich"] * 2]


def test_a_question_without_a_translation_is_learned_in_the_rich_language():
    assert [row.lineage.builder for row in LanguagePairs()([ONE])] == ["rich"]


def test_earlier_turns_and_a_system_line_stay_and_only_the_question_is_told():
    before = (
        Turn(role="system", text="Be kind.", lang=ENG),
        Turn(role="user", text="Hi", lang=ENG),
        Turn(role="assistant", text="Ho", lang=ENG),
    )
    first = ONE.but(payload=Chat(turns=(*before, *ONE.payload.turns)))
    (row,) = LanguagePairs(rich=0, target=0, to_rich=0)([first, OTHER])
    assert row.payload.turns[:3] == before
    assert row.payload.turns[3].text.startswith("Why? ")
    assert row.payload.turns[4].text == "Así."


def test_an_answer_that_was_cut_stays_cut():
    rows = LanguagePairs()([chat("q", ENG, "Why?", "So", ended=False), chat("q", SPA, "¿Por qué?", "Así", ended=False)])
    assert [row.payload.ended for row in rows] == [False] * 4
