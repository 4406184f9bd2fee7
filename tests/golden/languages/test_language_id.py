import socket
from pathlib import Path

import pytest
from tiny_identifier import renamed_labels

from polydistill.languages.language_id import RECOGNISED, akin, detector_label, identifier, identify, scores, surely_other
from polydistill.records import Lang
from polydistill.sources import BadInput

SPANISH = "Todos los seres humanos nacen libres e iguales en dignidad y derechos y deben comportarse fraternalmente."
GALICIAN = (
    "Tódolos seres humanos nacen libres e iguais en dignidade e dereitos e débense comportar fraternalmente uns cos outros."
)
ENGLISH = "All human beings are born free and equal in dignity and rights and should act towards one another kindly."
JAPANESE = "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。"


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.mark.parametrize(("text", "lang"), [(SPANISH, "spa"), (ENGLISH, "eng"), (JAPANESE, "jpn"), (SPANISH.upper(), "spa")])
def test_identify(text: str, lang: str) -> None:
    found, score = identify(text)
    assert found == Lang(lang)
    assert 0.5 < score <= 1


@pytest.mark.parametrize("text", ["", " \n", "12 34 !?", "😀"])
def test_nothing_is_identified_without_a_letter(text: str) -> None:
    assert identify(text) == (None, 0.0)
    assert scores(text) == {}


@pytest.mark.parametrize("text", ["a\x00b", "\ud800 x", "x" * 100_000, f"{SPANISH}\n{SPANISH}\u2028{SPANISH}"])
def test_strange_text_is_no_error(text: str) -> None:
    _, score = identify(text)
    assert 0 <= score <= 1


def test_lines_after_the_first_count() -> None:
    assert identify(f"Hello.\n{SPANISH} {SPANISH}")[0] == Lang("spa")


def test_scores_are_probabilities_of_every_label_best_first() -> None:
    found = scores(SPANISH)
    assert len(found) == 176
    assert list(found.values()) == sorted(found.values(), reverse=True)
    assert sum(found.values()) == pytest.approx(1, abs=0.01)
    assert next(iter(found)) == "es"


@pytest.mark.parametrize(
    ("lang", "label"),
    [
        ("spa", "es"), ("pt-BR", "pt"), ("zh-Hant", "zh"), ("nob", "no"), ("swh", "sw"), ("fil", "tl"), ("sr-Latn", "sh"),
        ("gsw", "als"), ("sqi", "sq"), ("ast", "ast"), ("tlh", None),
    ],
)  # fmt: skip
def test_labels(lang: str, label: str | None) -> None:
    assert detector_label(Lang(lang)) == label


def test_every_label_has_a_language_of_its_own_and_comes_back() -> None:
    languages = identifier().languages
    assert len(set(languages.values())) == len(languages) == 176
    assert all(detector_label(language) == label for label, language in languages.items())
    assert set(languages) >= RECOGNISED


@pytest.mark.parametrize(
    ("one", "other"), [("glg", "por"), ("cat", "spa"), ("ast", "spa"), ("nob", "dan"), ("hrv", "srp"), ("pt-BR", "pt")]
)
def test_kin(one: str, other: str) -> None:
    assert akin(Lang(one), Lang(other))
    assert akin(Lang(other), Lang(one))


@pytest.mark.parametrize(("one", "other"), [("eng", "spa"), ("deu", "eng"), ("tlh", "eng"), ("rus", "ukr")])
def test_no_kin(one: str, other: str) -> None:
    assert not akin(Lang(one), Lang(other))


def test_surely_other() -> None:
    assert surely_other(ENGLISH, Lang("spa"))
    assert surely_other(SPANISH, Lang("eng"))
    assert surely_other(JAPANESE, Lang("spa"))
    assert not surely_other(SPANISH, Lang("spa"))
    assert not surely_other("All human beings are born free.", Lang("spa")), "eleven words or fewer are too few"
    assert not surely_other(JAPANESE[:23], Lang("spa")), "as are 23 characters without spaces"


def test_languages_that_the_identifier_confuses_are_never_rejected() -> None:
    for language in ("por", "glg", "cat", "ast"):
        assert not surely_other(SPANISH, Lang(language))
        assert not surely_other(GALICIAN, Lang(language))
    for unknown in ("tlh", "yue", "sco"):
        assert detector_label(Lang(unknown)) not in RECOGNISED
        assert not surely_other(ENGLISH, Lang(unknown))


def test_text_without_letters_is_in_no_other_language() -> None:
    assert not surely_other("1 2 3 4 5 6 7 8 9 10 11 12 13", Lang("spa"))


@pytest.fixture
def glotlid(tmp_path: Path) -> Path:
    return renamed_labels(tmp_path / "model.bin")


def test_a_file_of_ones_own_says_what_lid_176_does_under_its_own_labels(glotlid: Path) -> None:
    own = identifier(glotlid)
    assert own.name == "model.bin"
    assert own.scores(SPANISH, k=1) == {"spa_Latn": scores(SPANISH)["es"]}
    assert len(own.scores(SPANISH)) == 176


@pytest.mark.parametrize(
    ("lang", "labels"),
    [
        ("spa", {"spa_Latn"}), ("es-MX", {"spa_Latn"}), ("zho", {"cmn_Hani"}), ("zh-Hant", {"cmn_Hani"}), ("kor", {"kor_Hang"}),
        ("srp", {"srp_Cyrl"}), ("sr-Latn", {"srp_Latn"}), ("sr-Latn-RS", {"srp_Latn"}), ("nob", {"no"}), ("tlh", set()),
        ("epo", set()),
    ],
)  # fmt: skip
def test_labels_of_a_file_of_ones_own(glotlid: Path, lang: str, labels: set[str]) -> None:
    assert identifier(glotlid).labels(Lang(lang)) == labels


def test_labels_that_name_no_language_are_known_as_none(glotlid: Path) -> None:
    own = identifier(glotlid)
    assert "zxx_Latn" in own.scores(SPANISH)
    assert "zxx_Latn" not in own.languages
    assert (own.languages["cmn_Hani"], own.languages["kor_Hang"]) == (Lang("zho"), Lang("kor"))


def test_a_file_that_is_no_identifier_is_refused_with_what_to_do(glotlid: Path, tmp_path: Path) -> None:
    identifier(glotlid).check()
    identifier().check()
    with pytest.raises(FileNotFoundError, match=r"no file .*nothing\.bin"):
        identifier(tmp_path / "nothing.bin").check()
    page = tmp_path / "page.bin"
    page.write_text("<html>Sign in to download</html>")
    with pytest.raises(BadInput, match=r"page\.bin is no fastText model; GlotLID's model\.bin lies at https://huggingface\.co"):
        identifier(page).check()
    short = tmp_path / "short.bin"
    short.write_bytes(glotlid.read_bytes()[:300_000])
    with pytest.raises(BadInput, match=r"short\.bin is cut short; download it once more"):
        identifier(short).check()
    with pytest.raises(BadInput, match=r"short\.bin is cut short; download it once more"):
        identifier(short).scores(SPANISH)
