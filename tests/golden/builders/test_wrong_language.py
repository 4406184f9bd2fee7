"""The filter `wrong_language` at its edges."""

from tiny_rows import ENG, SPA, chat, pair

from polydistill.builders import Filter
from polydistill.builders.wrong_language import WrongLanguage
from polydistill.records import Chat, Row, Turn

TEN = "uno dos tres cuatro cinco seis siete ocho nueve diez"


def reasons(one: Filter, *rows: Row) -> list[str]:
    return [row.rejected for row in one(rows)]


def test_only_what_is_surely_another_language_is_out():
    english = "These are certainly English words, and nobody could take them for anything else at all."
    spanish = "Estas son sin duda palabras españolas, y nadie podría tomarlas por otra cosa en absoluto."
    assert reasons(WrongLanguage(), chat("q", SPA, "¿Qué?", english)) == ["wrong_language"]
    assert reasons(WrongLanguage(), chat("q", ENG, "What?", english)) == [""]
    assert reasons(WrongLanguage(), chat("q", SPA, "¿Qué?", spanish)) == [""]
    assert reasons(WrongLanguage(), chat("q", SPA, "¿Qué?", "Really not sure.")) == [""]
    assert reasons(WrongLanguage(), pair("p", spanish, spanish)) == ["wrong_language"]
    turns = (Turn(role="system", text=english, lang=SPA), *chat("q", SPA, "¿Qué?", spanish).payload.turns)
    assert reasons(WrongLanguage(), chat("q", SPA, "", "").but(payload=Chat(turns=turns))) == [""]
