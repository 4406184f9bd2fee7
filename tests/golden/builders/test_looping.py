"""The filter `looping` at its edges."""

from tiny_rows import ENG, chat, text

from polydistill.builders import Filter
from polydistill.builders.looping import Looping
from polydistill.records import Row

TEN = "uno dos tres cuatro cinco seis siete ocho nueve diez"


def reasons(one: Filter, *rows: Row) -> list[str]:
    return [row.rejected for row in one(rows)]


def test_a_loop_is_a_run_of_four_words_four_times():
    assert reasons(Looping(), chat("q", ENG, "Why?", "so it is now " * 4)) == ["loop"]
    assert reasons(Looping(), chat("q", ENG, "Why?", "so it is now " * 3)) == [""]
    assert reasons(Looping(), text("q", "so it is now " * 4)) == ["loop"]
    assert reasons(Looping(times=3), chat("q", ENG, "so it is now " * 3, "So.")) == ["loop"]
    assert reasons(Looping(n=5), chat("q", ENG, "Why?", "so it is now " * 4)) == [""]
