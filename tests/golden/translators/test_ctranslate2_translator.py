import json
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import tiny_translators as tiny

from polydistill import models
from polydistill.component import find
from polydistill.records import Lang
from polydistill.translators import NoTranslation
from polydistill.translators._models import BadFolder, adds_end, known, tokenizer

ENG, SPA = Lang("eng"), Lang("spa")
CTranslate2 = find("translators", "ctranslate2")

FAMILIES = {
    "nllb": (
        ["eng_Latn", "spa_Latn", "arb_Arab", "kor_Hang", "zho_Hant"],
        {"ara": "arb_Arab", "kor": "kor_Hang", "zh-Hant": "zho_Hant"},
    ),
    "m2m": (["__en__", "__es__", "__zh__", "__ns__"], {"eng": "__en__", "pt-BR": None, "zho": "__zh__"}),
    "madlad": (["<2en>", "<2es>", "<2sr_Latn>", "<2>"], {"spa": "<2es>", "sr-Latn": "<2sr_Latn>"}),
    "marian": ([">>spa<<", ">>cat<<", ">>pt_BR<<"], {"spa": ">>spa<<", "es-MX": ">>spa<<", "pt-BR": ">>pt_BR<<"}),
}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "CACHE", tmp_path / "cache")


def folder(path: Path, vocabulary: list[str], **config: object) -> Path:
    """A folder that holds what is read before a model is loaded."""
    path.mkdir(parents=True, exist_ok=True)
    (path / "model.bin").write_bytes(b"")
    (path / "shared_vocabulary.json").write_text(json.dumps(["<s>", "</s>", "▁the", "e", *vocabulary]), "utf-8")
    (path / "config.json").write_text(json.dumps(config), "utf-8")
    return path


@pytest.mark.parametrize("package", ["ctranslate2", "sentencepiece"])
def test_a_missing_package_is_said_with_the_command_that_installs_it(
    package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = sys.modules[CTranslate2.__module__]
    monkeypatch.setattr(module, "find_spec", lambda name: None if name == package else find_spec(name))
    with pytest.raises(NoTranslation, match=rf"{package} is not installed; install it with: pip install 'polydistill\[ct2\]'"):
        CTranslate2(path=tmp_path).check(ENG, SPA)


@pytest.mark.parametrize("family", FAMILIES)
def test_families_and_their_tokens(family: str, tmp_path: Path) -> None:
    vocabulary, tokens = FAMILIES[family]
    found = known(folder(tmp_path, vocabulary))
    assert found.family == family
    assert {code: found.token(Lang(code)) for code in tokens} == tokens


def test_a_text_vocabulary_and_a_model_of_two_languages(tmp_path: Path) -> None:
    path = folder(tmp_path, [])
    (path / "shared_vocabulary.json").unlink()
    (path / "source_vocabulary.txt").write_text("<s>\n</s>\n▁the\n", "utf-8")
    assert known(path) == ("marian", {})


def test_the_end_of_the_source_is_added_once(tmp_path: Path) -> None:
    assert adds_end(folder(tmp_path / "a", [], add_source_eos=True))
    assert not adds_end(folder(tmp_path / "b", [], add_source_eos=False))


@pytest.mark.parametrize(
    ("remove", "vocabulary", "said"),
    [
        ("model.bin", [], "no model.bin.*ct2-transformers-converter"),
        ("shared_vocabulary.json", [], "has no vocabulary"),
        (None, ["madeupword0"], "without its language tokens"),
    ],
)
def test_what_is_no_model_is_said(tmp_path: Path, remove: str | None, vocabulary: list[str], said: str) -> None:
    path = folder(tmp_path, vocabulary)
    if remove:
        (path / remove).unlink()
    with pytest.raises(BadFolder, match=said):
        known(path)


def test_a_folder_without_a_tokenizer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadFolder, match=r"copy one of sentencepiece\.bpe\.model.* or tokenizer\.json"):
        tokenizer(folder(tmp_path, []))


def test_a_tokenizer_json_cuts_and_joins(tmp_path: Path) -> None:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    inner = Tokenizer(models.WordLevel({"▁the": 0, "▁house": 1, "<unk>": 2}, unk_token="<unk>"))
    inner.pre_tokenizer, inner.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    inner.save(str(folder(tmp_path, []) / "tokenizer.json"))
    found = tokenizer(tmp_path)
    assert found.cut(["the house", ""]) == [["▁the", "▁house"], []]
    assert found.join([["▁the", "▁house", "not in it"], []]) == ["the house", ""]


@pytest.mark.parametrize(
    ("vocabulary", "pair", "asked", "said"),
    [
        (["eng_Latn", "spa_Latn"], None, ("eng", "fin"), r"does not know fin \(Finnish\); it knows eng, spa"),
        (["eng_Latn", "spa_Latn"], None, ("fin", "spa"), "does not know fin"),
        (["<2es>"], None, ("fin", "eng"), "does not know eng"),
        ([], None, ("eng", "spa"), r"say which, `pair: \[eng, spa\]`"),
        ([], ("eng", "cat"), ("eng", "spa"), "translates eng-cat, not eng-spa"),
    ],
)
def test_pairs_that_are_refused(tmp_path: Path, vocabulary: list[str], pair: tuple | None, asked: tuple, said: str) -> None:
    with pytest.raises(NoTranslation, match=said):
        CTranslate2(path=folder(tmp_path, vocabulary), pair=pair).check(Lang(asked[0]), Lang(asked[1]))


def test_pairs_that_pass(tmp_path: Path) -> None:
    CTranslate2(path=folder(tmp_path / "a", ["<2es>"])).check(Lang("fin"), SPA)
    CTranslate2(path=folder(tmp_path / "b", []), pair=("eng", "spa")).check(ENG, SPA)
    CTranslate2(path=folder(tmp_path / "c", ["__en__", "__pt__"])).check(Lang("en-US"), Lang("pt-BR"))


class Recorder:
    """Stands before a model and keeps what it was given."""

    def __init__(self, model: object):
        self.model, self.given = model, {}

    def translate_batch(self, source: list[list[str]], **how: object) -> object:
        self.given = {"source": source, **how}
        return self.model.translate_batch(source, **how)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("tokens", "before", "prefix"),
    [
        (("eng_Latn", "spa_Latn"), ["eng_Latn"], ["spa_Latn"]),
        (("__en__", "__es__"), ["__en__"], ["__es__"]),
        (("<2en>", "<2es>"), ["<2es>"], None),
        ((">>eng<<", ">>spa<<"), [">>spa<<"], None),
        ((), [], None),
    ],
)
def test_how_each_family_is_told_the_languages(tmp_path: Path, tokens: tuple, before: list, prefix: list | None) -> None:
    path = tiny.ct2_model(tmp_path / "model", tokens)
    pair = None if tokens else (ENG, SPA)
    with CTranslate2(path=path, max_tokens=20, device="cpu", pair=pair).open() as translator:
        translator._model = recorder = Recorder(translator._model)
        found = translator.translate(["the house", "", "12"], ENG, SPA)
        cut = tokenizer(path).cut(["the house", "12"])
    assert recorder.given["source"] == [[*before, *some, "</s>"] for some in cut]
    assert recorder.given["target_prefix"] == ([prefix] * 2 if prefix else None)
    assert found[1] == ""
    assert not any(token in (text or "") for text in found for token in tokens)


def test_what_is_too_long_or_does_not_end_has_no_translation(tmp_path: Path) -> None:
    endless = tiny.ct2_model(tmp_path / "endless", end=-1000)
    with CTranslate2(path=endless, max_tokens=20, device="cpu").open() as translator:
        assert translator.translate(["the house", ""], ENG, SPA) == [None, ""]
    willing = tiny.ct2_model(tmp_path / "willing", end=1000)
    with CTranslate2(path=willing, max_tokens=20, device="cpu").open() as translator:
        found = translator.translate(["the house", "the house " * 20], ENG, SPA)
    assert found[0] is not None
    assert found[1] is None


def test_the_licence_is_read_from_the_card(tmp_path: Path) -> None:
    path = folder(tmp_path / "nllb", ["eng_Latn"])
    assert CTranslate2(path=path).about()["licence"].startswith("unknown")
    (path / "README.md").write_text("---\nlanguage: [en]\nlicense: cc-by-nc-4.0\n---\n# NLLB\n", "utf-8")
    assert CTranslate2(path=path).about() == {"name": "nllb", "licence": "cc-by-nc-4.0"}


def test_what_decides_the_result_is_in_the_identity(tmp_path: Path) -> None:
    path = folder(tmp_path / "nllb", ["eng_Latn"])
    one = CTranslate2(path=path)
    assert one.identity() == CTranslate2(path=path, batch_tokens=7, device="cpu").identity()
    for changed in ({"beam": 1}, {"max_tokens": 9}, {"compute_type": "int8"}, {"pair": ("eng", "spa")}):
        assert CTranslate2(path=path, **changed).identity() != one.identity()
