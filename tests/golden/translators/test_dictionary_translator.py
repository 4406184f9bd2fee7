from pathlib import Path

import pytest
import tiny_translators as tiny

from polydistill import models
from polydistill.component import find
from polydistill.records import Lang
from polydistill.translators import NoTranslation

ENG, SPA = Lang("eng"), Lang("spa")


@pytest.fixture
def dictionary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(models, "CACHE", tmp_path / "cache")
    entries = {"House": "casa", "the": "la", "well-known": "conocida", "well": "pozo", "don't": "no", "tv": "tele", "a": "una"}
    return find("translators", "dictionary")(path=tiny.words(tmp_path / "words.tsv", entries), source=ENG, target=SPA)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("the house", "la casa"),
        ("The HOUSE, the TV!", "La CASA, la TELE!"),
        ("A  house\u00a0(5)", "Una  casa\u00a0(5)"),
        ("an unknown house", "an unknown casa"),
        ("Don't, well-known, well-off", "No, conocida, pozo-off"),
        ("house's", "casa's"),
        ("'", "'"),
        ("", ""),
    ],
)
def test_words(dictionary, text: str, expected: str) -> None:
    with dictionary.open() as translator:
        assert translator.translate([text], ENG, SPA) == [expected]


def test_what_is_missing_is_named(dictionary) -> None:
    dictionary.path.unlink()
    with pytest.raises(NoTranslation, match=r"no dictionary at .*words\.tsv; it is a text file"):
        dictionary.check(ENG, SPA)
    with pytest.raises(NoTranslation, match="from eng to spa, not from spa to eng"):
        dictionary.check(SPA, ENG)
