import pytest

from polydistill import guard
from polydistill.component import find
from polydistill.records import Lang
from polydistill.translators import NoTranslation


def test_it_stands_for_no_translation() -> None:
    nothing = find("translators", "none")()
    assert nothing.translates is False
    nothing.check(Lang("eng"), Lang("swa"))
    with nothing.open() as translator:
        assert [one.text for one in guard.translate(translator, ["A cat."], Lang("eng"), Lang("eng"))] == ["A cat."]
        with pytest.raises(NoTranslation, match="`translator: none` gives no Swahili"):
            guard.translate(translator, ["A cat."], Lang("eng"), Lang("swa"))
        with pytest.raises(NoTranslation, match="translator: none"):
            translator.translate(["x"], Lang("eng"), Lang("spa"))
