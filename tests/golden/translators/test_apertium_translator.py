import os
from pathlib import Path

import pytest
import tiny_translators as tiny

from polydistill.component import find
from polydistill.records import Lang
from polydistill.translators import FailedTranslation, NoTranslation
from polydistill.translators import _apertium_pairs as pairs
from polydistill.translators import _apertium_stream as stream
from polydistill.translators import _programs as programs

ENG, SPA, CAT, POR, GLG = (Lang(code) for code in ("eng", "spa", "cat", "por", "glg"))
Apertium = find("translators", "apertium")


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a stand-in for the program that has eng-spa, spa-eng, eng-cat, spa-por and es-pt_BR."""
    folder = tiny.apertium(tmp_path / "bin")
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder


# Pairs.


@pytest.mark.parametrize(
    ("mode", "pair"),
    [
        ("eng-spa", ("eng", "spa")),
        ("en-gl", ("eng", "glg")),
        ("es-pt_BR", ("spa", "por-BR")),
        ("eng-hbs_HR", ("eng", "hrv")),
        ("eng-hbs_SR", ("eng", "srp-Latn")),
        ("nno-nob", ("nno", "nob")),
        ("eng-cat_valencia", None),
        ("README", None),
        ("xx-yy", None),
    ],
)
def test_modes(mode: str, pair: tuple[str, str] | None) -> None:
    assert pairs.of_mode(mode) == (pair and tuple(Lang(code) for code in pair))


def test_the_plainest_mode_is_taken() -> None:
    found = pairs.modes(["eng-cat_iec2017", "eng-cat", "cat-eng_US", "cat-eng", "en-ca"])
    assert found == {(ENG, CAT): "en-ca", (CAT, ENG): "cat-eng", (CAT, Lang("en-US")): "cat-eng_US"}


def test_chains() -> None:
    known = [(ENG, SPA), (SPA, ENG), (ENG, CAT), (CAT, POR), (SPA, POR), (POR, GLG)]
    assert pairs.chain(known, ENG, SPA) == [(ENG, SPA)]
    assert pairs.chain(known, ENG, POR) == [(ENG, CAT), (CAT, POR)], "the first in alphabetical order"
    assert pairs.chain(known, ENG, POR, [SPA]) == [(ENG, SPA), (SPA, POR)]
    assert pairs.chain(known, ENG, GLG) == [(ENG, CAT), (CAT, POR), (POR, GLG)]
    assert pairs.chain(known, ENG, GLG, [SPA]) is None, "each leg is one pair"
    assert pairs.chain(known, ENG, SPA, [SPA]) == [(ENG, SPA)], "one setting serves several targets"
    assert pairs.chain(known, GLG, ENG) is None
    assert pairs.chain(known, Lang("en-US"), Lang("pt-BR")) == [(ENG, CAT), (CAT, POR)]
    assert pairs.chain([*known, (SPA, Lang("pt-BR"))], ENG, Lang("pt-BR")) == [(ENG, SPA), (SPA, Lang("pt-BR"))]
    assert pairs.chain([], ENG, SPA) is None


def test_packages() -> None:
    assert pairs.to_install([], ENG, SPA) == ["apertium-eng-spa"]
    assert pairs.to_install([], GLG, ENG) == ["apertium-en-gl"]
    assert pairs.to_install([], Lang("eus"), SPA) == ["apertium-eu-es"]
    assert pairs.to_install([], SPA, Lang("eus")) == [], "that package goes one way"
    assert pairs.to_install([(ENG, SPA)], ENG, POR, [SPA]) == ["apertium-es-pt"]
    assert pairs.to_install([(ENG, CAT)], ENG, Lang("ita")) == ["apertium-cat-ita"]
    assert pairs.to_install([], ENG, Lang("hrv")) == ["apertium-hbs-eng"]
    assert pairs.to_install([], ENG, Lang("swa")) == []


# The stream format.


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


# The translator.


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


# Programs.


def test_a_program_that_takes_too_long_is_ended_with_its_children(tmp_path: Path) -> None:
    slow = tiny.program(tmp_path / "slow", "import subprocess\nsubprocess.run(['sleep', '60'])\n")
    with pytest.raises(programs.Failed, match="no answer within 0 seconds"):
        programs.run([str(slow)], b"", seconds=0.2)


def test_a_program_that_is_not_there_is_a_failure(tmp_path: Path) -> None:
    with pytest.raises(programs.Failed, match="cannot be run: No such file"):
        programs.run([str(tmp_path / "absent")], b"", seconds=1)
