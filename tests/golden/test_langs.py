"""Languages by any of their codes."""

import pytest
from pydantic import TypeAdapter, ValidationError

from polydistill.langs import Lang


@pytest.mark.parametrize(
    ("codes", "iso", "bcp47", "script"),
    [
        (("es", "spa", "SPA", " es ", "spa_Latn", "es-Latn"), "spa", "es", "Latn"),
        (("pt-BR", "por_BR", "pt-Latn-BR"), "por-BR", "pt-BR", "Latn"),
        (("no", "nor"), "nor", "no", "Latn"),
        (("nb", "nob_Latn"), "nob", "nb", "Latn"),
        (("ar", "ara", "arb_Arab", "arb"), "ara", "ar", "Arab"),
        (("sw", "swa", "swh_Latn", "swh"), "swa", "sw", "Latn"),
        (("fa", "pes_Arab"), "fas", "fa", "Arab"),
        (("zh", "cmn"), "zho", "zh", "Hans"),
        (("zh-Hant", "zho_Hant"), "zho-Hant", "zh-Hant", "Hant"),
        (("yue",), "yue", "yue", "Hant"),
        (("he", "iw", "heb_Hebr"), "heb", "he", "Hebr"),
        (("sr-Latn", "srp_Latn"), "srp-Latn", "sr-Latn", "Latn"),
        (("zh", "zh-Hans", "zho_Hans"), "zho", "zh", "Hans"),
        (("zh-TW", "zh-Hant-TW"), "zho-TW", "zh-TW", "Hant"),
        (("sr", "srp_Cyrl"), "srp", "sr", "Cyrl"),
        (("ast", "ast_Latn"), "ast", "ast", "Latn"),
        (("npi_Deva", "ne"), "nep", "ne", "Deva"),
    ],
)
def test_a_language_is_one_value_by_any_of_its_codes(codes: tuple[str, ...], iso: str, bcp47: str, script: str):
    for code in codes:
        lang = Lang(code)
        assert lang == iso
        assert isinstance(lang, Lang)
        assert (lang.bcp47, lang.script) == (bcp47, script)
        assert lang.alpha3 == iso.split("-")[0]
        assert Lang(lang) == Lang(lang.bcp47) == lang


def test_a_region_says_something_and_is_kept():
    assert Lang("pt-BR") != Lang("pt")
    assert (Lang("pt-BR").region, Lang("pt").region) == ("BR", None)
    assert Lang("pt-BR").language == Lang("por").language == "pt"


def test_names_of_languages():
    assert (Lang("no").english_name, Lang("no").own_name) == ("Norwegian", "norsk")
    assert (Lang("spa").english_name, Lang("spa").own_name) == ("Spanish", "español")
    assert Lang("pt-BR").english_name == "Portuguese (Brazil)"
    assert Lang("tlh").own_name == "Klingon"


@pytest.mark.parametrize("code", ["english", "xx", "", " ", "spa-", "False", "x-private", "und", "mul", "zxx", "../spa", "e"])
def test_what_is_no_language_is_refused(code: str):
    with pytest.raises(ValueError, match=r"is no language code; give ISO 639-3 \(spa\) or BCP-47"):
        Lang(code)


def test_a_languages_name_gets_its_code():
    with pytest.raises(ValueError, match="for Spanish that is spa"):
        Lang("Spanish")


def test_a_language_is_read_and_written_as_its_code():
    reader = TypeAdapter(Lang)
    assert reader.validate_python("es") == "spa"
    assert reader.dump_json(Lang("pt-BR")) == b'"por-BR"'
    with pytest.raises(ValidationError, match="is no language code"):
        reader.validate_python(False)  # what a YAML 1.1 reader makes of Norwegian's `no`
