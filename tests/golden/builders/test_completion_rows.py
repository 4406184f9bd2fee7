from tiny_rows import CAT, SPA, pair, text

from polydistill.builders.completion_rows import CompletionRows
from polydistill.builders.plain_text import PlainText
from polydistill.prompts import prompts
from polydistill.records import Lang

TEN = "uno dos tres cuatro cinco seis siete ocho nueve diez"


def parts(row, whole: str, lang: Lang, glue: str = " ") -> tuple[str, str]:
    """What was given and what is to be learned."""
    rest = row.payload.answer.text
    begin = whole.removesuffix(rest).removesuffix(glue)
    assert begin + glue + rest == whole
    assert row.payload.question.text in {said.format(text=begin) for said in prompts("complete", lang)}
    return begin, rest


def test_a_text_is_cut_between_30_and_60_per_cent_of_its_words():
    lengths = set()
    for number in range(100):
        (row,) = CompletionRows()([text(f"t{number}", TEN)])
        assert (row.id, row.lineage.builder, row.lineage.author) == (f"t{number}-complete", "complete", "people")
        lengths.add(len(parts(row, TEN, SPA)[0].split()))
    assert lengths == {3, 4, 5, 6}


def test_a_script_without_spaces_is_cut_between_characters():
    whole = "山の上にある小さな村には古い寺がひとつある"
    for number in range(20):
        (row,) = CompletionRows()([text(f"t{number}", whole, Lang("jpn"))])
        begin, _ = parts(row, whole, Lang("jpn"), glue="")
        assert round(0.3 * len(whole)) <= len(begin) <= round(0.6 * len(whole))


def test_short_texts_stay_out():
    assert list(CompletionRows()([text("t", " ".join(TEN.split()[:7]))])) == []
    assert len(list(CompletionRows()([text("t", " ".join(TEN.split()[:8]))]))) == 1
    assert len(list(CompletionRows(min_words=2)([text("t", "uno dos")]))) == 1


def test_the_sides_of_parallel_text_are_taken_in_their_own_groups():
    one = "one two three four five six seven eight"
    assert [row.lineage.builder for row in CompletionRows(rich=0.1)([pair("p", one, TEN)])] == ["complete", "complete_rich"]
    assert [row.lineage.builder for row in CompletionRows()([pair("p", one, TEN)])] == ["complete"]
    assert [row.lineage.builder for row in CompletionRows(target=0, rich=0.1)([pair("p", one, TEN), text("t", TEN)])] == [
        "complete_rich"
    ]


def test_each_text_is_taken_once_also_where_it_has_several_translations():
    one = "one two three four five six seven eight"
    rows = [pair("p", one, TEN), pair("p", one, f"{TEN} cat", CAT)]
    assert [row.lineage.builder for row in CompletionRows(rich=0.1)(rows)] == ["complete", "complete_rich", "complete"]
    assert [row.lineage.builder for row in PlainText(rich=0.1)(rows)] == ["plain", "plain_rich", "plain"]
