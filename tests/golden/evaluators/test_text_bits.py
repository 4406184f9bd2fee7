import math

import pytest
from pydantic import ValidationError

from polydistill.component import find
from polydistill.records import Lang, Lineage, Row, Text

TextBits = find("evaluators", "text_bits")
ENG, SPA = Lang("eng"), Lang("spa")
SHIPPED = ("eng", "spa", "cat", "glg", "epo", "swa", "por", "fra", "deu", "ita")


def two_bits_a_character(question, text):
    return -2 * math.log(2) * len(text)


def test_bits_are_summed_over_paragraphs_and_divided_by_all_characters(tools):
    page, *_ = tools.pages_of("test")
    rows = (tools.pair(page, "abcd", "ñandú xx"), tools.pair(page, "ef", "gh"))
    # 'abcd' costs 4 bits, 'ef' 6: 10 bits over 6 characters.
    engine = tools.Scripted(nats=lambda q, t: -math.log(2) * {"abcd": 4, "ef": 6, "ñandú xx": 8, "gh": 2}[t])
    english, spanish = TextBits(texts=tools.Given(rows=rows), label="documentation")(engine, [ENG, SPA], [])
    assert (english.name, english.lang, english.n) == ("text_bits_documentation", ENG, 2)
    assert english.value == pytest.approx(10 / 6)
    assert {item.reference: (item.value, item.weight) for item in english.items} == {"abcd": (1.0, 4), "ef": (3.0, 2)}
    # Paragraphs of a page depend on each other.
    assert {item.group for item in english.items} == {page}
    # Ratio estimate: residuals 4 - 4 r and 6 - 2 r with r = 5/3, mean length 3.
    assert english.standard_error == pytest.approx(math.sqrt(((4 - 20 / 3) ** 2 + (6 - 10 / 3) ** 2) / 1 / 2) / 3)
    # 'ñandú xx' has 8 characters in 10 bytes.
    assert spanish.value == 1.0
    assert spanish.note.startswith("0.833 bits per byte; 10 characters")
    assert all(chat is None for chat, _ in engine.scored)
    assert [item.id for item in english.items] == [item.id for item in spanish.items]


def test_what_stands_in_another_split_is_not_measured(tools):
    test, train = tools.pages_of("test")[0], tools.pages_of("train")[0]
    rows = (
        tools.pair(test, "Open the settings", "Abra los ajustes"),
        tools.pair(test, "Only here", "Solo aquí"),
        tools.pair(test, "Only here", "Solo aquí"),
        tools.pair(test, "A title", "Un título", note="title"),
        tools.pair(test, "Says what", "Dice qué", note="description"),
        tools.pair(test, "Look for notes.", "Buscar notas."),
        tools.pair(test, "Add and edit a Microsoft account", "Añadir una cuenta"),
        tools.pair(train, "open the settings", "otra cosa"),
        tools.pair(train, "Search", "¡Buscar notas!"),
        tools.pair(train, "Add and edit a Microsoft Exchange account", "Exchange"),
    )
    found = TextBits(texts=tools.Given(rows=rows), label="documentation")(
        tools.Scripted(nats=two_bits_a_character), [ENG, SPA], []
    )
    assert [[item.reference for item in score.items] for score in found] == [["Only here"], ["Solo aquí"]]
    assert found[0].standard_error is None
    tuned = TextBits(texts=tools.Given(rows=rows), label="documentation", split="development")
    assert tuned(tools.Scripted(), [ENG, SPA], []) == []


def test_plain_rows_and_the_limit(tools):
    rows = tuple(
        Row(id=page, lineage=Lineage(question=page), payload=Text(text=f"texto {page}", lang=SPA))
        for page in tools.pages_of("test")
    )
    (score,) = TextBits(texts=tools.Given(rows=rows), label="own", items=3)(
        tools.Scripted(nats=two_bits_a_character), [ENG, SPA], []
    )
    assert (score.lang, score.n, score.value) == (SPA, 3, pytest.approx(2.0))


def test_the_declaration_is_shipped_whole(tools):
    scores = TextBits()(tools.Scripted(nats=two_bits_a_character), [Lang(code) for code in SHIPPED], [])
    assert [score.lang for score in scores] == list(SHIPPED)
    for score in scores:
        assert score.name == "text_bits_udhr"
        assert score.value == pytest.approx(2.0)
        assert 58 <= score.n <= 60
        assert not any(sign in item.reference for item in score.items for sign in "<>&\n")
    by_lang = {score.lang: score.items for score in scores}
    assert by_lang["eng"][10].reference.startswith("All human beings are born free and equal in dignity and rights.")
    assert by_lang["spa"][10].reference.startswith("Todos los seres humanos nacen libres e iguales")


def test_texts_of_ones_own_need_a_label(tools):
    with pytest.raises(ValidationError, match="label: documentation"):
        TextBits(texts=tools.Given(rows=()))
    with pytest.raises(ValidationError, match="label"):
        TextBits(label="with space")
