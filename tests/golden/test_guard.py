import random
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polydistill import faults, guard, protected
from polydistill.guard import Guarded, split
from polydistill.languages import segments
from polydistill.records import Lang
from polydistill.storage.store import Store
from polydistill.translators import FailedTranslation, NoTranslation, OpenTranslator

ENG, SPA = Lang("eng"), Lang("spa")
SPANISH = "El perro corre por la casa y come pescado con sus buenos amigos de la ciudad todos los días."
ENGLISH = "The dog runs through the house and eats fish with his good friends from the city every day."

GERMAN = "Der Hund läuft durch das Haus und frisst jeden Tag mit guten Freunden aus der Stadt einen Fisch."


class By(OpenTranslator):
    """Translates by a function of one sentence, and remembers what it was asked."""

    def __init__(self, function: Callable[[str], str | None]):
        self.function, self.asked = function, list[str]()

    def translate(self, texts: Sequence[str], source: Lang, target: Lang) -> list[str | None]:
        self.asked += texts
        return [self.function(text) for text in texts]


def translate(function: Callable[[str], str | None], text: str, target: Lang = SPA) -> Guarded:
    return guard.translate(By(function), [text], ENG, target)[0]


def dropped(text: str) -> str:
    return " ".join(word for number, word in enumerate(text.split(" ")) if number % 3)


def shuffled(text: str) -> str:
    found = text.split(" ")
    random.Random(len(text)).shuffle(found)
    return " ".join(found)


HARMFUL: dict[str, Callable[[str], str | None]] = {
    "upper": str.upper, "lower": str.lower, "drops words": dropped, "shuffles": shuffled, "reverses": lambda text: text[::-1],
    "doubles": lambda text: f"{text} {text}", "empty": lambda text: "", "nothing": lambda text: None,
    "breaks lines": lambda text: text.replace(" ", "\n"), "adds emphasis": lambda text: f"{text} **x**",
    "spaces out": lambda text: re.sub(r"(\W)", r" \1 ", text), "adds tokens": lambda text: f"{text} XQAX XQBX",
    "control characters": lambda text: f"\x00{text}\ud800\u2028", "loops": lambda text: text + " la" * 9,
}  # fmt: skip

DOCUMENT = """# How to install

Dear {name}, run `pip install x` **now**, see [the guide](https://a.b/c?d=e) or mail me@x.org.

1. Open /etc/hosts and set $x^2$ to 3.5.
   - Use <b>bold</b> text, %s times.

```python
print("Hello. World")  # one
```

| key | what it does |
|---|---|
| a_b | it stops |
"""
PROTECTED = (
    "{name}", "`pip install x`", "](https://a.b/c?d=e)", "me@x.org", "/etc/hosts", "$x^2$", "<b>", "</b>", "%s", "a_b",
    '```python\nprint("Hello. World")  # one\n```\n', "|---|---|\n", "1. ", "   - ", "# ",
)  # fmt: skip


# What comes out.


def test_pieces_answer_one_to_one_and_join() -> None:
    found = translate(str.upper, DOCUMENT, Lang("ast"))
    assert found.reason == ""
    assert len(found.pieces) == len(split(DOCUMENT))
    assert "".join(found.pieces) == found.text
    assert "# HOW TO INSTALL\n" in found.text
    assert "\n| key | WHAT IT DOES |\n".upper() in found.text.upper()


@pytest.mark.parametrize("name", ["upper", "lower", "drops words", "shuffles", "spaces out", "adds tokens"])
def test_what_is_protected_survives_a_translator_that_harms_it(name: str) -> None:
    found = translate(HARMFUL[name], DOCUMENT)
    assert all(span in found.text for span in PROTECTED)
    assert found.text.count("\n") == DOCUMENT.count("\n")


FRAGMENTS = (
    "`a`", "```\nb\n```\n", "`", "$x$", "https://a.b", "{n}", "%s", "<b>", "</b>", "**", "_", "[a](b)", "Hello", "world",
    "日本語。", "नमस्ते।", "3.5", "1,000", "\n", "\t", " ", "- ", ". ", "\u202e", "\x00", "\ud800", "XQAX", "xqbx", "a = b + 2",
)  # fmt: skip
TEXTS = st.text(max_size=80) | st.lists(st.sampled_from(FRAGMENTS), max_size=20).map("".join)


@settings(max_examples=40, deadline=None)
@given(TEXTS)
def test_no_text_and_no_translator_breaks_it(text: str) -> None:
    assert "".join(split(text)) == text
    kept = [piece.text for piece in segments.pieces(text) if not piece.sentence]
    kept += [one.text[a:b] for one in segments.pieces(text) if one.sentence for a, b in protected.spans(one.text)]
    for function in HARMFUL.values():
        found = translate(function, text)
        assert len(found.pieces) == len(split(text))
        assert "".join(found.pieces) == found.text
        assert found.reason in ("", *faults.REASONS)
        if not found.reason:
            assert all(span in found.text for span in kept)
            assert found.text.count("\n") == text.count("\n")


def test_the_same_language_gives_the_text_back() -> None:
    found = guard.translate(By(lambda text: None), [DOCUMENT], ENG, ENG)
    assert found == [Guarded(DOCUMENT, tuple(split(DOCUMENT)), "")]


def test_no_texts_and_texts_without_words() -> None:
    assert guard.translate(By(lambda text: None), [], ENG, SPA) == []
    assert [g.reason for g in guard.translate(By(lambda text: None), ["", "\n", "12", "`x`"], ENG, SPA)] == [""] * 4


def test_order_is_kept() -> None:
    texts = [f"Word {'x' * number}." for number in range(20)]
    assert [g.text for g in guard.translate(By(str.upper), texts, ENG, SPA)] == [text.upper() for text in texts]


# What the translator sees.


def test_the_translator_sees_sentences_and_tokens() -> None:
    translator = By(str.upper)
    guard.translate(translator, ["Run `x` on a`b`c, {n}<b>. It works.\n- It works."], ENG, SPA)
    assert translator.asked == ["Run XQAX on a XQBX c, XQCX XQDX.", "It works."]


def test_tokens_are_put_back_with_the_space_they_had() -> None:
    assert translate(lambda text: text.replace("on", "en"), "Run `x` on a`b`c, {n}<b>.").text == "Run `x` en a`b`c, {n}<b>."
    assert translate(lambda text: text.lower(), "Use the `A`s here").text == "use the `A`s here"


def test_a_text_that_holds_a_token_keeps_it() -> None:
    assert translate(str.upper, "Keep XQAX and `x` here.").text == "KEEP XQAX AND `x` HERE."


def test_a_lost_token_makes_it_translate_around_it() -> None:
    translator = By(lambda text: re.sub(r"XQ\w+X", "", text).upper())
    found = guard.translate(translator, ["Please run `x` on **all** files."], ENG, SPA)[0]
    assert found == Guarded("PLEASE RUN `x` ON **ALL** FILES.", ("PLEASE RUN `x` ON **ALL** FILES.",), "")
    assert translator.asked == ["Please run XQAX on **all** files.", "Please run", "on", "all", "files."]


def test_lost_or_loosened_emphasis_makes_it_translate_around_it() -> None:
    assert translate(lambda text: text.replace("**", "").upper(), "Do **not** go.").text == "DO **NOT** GO."
    assert translate(lambda text: text.replace("**", " ** ").upper(), "Do **not** go.").text == "DO **NOT** GO."


def test_tags_in_the_wrong_order_make_it_translate_around_them() -> None:
    swapped = lambda text: text.replace("XQAX", "!").replace("XQBX", "XQAX").replace("!", "XQBX")  # noqa: E731
    assert translate(swapped, "A <b>big</b> dog").text == "A <b>big</b> dog"


# What is wrong.


@pytest.mark.parametrize(
    ("reason", "source", "target"),
    [
        ("failed", "A dog.", None),
        ("empty", "A dog.", ""),
        ("empty", "A dog.", "..."),
        ("lost_protected", "A dog.", "Un **perro**."),
        ("numbers_changed", "It has 4 legs and 20 nails.", "Tiene 4 patas y 21 uñas."),
        ("numbers_changed", "It has four legs.", "Tiene 4 patas."),
        ("loop", "The dog runs.", "El perro" + " corre y" * 8),
        ("copied_source", ENGLISH, ENGLISH),
        ("copied_source", ENGLISH, ENGLISH.replace("every day", "todos los días")),
        ("truncated", ENGLISH, "El perro."),
        ("too_long", "The dog runs.", SPANISH),
        ("wrong_language", ENGLISH, GERMAN),
        ("", ENGLISH, SPANISH),
        ("", "I paid 1,000.50 on 2024-01-05.", "Pagué 1.000,50 el 05/01/2024."),
        ("", "Exactly 12,000 of 5000 people.", "Exactamente 12 000 de 5.000 personas."),
        ("", "HTML, CSS, Java.", "HTML, CSS, Java."),
        ("", "The cat and the dog. The cat and the dog. The cat and the dog. The cat and the dog.", "El gato y el perro."),
    ],
)  # fmt: skip
def test_reasons(reason: str, source: str, target: str | None) -> None:
    found = translate(lambda text: target, source)
    assert found.reason == reason
    assert "".join(found.pieces) == found.text


def test_every_reason_is_documented_and_tried() -> None:
    tried = {mark.args[1][i][0] for mark in test_reasons.pytestmark for i in range(len(mark.args[1]))}  # type: ignore[attr-defined]
    assert tried == {"", *faults.REASONS}


def test_a_bad_sentence_spoils_its_text_only() -> None:
    texts = ["One dog. A bad cat. One bird.", "One dog."]
    found = guard.translate(By(lambda text: None if "bad" in text else text.upper()), texts, ENG, SPA)
    assert [one.reason for one in found] == ["failed", ""]
    assert found[0].text == "ONE DOG. A bad cat. ONE BIRD."


def test_many_short_copies_are_a_copy() -> None:
    assert translate(lambda text: text, "The small house. The green garden. The tall trees.").reason == "copied_source"


def test_copies_and_languages_are_not_judged_between_languages_that_are_confused() -> None:
    galician = guard.translate(By(lambda text: text), [SPANISH], SPA, Lang("glg"))[0]
    assert galician.reason == ""


def test_digits_of_other_scripts_are_the_same_numbers() -> None:
    assert translate(lambda text: "في ٢٠٢٠ ثلاث", "In 2020 three", Lang("ara")).reason == ""


def test_chinese_may_be_short_but_not_that_short() -> None:
    assert translate(lambda text: "狗每天和城里的好朋友一起跑过房子吃鱼。", ENGLISH, Lang("zho")).reason == ""
    assert translate(lambda text: "狗。", ENGLISH, Lang("zho")).reason == "truncated"


# What is paid for.


def test_sentences_are_paid_for_once(tmp_path: Path) -> None:
    store = Store(tmp_path / "store.sqlite")
    translator = By(str.upper)
    for texts in (["A dog. A cat.", "A cat."], ["A cat. A bird."]):
        guard.translate(translator, texts, ENG, SPA, store=store, what={"by": 1})
    assert translator.asked == ["A dog.", "A cat.", "A bird."]


def test_another_translator_or_pair_pays_again(tmp_path: Path) -> None:
    store = Store(tmp_path / "store.sqlite")
    translator = By(str.upper)
    for what, target in (({"by": 1}, SPA), ({"by": 2}, SPA), ({"by": 1}, Lang("cat"))):
        guard.translate(translator, ["A cat."], ENG, target, store=store, what=what)
    assert translator.asked == ["A cat."] * 3


def test_a_failure_is_asked_for_again(tmp_path: Path) -> None:
    store = Store(tmp_path / "store.sqlite")
    assert guard.translate(By(lambda text: None), ["A cat."], ENG, SPA, store=store)[0].reason == "failed"
    assert guard.translate(By(str.upper), ["A cat."], ENG, SPA, store=store)[0].text == "A CAT."


class Choking(OpenTranslator):
    """Fails on every lot with a sentence that holds one of these words."""

    def __init__(self, *words: str):
        self.words = words

    def translate(self, texts: Sequence[str], source: Lang, target: Lang) -> list[str | None]:
        if any(word in text for text in texts for word in self.words):
            raise FailedTranslation("choked")
        return [text.upper() for text in texts]


def test_a_sentence_that_fails_a_lot_is_found() -> None:
    texts = [f"Number {'i' * number}." for number in range(9)]
    found = guard.translate(Choking(" iiiii."), texts, ENG, SPA)
    assert [one.reason for one in found] == [""] * 5 + ["failed"] + [""] * 3


def test_a_translator_that_fails_on_everything_is_an_error() -> None:
    with pytest.raises(FailedTranslation, match="choked"):
        guard.translate(Choking(""), [f"Number {'i' * number}." for number in range(9)], ENG, SPA)


def test_other_errors_are_not_swallowed() -> None:
    class Broken(OpenTranslator):
        def translate(self, texts: Sequence[str], source: Lang, target: Lang) -> list[str | None]:
            raise NoTranslation("no such pair")

    with pytest.raises(NoTranslation):
        guard.translate(Broken(), ["A cat."], ENG, SPA)


def test_a_translator_that_miscounts_is_an_error() -> None:
    class Short(OpenTranslator):
        def translate(self, texts: Sequence[str], source: Lang, target: Lang) -> list[str | None]:
            return ["x"] * (len(texts) - 1)

    with pytest.raises(RuntimeError, match="1 translations for 2 sentences"):
        guard.translate(Short(), ["A cat. A dog."], ENG, SPA)


@pytest.mark.parametrize("unit", ["`a` ", "**a** ", "<b>a", "[a](b) ", "The {n} dog. ", "a ", "\u202ea "])
def test_time_is_linear(unit: str) -> None:
    text = unit * (20_000 // len(unit))
    started = time.process_time()
    translate(str.upper, text)
    assert time.process_time() - started < 4


def test_protected_spans_are_found_in_short_and_long_texts_alike():
    sentence = "See `a b` and http://example.org/x for 3 = 2 + 1. "
    spans = protected.spans(sentence)
    assert [sentence[start:end] for start, end in spans] == ["`a b`", "http://example.org/x", "3 = 2 + 1"]
    spans.clear()
    assert len(protected.spans(sentence)) == 3, "what is done to them changes none that are remembered"
    assert len(protected.spans(sentence * 50)) == 150
    assert protected.without(sentence, lambda length: "-" * length) == (f"See {'-' * 5} and {'-' * 20} for {'-' * 9}. ")
