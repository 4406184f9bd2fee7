"""Apertium's modes and packages, and chains of them."""

import pytest

from polydistill.records import Lang
from polydistill.translators import _apertium_pairs as pairs

ENG, SPA, CAT, POR, GLG = (Lang(code) for code in ("eng", "spa", "cat", "por", "glg"))


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
