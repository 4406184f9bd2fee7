from tiny_rows import SPA, chat, pair, text

from polydistill.builders.plain_text import PlainText
from polydistill.records import Text

TEN = "uno dos tres cuatro cinco seis siete ocho nueve diez"
ONE = "one two three four five six seven eight"


def test_texts_are_taken_as_they_are():
    (row,) = PlainText()([text("t", TEN)])
    assert row.payload == Text(text=TEN, lang=SPA)
    assert (row.id, row.lineage.builder, row.lineage.author) == ("t-plain", "plain", "people")


def test_parallel_text_gives_its_sides_where_they_have_a_share():
    rows = [pair("p", ONE, TEN)]
    assert [(row.lineage.builder, row.payload.text) for row in PlainText(rich=0.2)(rows)] == [
        ("plain", TEN),
        ("plain_rich", ONE),
    ]
    assert [row.lineage.builder for row in PlainText()(rows)] == ["plain"]
    assert [row.lineage.builder for row in PlainText(target=0, rich=0.2)(rows)] == ["plain_rich"]


def test_short_texts_and_chats_stay_out():
    assert (
        list(PlainText()([text("t", " ".join(TEN.split()[:7])), chat("q", SPA, TEN, TEN), text("t", TEN).reject("loop")])) == []
    )
    assert len(list(PlainText(min_words=7)([text("t", " ".join(TEN.split()[:7]))]))) == 1
