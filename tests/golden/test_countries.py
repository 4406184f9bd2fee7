import pytest

from polydistill.evaluators._countries import city, countries, country_name, distractors, fold, gives_away
from polydistill.records import Lang

ENG, SPA = Lang("eng"), Lang("spa")
ALL = {country.code: country for country in countries(())}
CAPITALS = {
    "FR": "Paris", "AU": "Canberra", "BR": "Brasília", "CA": "Ottawa", "TR": "Ankara", "CH": "Bern", "NG": "Abuja",
    "TZ": "Dodoma", "MM": "Naypyidaw", "US": "Washington", "NZ": "Wellington", "PK": "Islamabad", "VN": "Hanoi",
    "CI": "Yamoussoukro", "BZ": "Belmopan", "PW": "Ngerulmud", "UA": "Kyiv", "ME": "Podgorica", "SS": "Juba", "TL": "Dili",
}  # fmt: skip


def test_capitals_that_quizzes_get_wrong():
    assert {code: ALL[code].capital for code in CAPITALS} == CAPITALS


def test_disputed_shared_and_outdated_ones_are_out():
    assert not {"KZ", "BI", "LK", "BO", "ZA", "SZ", "IL", "PS", "EH", "HK", "AN", "CS", "AQ"} & ALL.keys()


def test_names_that_give_the_capital_away_are_out():
    assert not {"SG", "MX", "GT", "KW", "DJ", "CD", "SV", "TN", "LU", "GW", "ST"} & ALL.keys()
    assert {"DZ", "BR"} <= ALL.keys()
    assert not {"DZ", "BR"} & {country.code for country in countries([SPA])}  # Argelia and Argel, Brasil and Brasilia
    assert not gives_away(ALL["FR"], SPA)


@pytest.mark.parametrize(
    ("code", "lang", "country", "capital"),
    [
        ("JP", "spa", "Japón", "Tokio"), ("CN", "spa", "China", "Pekín"), ("AT", "deu", "Österreich", "Wien"),
        ("RU", "ita", "Russia", "Mosca"), ("EG", "cat", "Egipte", "el Caire"), ("IS", "deu", "Island", "Reykjavík"),
        ("LY", "fra", "Libye", "Tripoli"), ("NG", "epo", "Niĝerio", "Abuja"), ("TH", "swa", "Tailandi", "Bangkok"),
        ("GR", "hin", "यूनान", "एथेंस"), ("FR", "tlh", "France", "Paris"), ("PT", "pt-BR", "Portugal", "Lisboa"),
    ],
)  # fmt: skip
def test_names_in_other_languages(code, lang, country, capital):
    assert country_name(ALL[code], Lang(lang)) == country
    assert city(ALL[code], Lang(lang)) == capital


def test_distractors_are_other_capitals_of_the_continent():
    for country in ALL.values():
        others = distractors(country)
        assert {other.region for other in others} == {country.region}
        assert len({fold(c.capital) for c in (country, *others)}) == 4


def test_folding():
    assert fold("N'Djamena") == fold("NDJAMENA")
    assert fold("Bogotá, D.C.") == "bogota d c"
    assert fold("Washington") == "washington"
