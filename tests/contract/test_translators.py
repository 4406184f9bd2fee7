"""What every translator promises; a new file in translators/ is enrolled by itself and needs one entry in EXAMPLES."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import tiny_translators as tiny

from polydistill import guard, models
from polydistill.component import find, names, read_component, write_component
from polydistill.records import Lang, canonical
from polydistill.translators import NoTranslation, OpenTranslator, Translator

ENG, SPA, FIN = Lang("eng"), Lang("spa"), Lang("fin")
SENTENCES = ["the house is big", "the dog eats 12 fish", "", "house", "the dog eats 12 fish"]
DOCUMENT = """# The house

The `dog` eats **fish**, see [the house](https://a.b/c_d?e=f) and {name}.

1. The dog eats 12 fish.
   - The value of $x^2$ is big.

```python
print("the house. The dog")
```
"""
PROTECTED = (
    "# ",
    "`dog`",
    "](https://a.b/c_d?e=f)",
    "{name}",
    "1. ",
    "   - ",
    "$x^2$",
    '```python\nprint("the house. The dog")\n```\n',
)


class Example(NamedTuple):
    """How to build a translator for these tests."""

    settings: Callable[[Path], dict[str, Any]]
    """Its settings, from files that the function writes into a folder."""
    refuses: tuple[Lang, Lang] | None
    """A pair that it does not know; None for one that takes any."""
    content: str | None = None
    """The file in that folder that decides what it says, where there is one."""


def a_program(folder: Path) -> dict[str, Any]:
    path = tiny.program(folder / "lines", tiny.LINES)
    return {"program": (str(path), "{source}", "{target}", "well"), "pairs": ((ENG, SPA),)}


def a_model(folder: Path) -> dict[str, Any]:
    return {"path": tiny.ct2_model(folder / "model"), "max_tokens": 30, "device": "cpu"}


def a_dictionary(folder: Path) -> dict[str, Any]:
    entries = {"the": "la", "house": "casa", "dog": "perro", "eats": "come", "fish": "pescado", "big": "grande"}
    return {"path": tiny.words(folder / "words.tsv", entries), "source": ENG, "target": SPA}


EXAMPLES = {
    "apertium": Example(lambda folder: {}, (ENG, FIN)),
    "command": Example(a_program, (ENG, FIN), content="lines"),
    "ctranslate2": Example(a_model, (ENG, FIN), content="model/model.bin"),
    "dictionary": Example(a_dictionary, (SPA, ENG), content="words.tsv"),
    "engine": Example(lambda folder: {"engine": tiny.ShoutingEngine()}, None),
    "none": Example(lambda folder: {}, None),
}

every = pytest.mark.parametrize("name", names("translators"))
translating = pytest.mark.parametrize("name", [n for n in names("translators") if find("translators", n).translates])


def example(name: str) -> Example:
    assert name in EXAMPLES, f"translators/{name}.py has no entry in EXAMPLES of tests/contract/test_translators.py; add one"
    return EXAMPLES[name]


@pytest.fixture(autouse=True)
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program called apertium, and a cache of its own."""
    monkeypatch.setenv("PATH", f"{tiny.apertium(tmp_path / 'bin')}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(models, "CACHE", tmp_path / "cache")


def build(name: str, folder: Path) -> Translator:
    return find("translators", name)(**example(name).settings(folder))


@every
def test_building_is_free_and_loading_lazy(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = example(name).settings(tmp_path)
    shutil.rmtree(tmp_path)
    monkeypatch.setenv("PATH", "")
    find("translators", name)(**settings)


@translating
def test_order_and_length_are_kept(name: str, tmp_path: Path) -> None:
    with build(name, tmp_path).open() as translator:
        assert isinstance(translator, OpenTranslator)
        together = translator.translate(SENTENCES, ENG, SPA)
        assert len(together) == len(SENTENCES)
        assert all(text is None or isinstance(text, str) for text in together)
        assert together == [translator.translate([text], ENG, SPA)[0] for text in SENTENCES]
        assert together[::-1] == translator.translate(SENTENCES[::-1], ENG, SPA)
        assert any(together), "it translates nothing at all"
        assert translator.translate([], ENG, SPA) == []


@every
def test_the_same_language_gives_the_texts_back(name: str, tmp_path: Path) -> None:
    translator = build(name, tmp_path)
    translator.check(ENG, ENG)
    with translator.open() as open_one:
        assert open_one.translate(SENTENCES, ENG, ENG) == SENTENCES


@every
def test_a_pair_it_knows_passes(name: str, tmp_path: Path) -> None:
    build(name, tmp_path).check(ENG, SPA)


@every
def test_an_unknown_pair_is_refused_before_anything_is_loaded(name: str, tmp_path: Path) -> None:
    translator = build(name, tmp_path)
    refused = example(name).refuses
    if refused is None:
        for pair in ((ENG, FIN), (FIN, ENG)):
            translator.check(*pair)
        return
    if example(name).content:
        (tmp_path / example(name).content).write_bytes(b"\x00broken")  # type: ignore[operator]
    with pytest.raises(NoTranslation) as error:
        translator.check(*refused)
    assert str(refused[1]) in str(error.value)


@translating
def test_an_unknown_pair_is_refused_when_translating(name: str, tmp_path: Path) -> None:
    translator = build(name, tmp_path)
    refused = example(name).refuses
    if refused is not None:
        with translator.open() as open_one, pytest.raises(NoTranslation):
            open_one.translate(["x"], *refused)


@translating
def test_what_is_protected_survives_through_the_guard(name: str, tmp_path: Path) -> None:
    with build(name, tmp_path).open() as translator:
        found = guard.translate(translator, [DOCUMENT, "x"], ENG, SPA)[0]
    assert len(found.pieces) == len(guard.split(DOCUMENT))
    assert "".join(found.pieces) == found.text
    assert found.text.count("\n") == DOCUMENT.count("\n")
    assert found.reason or all(span in found.text for span in PROTECTED)
    assert name == "ctranslate2" or found.reason in ("", "wrong_language"), "only the random model may fail on this"


@every
def test_settings_are_read_back(name: str, tmp_path: Path) -> None:
    translator = build(name, tmp_path)
    if name == "engine":  # the engine of these tests is none that a name leads to
        translator = find("translators", name)(engine={"transformers": {"path": "some/model"}}, max_tokens=9)
    assert read_component(Translator, tiny.plain(write_component(translator))) == translator


@every
def test_the_identity_is_plain_json_and_says_whose_it_is(name: str, tmp_path: Path) -> None:
    translator = build(name, tmp_path)
    assert translator.name() in canonical(translator.identity())
    assert canonical(translator.identity()) == canonical(translator.identity())


@every
def test_the_identity_is_the_content_wherever_it_lies(name: str, tmp_path: Path) -> None:
    here, there = build(name, tmp_path / "here"), build(name, tmp_path / "there")
    assert canonical(here.identity()) == canonical(there.identity())
    content = example(name).content
    if content:
        path = tmp_path / "there" / content
        path.write_bytes(path.read_bytes() + b"# more\tof it\n")
        assert canonical(here.identity()) != canonical(there.identity())


@every
def test_the_model_card_gets_plain_json(name: str, tmp_path: Path) -> None:
    assert isinstance(tiny.plain(build(name, tmp_path).about()), dict)
