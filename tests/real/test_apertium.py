"""Apertium as Debian packages it: apertium, apertium-eng-spa, apertium-eng-cat, apertium-en-gl."""

import time
from importlib.resources import files

import pytest

from polydistill import guard
from polydistill.component import find
from polydistill.records import Lang

pytestmark = pytest.mark.real

ENG, SPA, CAT, GLG = Lang("eng"), Lang("spa"), Lang("cat"), Lang("glg")
TARGETS = (SPA, CAT, GLG)
Apertium = find("translators", "apertium")

ANSWER = """Sure! Here's how to **install** it, see [the docs](https://docs.example.org/en/latest?x=1#top):

1. Open a terminal and run `pip install example`.
2. Edit /etc/example.conf and set `debug = false`:

```ini
[main]
debug = false  ; no comment. Really.
```

- It costs $5,000.50 in 2024, or 3.5 % more.
- Write to me@example.org, Dr. Smith, or to {name}.

Is that what you want? No. The area is $\\pi r^2$ and E = mc^2.
"""
KEPT = (
    "](https://docs.example.org/en/latest?x=1#top)", "`pip install example`", "/etc/example.conf", "`debug = false`",
    "5,000.50", "2024", "```ini\n[main]\ndebug = false  ; no comment. Really.\n```\n", "me@example.org", "{name}",
    "$\\pi r^2$", "E = mc^2", "\n1. ", "\n2. ", "\n- ",
)  # fmt: skip


@pytest.fixture(scope="module")
def translator():
    for target in TARGETS:
        Apertium().check(ENG, target)
    with Apertium().open() as opened:
        yield opened


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (SPA, ["El gato es negro.", "No.", "¿Qué es?", "Núm. 5 es aquí."]),
        (CAT, ["El gat és negre.", "No.", "El que l'és?", "Núm. 5 és aquí."]),
        (GLG, ["O gato é negro.", "Non.", "Que é?", "Non. 5 é aquí."]),
    ],
)
def test_easy_sentences(translator, target: Lang, expected: list[str]) -> None:
    assert translator.translate(["The cat is black.", "No.", "What is it?", "No. 5 is here."], ENG, target) == expected


@pytest.mark.parametrize("target", TARGETS)
def test_special_characters_survive(translator, target: Lang) -> None:
    marks = r"^ $ [ ] { } / \ @ < > ~ # * ^zqt/zqt<n>$ 日本 😀 “ ”"
    found = translator.translate([f"{mark} 7" for mark in marks.split()], ENG, target)
    assert [text.split()[0] for text in found] == marks.split()


@pytest.mark.parametrize("target", TARGETS)
def test_sentences_do_not_run_into_one_another(translator, target: Lang) -> None:
    texts = ["Call the doctor with care", "Email me please", "Oh no.", "Use the big house", "", " ", "two words "]
    assert translator.translate(texts, ENG, target) == [translator.translate([text], ENG, target)[0] for text in texts]


@pytest.mark.parametrize("target", TARGETS)
def test_an_answer_with_everything_in_it(translator, target: Lang) -> None:
    found = guard.translate(translator, [ANSWER], ENG, target)[0]
    assert found.reason == ""
    assert all(span in found.text for span in KEPT)
    assert found.text.count("\n") == ANSWER.count("\n")
    assert found.text.count("**") == 2


def test_two_thousand_sentences_take_seconds(translator) -> None:
    texts = [
        f"The {colour} house number {number} is bigger than the old one."
        for number in range(500)
        for colour in ("red", "green", "small", "new")
    ]
    started = time.monotonic()
    found = translator.translate(texts, ENG, SPA)
    assert time.monotonic() - started < 30
    assert len(found) == 2000
    assert all(str(number // 4) in text for number, text in enumerate(found))


def test_a_chain(translator) -> None:
    back = Apertium(through=("eng",))
    back.check(SPA, GLG)
    assert back.chain(SPA, GLG) == ["spa-eng", "en-gl"]
    assert translator.translate(["El gato es negro."], SPA, GLG) == ["O gato é negro."]


def test_human_text_is_hardly_ever_rejected(translator) -> None:
    """The Universal Declaration, paragraph by paragraph."""
    text = (files("polydistill") / "data" / "udhr" / "eng.txt").read_text("utf-8")
    found = guard.translate(translator, [line for line in text.split("\n") if line.strip()], ENG, SPA)
    assert len(found) > 20
    assert sum(1 for one in found if one.reason) <= 1


def test_the_card_names_versions_and_licence() -> None:
    about = Apertium().about()
    assert about["name"] == "Apertium"
    assert about["version"][0].isdigit()
    assert "GPL" in about["licence"]
    assert {"apertium-eng-spa", "apertium-eng-cat", "apertium-en-gl"} <= set(about["packages"])
