from tiny_rows import CAT, ENG, SPA, chat

from polydistill.builders.rationale_rows import RationaleRows
from polydistill.prompts import prompts

ROWS = [
    chat("q", ENG, "How many?", "Ten less four is six. So the answer is 6."), chat("q", SPA, "¿Cuántos?", "La respuesta es 6."),
    chat("q", CAT, "Quants?", "La resposta és 6."),
    chat("r", ENG, "Who?", "Ana, who was there."), chat("r", SPA, "¿Quién?", "Ana."),
]  # fmt: skip


def test_each_target_question_with_its_answer_and_with_an_instruction_and_the_rich_reasons():
    found = list(RationaleRows()(ROWS))
    assert [(row.lineage.builder, row.payload.question.lang, row.payload.answer.lang) for row in found] == [
        ("label", SPA, SPA), ("rationale", SPA, ENG), ("label", CAT, CAT), ("rationale", CAT, ENG),
        ("label", SPA, SPA), ("rationale", SPA, ENG),
    ]  # fmt: skip
    assert [row.payload.turns for row in found[0::2]] == [row.payload.turns for row in (ROWS[1], ROWS[2], ROWS[4])]
    asked, _, said = found[1].payload.question.text.partition(" ")
    assert asked == "¿Cuántos?"
    assert said in [prompt.format(language="inglés") for prompt in prompts("explain_in", SPA)]
    assert [row.payload.answer.text for row in found[1::2]] == ["Ten less four is six."] * 2 + ["Ana, who was there."]


def test_without_reasons_there_is_no_row_of_reasons():
    rows = [chat("q", ENG, "How many?", "So the answer is 6."), chat("q", SPA, "¿Cuántos?", "6.")]
    assert [row.lineage.builder for row in RationaleRows()(rows)] == ["label"]


def test_paraphrases_differ_from_row_to_row():
    rows = [chat(f"q{n}", lang, "¿Qué?", "Sí.") for n in range(30) for lang in (ENG, SPA)]
    assert len({row.payload.question.text for row in RationaleRows(label=0)(rows)}) == len(prompts("explain_in", SPA))
