"""Apertium's stream format."""

import pytest

from polydistill.records import Lang
from polydistill.translators import _apertium_stream as stream

ENG, SPA, CAT, POR, GLG = (Lang(code) for code in ("eng", "spa", "cat", "por", "glg"))


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("a ^b$ [c] {d} <e> @f/g\\h", r"a \^b\$ \[c\] \{d\} \<e\> \@f\/g\\h"),
        ("~1 #2 *3", "[~]1 #2 *3"),
        ("I said no.", "I said no[]."),
        ("No. No. 5", "No[]. No. 5"),
        ("Casino.", "Casino."),
    ],
)
def test_escaping(text: str, escaped: str) -> None:
    assert stream.escaped(text) == escaped
    assert stream.unescaped(escaped + "[].[]", text) == text


@pytest.mark.parametrize("text", ["a\nb", "a\x00b", "a\u2028b", "a\ud800"])
def test_line_breaks_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"guard\.split"):
        stream.escaped(text)


def test_spaces_that_apertium_leaves_are_taken_out_unless_the_source_has_them() -> None:
    assert stream.unescaped(" Está  en casa , hoy .[].[]", "He is home, today.") == "Está en casa, hoy."
    assert stream.unescaped("a  b , c[].[]", "a  b , c") == "a  b , c"
    assert stream.unescaped("dice que[].[]", "  says that ") == "  dice que "
    assert stream.unescaped(" [].[]", "   ") == "   "


@pytest.mark.parametrize(
    ("text", "opened"),
    [
        ("Cómo estás?", "¿Cómo estás?"),
        ("**Qué** es?", "**¿Qué** es?"),
        ('"Ven!"', '"¡Ven!"'),
        ("¿Qué?", "¿Qué?"),
        ("No sé.", "No sé."),
        ("Es (¿no?) así?", "Es (¿no?) así?"),
    ],
)
def test_spanish_questions_are_opened(text: str, opened: str) -> None:
    assert stream.opened(text, SPA) == opened
    assert stream.opened(text, Lang("es-MX")) == opened
    assert stream.opened(text, CAT) == text
