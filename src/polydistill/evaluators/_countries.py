"""Countries and their capitals, in any language that CLDR knows: names by Babel, capitals by countryinfo."""

import json
import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from ..records import Lang, digest
from ..texts import words

ENGLISH = Lang("eng")


class Country(NamedTuple):
    """A country or territory that has one undisputed capital."""

    code: str
    """ISO 3166, such as ``ES``."""
    capital: str
    """In English."""
    region: str
    """The continent."""


def countries(languages: Sequence[Lang]) -> list[Country]:
    """Those whose name gives the capital away neither in English nor in any of these languages."""
    asked = {ENGLISH, *languages}
    return [country for country in _known() if not any(gives_away(country, lang) for lang in asked)]


def country_name(country: Country, lang: Lang) -> str:
    """CLDR's name of the country, the English one where CLDR has none."""
    return _locale(lang).territories.get(country.code) or _locale(ENGLISH).territories[country.code]


@cache
def city(country: Country, lang: Lang) -> str:
    """The capital's name: ours, else CLDR's (as the city of a time zone), else the English one."""
    if own := _ours()["names"].get(country.code, {}).get(lang.alpha3):
        return own
    zones, there = _locale(ENGLISH).time_zones, _locale(lang).time_zones
    for zone in _zones().get(country.code, ()):
        in_english = zones.get(zone, {}).get("city") or zone.rsplit("/", 1)[-1].replace("_", " ")
        if fold(in_english) == fold(country.capital) and (name := there.get(zone, {}).get("city")):
            # CLDR sorts some names by their noun ("Caire, el"), explains others and hints where to break a line.
            name = re.sub(r" \(.*\)|\xad", "", name)
            return re.sub(r"^(.*), (.*)$", r"\2 \1", name)
    return country.capital


@cache
def distractors(country: Country) -> list[Country]:
    """Three countries of the same continent with other capitals, the same ones in every language, chosen by hash."""
    near = {fold(other.capital): other for other in countries(()) if other.region == country.region}
    near.pop(fold(country.capital), None)
    return sorted(near.values(), key=lambda other: digest([country.code, other.code]))[:3]


def gives_away(country: Country, lang: Lang) -> bool:
    """Whether the country's name and the capital's share a word of 4 letters or more, or one lies in the other."""
    name = fold(country_name(country, lang))
    for capital in (fold(country.capital), fold(city(country, lang))):
        one, other = name.replace(" ", ""), capital.replace(" ", "")
        if one in other or other in one or any(len(word) > 3 for word in {*name.split()} & {*capital.split()}):
            return True
    return False


def fold(text: str) -> str:
    """The words in small letters without diacritics, a space between each two."""
    bare = (c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c) and c not in "'’‘ʻ")
    return " ".join(words("".join(bare)))


@cache
def _known() -> tuple[Country, ...]:
    from countryinfo import CountryInfo, CountryNotFoundError

    found = []
    for code in sorted(set(_locale(ENGLISH).territories) - set(_ours()["left_out"])):
        try:
            info: Any = CountryInfo(code).info() if re.fullmatch("[A-Z]{2}", code) else {}
        except CountryNotFoundError:
            continue
        if info.get("ISO", {}).get("alpha2") == code and isinstance(info["capital"], str) and info["capital"]:
            capital = _ours()["names"].get(code, {}).get("eng", info["capital"])
            found.append(Country(code, capital, info["region"]))
    return tuple(found)


@cache
def _ours() -> dict[str, dict[str, Any]]:
    return json.loads((files("polydistill") / "data" / "capitals.json").read_text("utf-8"))


@cache
def _zones() -> dict[str, list[str]]:
    from babel.core import get_global

    zones: dict[str, list[str]] = {}
    for zone, code in get_global("zone_territories").items():
        zones.setdefault(code, []).append(zone)
    return zones


@cache
def _locale(lang: Lang) -> Any:
    from babel import Locale, UnknownLocaleError

    try:
        return Locale.parse(lang.bcp47, sep="-")
    except (UnknownLocaleError, ValueError):
        return Locale("en")
