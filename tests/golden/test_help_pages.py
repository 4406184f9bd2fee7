"""Two versions of a Mallard page side by side."""

from xml.etree.ElementTree import Element, fromstring

import pytest

from polydistill.sources._help_pages import prose, shown, side_by_side


def page(inside: str) -> Element:
    return fromstring(
        f'<page xmlns="http://projectmallard.org/1.0/" xmlns:if="http://projectmallard.org/if/1.0/">{inside}</page>'
    )


def said(one: str, other: str) -> list[str]:
    return [f"{note}: {left} | {right}" for note, left, right in side_by_side(page(one), page(other))[0]]


def unequal(one: str, other: str) -> int:
    return side_by_side(page(one), page(other))[1]


def text(inside: str) -> str:
    return shown(next(iter(page(f"<p>{inside}</p>"))))


@pytest.mark.parametrize(
    ("markup", "flat"),
    [
        ("Press\n   <gui>Apply</gui>,\tthen <em>wait</em>. ", "Press Apply, then wait."),
        ("<keyseq> <key>Ctrl</key>\n <key>C</key></keyseq> copies", "Ctrl+C copies"),
        ("<keyseq>Arrow keys</keyseq>", "Arrow keys"),
        ("<guiseq><gui>File</gui><gui>Open</gui></guiseq>", "File > Open"),
        ("<keyseq><key>Super</key><keyseq><key>A</key><key>B</key></keyseq></keyseq>", "Super+A+B"),
        ("An icon <media><p>words for it</p></media> here", "An icon here"),
        ("a\u00a0: b", "a\u00a0: b"),
        ("<code>ls -l</code> lists", "ls -l lists"),
        ('See <link xref="other">this</link>.', "See this."),
        ('See <link xref="other"/>.', ""),
        ('See <em><link xref="other"> </link></em>.', ""),
        ("", ""),
    ],
)
def test_markup_is_dropped_and_white_space_made_single(markup: str, flat: str) -> None:
    assert text(markup) == flat


def test_what_each_piece_is() -> None:
    one = """<info><title type="link">Short</title><desc>D</desc><credit><name>N</name></credit></info><title>T</title><p>P</p>
      <section><info><desc>SD</desc></info><title>S</title><p>SP</p></section>"""
    assert said(one, one) == [
        "description: D | D", "title: T | T", "paragraph: P | P", "paragraph: SD | SD", "heading: S | S", "paragraph: SP | SP",
    ]  # fmt: skip


def test_lists_tables_notes_and_conditions_are_walked() -> None:
    one = """<steps><title>H</title><item><p>1</p><note><title>N</title><p>2</p></note></item></steps>
      <list><item>3 <em>x</em></item></list><terms><item><title>W</title><p>4</p></item></terms>
      <table><tr><td><p>5</p></td><td>6</td></tr></table><if:choose><if:when test="a"><p>7</p></if:when></if:choose>"""
    assert [line.split(" | ")[1] for line in said(one, one)] == ["H", "1", "N", "2", "3 x", "W", "4", "5", "6", "7"]


def test_what_is_no_prose_is_passed_over() -> None:
    one = """<code>c</code><screen>s</screen><listing><title>l</title><code>x</code></listing><comment><p>e</p></comment>
      <media><p>words for a film</p><tt:tt xmlns:tt="http://www.w3.org/ns/ttml"><tt:p>caption</tt:p></tt:tt></media>"""
    assert said(one, one) == ["paragraph: words for a film | words for a film"]


def test_credits_of_translators_do_not_matter() -> None:
    one, other = "<info><desc>D</desc></info>", "<info><desc>E</desc><credit><name>N</name></credit><credit/></info>"
    assert said(one, other) == ["description: D | E"]
    assert unequal(one, other) == 0


def test_a_side_without_text_is_no_pair() -> None:
    assert said('<p>See <link xref="x"/></p><p>a</p>', "<p>b</p><p/>") == []


def test_where_parts_differ_only_what_stands_once_is_followed() -> None:
    one = "<info><desc>D</desc></info><title>T</title><p>1</p><p>2</p><p>3</p><steps><item><p>4</p></item></steps>"
    other = "<info><desc>d</desc></info><title>t</title><p>i</p><p>iii</p><steps><item><p>iv</p></item></steps>"
    assert said(one, other) == ["description: D | d", "paragraph: 4 | iv", "title: T | t"]
    assert unequal(one, other) == 1


def test_what_stands_several_times_in_another_order_is_not_paired() -> None:
    one, other = "<p>1</p><p>2</p><note><p>3</p></note>", "<p>i</p><note><p>iii</p></note><p>ii</p>"
    assert said(one, other) == ["paragraph: 3 | iii"]


def test_a_difference_inside_a_section_stays_in_it() -> None:
    one = '<p>1</p><section id="a"><p>2</p><p>3</p></section><section id="b"><p>4</p></section>'
    other = '<p>i</p><section id="a"><p>ii</p></section><section id="b"><p>iv</p></section>'
    assert said(one, other) == ["paragraph: 1 | i", "paragraph: 4 | iv"]
    assert unequal(one, other) == 1


def test_sections_with_other_ids_are_other_sections() -> None:
    one = '<section id="a"><p>1</p></section><section id="b"><p>2</p></section>'
    other = '<section id="b"><p>ii</p></section><section id="a"><p>i</p></section>'
    assert said(one, other) == ["paragraph: 1 | i", "paragraph: 2 | ii"]
    assert unequal(one, other) == 1


def test_prose_against_a_container_is_no_pair() -> None:
    assert said("<list><item>a</item></list>", "<list><item><p>b</p></item></list>") == []
    assert unequal("<list><item>a</item></list>", "<list><item><p>b</p></item></list>") == 1


def test_all_that_a_page_says() -> None:
    assert prose(page("<title>T</title><p>P</p>")) == {"T", "P"}
