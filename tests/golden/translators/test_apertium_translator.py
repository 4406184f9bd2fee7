import os
from pathlib import Path

import pytest
import tiny_translators as tiny

from polydistill.component import find
from polydistill.records import Lang
from polydistill.translators import FailedTranslation, NoTranslation

ENG, SPA, CAT, POR, GLG = (Lang(code) for code in ("eng", "spa", "cat", "por", "glg"))
Apertium = find("translators", "apertium")


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a stand-in for the program that has eng-spa, spa-eng, eng-cat, spa-por and es-pt_BR."""
    folder = tiny.apertium(tmp_path / "bin")
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder


def test_one_process_for_all_sentences_and_one_for_each_pair_of_a_chain(program: Path) -> None:
    texts = [f"word {number} [x] ~ \\ {{y}} <z> ^ $ @ /" for number in range(50)]
    with Apertium().open() as translator:
        assert translator.translate(texts, ENG, SPA) == [text.upper() for text in texts]
        assert translator.translate(["a"], ENG, POR) == ["A"]
    assert (program / "runs").read_text().split() == ["eng-spa", "eng-spa", "spa-por"]


def test_many_sentences_take_several_processes(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("polydistill.translators.apertium.SENTENCES_A_PROCESS", 20)
    with Apertium().open() as translator:
        assert translator.translate(["a", "b"] * 25, ENG, SPA) == ["A", "B"] * 25
    assert (program / "runs").read_text().split() == ["eng-spa"] * 3


@pytest.mark.parametrize(
    ("text", "said"), [("CRASH", "ended with status 1: the tagger crashed"), ("LOST", "gave back 1 of 2 sentences")]
)
def test_a_crash_and_a_lost_sentence_are_failures(program: Path, text: str, said: str) -> None:
    with Apertium().open() as translator, pytest.raises(FailedTranslation, match=said):
        translator.translate(["fine", text], ENG, SPA)


def test_a_missing_pair_names_its_package(program: Path) -> None:
    with pytest.raises(NoTranslation, match=r"no eng-glg here; install it with: sudo apt-get install .* apertium-en-gl$"):
        Apertium().check(ENG, GLG)
    with pytest.raises(NoTranslation, match=r"no package leads from eng to swa; from eng there are bos, cat, epo, glg"):
        Apertium().check(ENG, Lang("swa"))
    with pytest.raises(NoTranslation, match=r"no package leads from eng to por through eus"):
        Apertium(through=("eus",)).check(ENG, POR)


def test_a_missing_apertium_is_named_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(
        NoTranslation, match=r"not installed; install it with: sudo apt-get install .* apertium apertium-eng-spa$"
    ):
        Apertium().check(ENG, SPA)


def test_the_setting_through_is_part_of_the_identity(program: Path) -> None:
    assert Apertium(through=("cat",)).identity() != Apertium().identity()
