from tiny_rows import CAT, ENG, SPA, chat

from polydistill.builders.shown_answers import ShownAnswers
from polydistill.records import Turn

ROWS = [
    chat("q", ENG, "Why?", "So."), chat("q", SPA, "¿Por qué?", "Así."), chat("q", CAT, "Per què?", "Així."),
    chat("r", ENG, "Who?", "Me."),
]  # fmt: skip


def test_the_target_languages_rows_with_the_rich_question_and_answer_shown():
    found = list(ShownAnswers()(ROWS))
    assert [row.id for row in found] == ["q-spa-shown", "q-cat-shown"]
    for row, before in zip(found, ROWS[1:3], strict=True):
        assert row.payload.turns == before.payload.turns, "the student reads what it read before"
        assert [(turn.role, turn.text, turn.lang) for turn in row.payload.shown] == [
            ("user", "Why?", ENG),
            ("assistant", "So.", ENG),
        ]
        assert row.lineage.builder == "shown"


def test_a_system_line_is_not_shown_twice():
    line = Turn(role="system", text="Be kind.", lang=ENG)
    rows = [row.but(payload=row.payload.model_copy(update={"turns": (line, *row.payload.turns)})) for row in ROWS[:2]]
    (found,) = ShownAnswers()(rows)
    assert [turn.role for turn in found.payload.shown] == ["user", "assistant"]
    assert [turn.text for turn in found.payload.with_more_shown.turns] == ["Be kind.", "Why?", "So.", "¿Por qué?", "Así."]
