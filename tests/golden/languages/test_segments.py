import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polydistill.languages.segments import LONGEST_SENTENCE, pieces
from polydistill.protected import marks, spans

FRAGMENTS = [
    "`code`", "```\nx\n```\n", "```", "~~~\n", "`", "$x$", "$$", "\\(", "\\]", "https://a.b/c?d=e", "me@x.org", "{name}", "%s",
    "<b>", "</b>", "<!--", "-->", "<pre>", "</pre>", "\\begin{a}", "\\end{a}", "**", "*", "_", "[a](b)", "](", "Hello", "no.",
    "foo_bar", "日本語。", "नमस्ते।", "مرحبا؟", "3.5", "\n", "\r\n", "\t", " ", "- ", "1. ", "# ", "| ", ". ", "! ", "...",
    "e.g. ", "\u202e", "\x00", "\ud800", "\u2028", "XQAX", "/etc/x", "--flag", "a = b + 2", "“", "”", "(", "😀",
]  # fmt: skip
TEXTS = (
    st.text()
    | st.lists(st.sampled_from(FRAGMENTS), max_size=25).map("".join)
    | st.lists(st.sampled_from(FRAGMENTS)).map(" ".join)
)


def cut(text: str) -> list[str]:
    return [piece.text for piece in pieces(text)]


def sentences(text: str) -> list[str]:
    return [piece.text for piece in pieces(text) if piece.sentence]


def kept(text: str) -> list[str]:
    return [text[start:end] for start, end in spans(text)]


@given(TEXTS)
def test_pieces_join_back(text: str) -> None:
    assert "".join(cut(text)) == text
    assert all(cut(text))


@given(TEXTS)
def test_a_sentence_is_one_line_without_space_around_it(text: str) -> None:
    for sentence in sentences(text):
        assert sentence == sentence.strip()
        assert not re.search("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]", sentence)
        assert any(character.isalpha() for character in sentence)


@given(TEXTS)
def test_spans_and_marks_are_in_order_and_inside(text: str) -> None:
    for found in (spans(text), marks(text)):
        assert found == sorted(found)
        assert all(0 <= start < end <= len(text) for start, end in found)
    assert all(end <= start for (_, end), (start, _) in zip(spans(text), spans(text)[1:], strict=False))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello there. How are you?  Fine!", ["Hello there.", " ", "How are you?", "  ", "Fine!"]),
        ("Dr. Smith paid $3.50. He left.", ["Dr. Smith paid $3.50.", " ", "He left."]),
        (
            "See e.g. Fig. 3. It is no. 5. I said no. Yes.",
            ["See e.g. Fig. 3.", " ", "It is no. 5.", " ", "I said no.", " ", "Yes."],
        ),
        ("The U.S. Army came. J. Smith left.", ["The U.S. Army came.", " ", "J. Smith left."]),
        ("Am 3. Oktober kam z.B. Herr Maier. Er blieb.", ["Am 3. Oktober kam z.B. Herr Maier.", " ", "Er blieb."]),
        ("It ended... then it began. “Why?” he asked.", ["It ended... then it began.", " ", "“Why?” he asked."]),
        ("She said “No.” Then she left.", ["She said “No.”", " ", "Then she left."]),
        ("Read https://a.b/c.d?x=1. Now `x. Y` runs.", ["Read https://a.b/c.d?x=1.", " ", "Now `x. Y` runs."]),
        ("¿Qué tal? ¡Hola! Bien.", ["¿Qué tal?", " ", "¡Hola!", " ", "Bien."]),
        ("我爱你。你好吗？“好。”Ok", ["我爱你。", "你好吗？", "“好。”", "Ok"]),
        ("मैं ठीक हूँ। आप?", ["मैं ठीक हूँ।", " ", "आप?"]),
        ("مرحبا. كيف حالك؟ بخير", ["مرحبا.", " ", "كيف حالك؟", " ", "بخير"]),
        ("Τι κάνεις; Καλά.", ["Τι κάνεις;", " ", "Καλά."]),
        ("a; B c", ["a; B c"]),
        ("", []),
    ],
)
def test_sentences_of_many_languages(text: str, expected: list[str]) -> None:
    assert cut(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- one\n  * two\n3) three\n(d) four", ["one", "two", "three", "four"]),
        ("# Head\n> quoted\n- [x] done", ["Head", "quoted", "done"]),
        ("1. First. Second.\r\n\r\n2. Third", ["First.", "Second.", "Third"]),
        ("| Name | 3 |\n|---|---|\n| a b | c |", ["Name", "a b", "c"]),
        ("name\tvalue", ["name", "value"]),
        ("Code:\n```py\nprint('x. Y')\n```\nEnd.", ["Code:", "End."]),
        ("````\n```\nx\n```\n````\nEnd.", ["End."]),
        ("Begin:\n~~~\nnever closed\n\nx", ["Begin:"]),
        ("- item\n  ```sh\n  rm x\n  ```\nEnd.", ["item", "End."]),
        ("So $$\nx = y\n$$ holds.", ["So", "holds."]),
        ("\\begin{align}\nx\n\\end{align} is it", ["is it"]),
        ("A <pre>\nx y\n</pre> b", ["A", "b"]),
        ("see https://a.b/c\n`code`\n12 % 3", ["see https://a.b/c"]),
    ],
)
def test_what_is_not_translated_stands_apart(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Run `a b` and ``c`d`` now", ["`a b`", "``c`d``"]),
        ("the value $x^2$, \\(y\\) or \\frac{a}{b}", ["$x^2$", "\\(y\\)", "\\frac{a}{b}"]),
        ("it costs $5 or $6 today", []),
        ("see https://a.b/c_(d)?e=f#g, or www.x.org/y.", ["https://a.b/c_(d)?e=f#g", "www.x.org/y"]),
        ("mail me@x.co.uk. Use example.com", ["me@x.co.uk", "example.com"]),
        ("![alt text](pic.png) and [the docs](https://a.b)", ["![alt text](pic.png)", "](https://a.b)"]),
        ("Dear {name}, %s and %(n)d of {{x}}", ["{name}", "%s", "%(n)d", "{{x}}"]),
        ("100 % sure, 50% done", []),
        ("a <b>bold</b> <br/> &amp; [INST]", ["<b>", "</b>", "<br/>", "&amp;", "[INST]"]),
        ("open /etc/hosts or C:\\a\\b.txt or src/x.py", ["/etc/hosts", "C:\\a\\b.txt", "src/x.py"]),
        ("and/or km/h 3/4 a <b", ["3/4"]),
        ("call f(x=1), g() with --dry-run on my_var or myVar", ["f(x=1)", "g()", "--dry-run", "my_var", "myVar"]),
        ("the dog(s) came (see page)", []),
        ("so a + b = 4 and x < 3", ["a + b = 4", "x < 3"]),
        ("@me and #tag but not #1", ["@me", "#tag"]),
        ("请看https://a.b/c。好", ["https://a.b/c"]),
    ],
)
def test_what_stays_inside_a_sentence(text: str, expected: list[str]) -> None:
    assert kept(text) == expected


def test_marks_are_emphasis_tags_and_links_but_not_inside_code() -> None:
    text = "**a** _b_ <i>c</i> [d](e) `*x*` f_g 2 * 3"
    assert [text[start:end] for start, end in marks(text)] == ["**", "**", "_", "_", "<i>", "</i>", "[", "](e)"]


def test_a_run_without_an_end_is_cut_where_it_hurts_least() -> None:
    clause = "and then the next thing happened to them"
    text = "; ".join([clause] * 60)
    found = sentences(text)
    assert all(len(sentence) <= LONGEST_SENTENCE for sentence in found)
    assert all(sentence.endswith(";") for sentence in found[:-1])
    assert max(len(sentence) for sentence in sentences("語" * 5000)) <= LONGEST_SENTENCE
    words = sentences("word " * 1000)
    assert all(sentence.replace("word", "").strip() == "" for sentence in words), "words are not cut where there are spaces"


def test_no_cut_goes_through_what_is_protected() -> None:
    link = "https://a.b/" + "x" * (LONGEST_SENTENCE + 50)
    assert cut(f"Here it is {link} as you see") == ["Here it is", " ", link, " ", "as you see"]


HUGE = {
    "backticks": "`" * 7 + "a ``` ` ",
    "dollars": "$a_",
    "open formulas": "\\[",
    "environments": "\\begin{a}\n",
    "calls": "a(=",
    "tags": "<a ",
    "brackets": "[a ](",
    "stops": "a. ",
    "dots": ". ",
    "hyphens": "a-",
    "ats": "a@",
    "domains": "a.",
    "fences": "```\n",
    "bidi": "\u202e\u2066a ",
    "one word": "a",
    "spaces": " ",
    "underscores": "_a",
    "carets": "a^",
    "comments": "<!--",
}


@pytest.mark.parametrize("name", HUGE)
def test_time_is_linear(name: str) -> None:
    """Twenty microseconds a character are ten times what is usual; anything quadratic takes minutes here."""
    import time

    text = HUGE[name] * (20_000 // len(HUGE[name]))
    started = time.process_time()
    found = pieces(text)
    for piece in found:
        marks(piece.text)
    assert time.process_time() - started < 1.0 + 20e-6 * len(text)
    assert "".join(piece.text for piece in found) == text
