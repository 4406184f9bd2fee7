"""Personal data in a text: mail addresses, phone numbers, payment cards and bank accounts (IBAN).

Names, postal addresses, dates of birth, passwords and numbers of documents have no form of their own and are not looked for.
Every pattern is bounded, so that no text takes more than linear time.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache, partial
from typing import NamedTuple

import langcodes
import regex

from ..records import Lang

KINDS = ("mail", "phone", "card", "iban")


class Found(NamedTuple):
    """One piece of personal data in a text."""

    kind: str
    start: int
    end: int
    reserved: bool = False
    """It can be nobody's: a mail address at example.com and the like (RFC 2606), a North American number 555-01xx."""


def find(text: str, regions: Sequence[str] = ()) -> list[Found]:
    """What is there, in order and without overlaps.

    National phone formats count where they are of one of these `phone_regions`, international ones (``+44 ...``) always.
    """
    found: list[Found] = []
    for look in (_mails, _ibans, _cards, *(partial(_phones, region) for region in regions or (None,))):
        rest = replaced(text, found, lambda one: "," * (one.end - one.start))  # what was found is no part of anything else
        found = sorted([*found, *look(rest)], key=lambda one: one.start)
    return found


def replaced(text: str, found: Iterable[Found], by: Callable[[Found], str]) -> str:
    """The text with something else in the place of each."""
    parts, at = [], 0
    for one in found:
        parts += [text[at : one.start], by(one)]
        at = one.end
    return "".join((*parts, text[at:]))


def masked(text: str, one: Found) -> str:
    """What may be shown of it: its first character and its kind."""
    return f"{text[one.start]}… ({one.kind})"


_LETTER = r"\p{Latin}\p{Cyrillic}\p{Greek}0-9"
"""Of scripts that part words with spaces: an address in Chinese text has none around it."""
_MAIL = regex.compile(
    rf"(?<![{_LETTER}._%+-])[{_LETTER}._%+-]{{1,64}}@((?:[{_LETTER}](?:[{_LETTER}-]{{0,62}}[{_LETTER}])?\.){{1,8}}"
    rf"(?!(?:png|jpe?g|gif|svg|webp)\b)[\p{{Latin}}\p{{Cyrillic}}\p{{Greek}}]{{2,24}})(?![{_LETTER}])"
)
_RESERVED = regex.compile(r"(?i)(.*\.)?(example\.(com|net|org)|test|example|invalid|localhost)")


def _mails(text: str) -> Iterator[Found]:
    for match in _MAIL.finditer(text) if "@" in text else ():
        yield Found("mail", *match.span(), reserved=_RESERVED.fullmatch(match[1]) is not None)


_IBAN = regex.compile(r"(?<![A-Za-z0-9])(?=([A-Z]{2})\d\d(?:[ -]?[A-Z0-9]){11,30})")


def _ibans(text: str) -> Iterator[Found]:
    from stdnum import iban

    for match in _IBAN.finditer(text):
        whole = _iban_of(match[1]).match(text, match.start())
        if whole and iban.is_valid(whole[0], check_country=False):
            yield Found("iban", *whole.span())


@cache
def _iban_of(country: str) -> regex.Pattern[str]:
    """As many characters as a country's account numbers have; matches nothing where it has none."""
    from stdnum import numdb

    structure = numdb.get("iban").info(country)[0][1].get("bban", "")
    length = 3 + sum(map(int, regex.findall(r"\d+", structure)))
    return regex.compile(rf"[A-Z](?:[ -]?[A-Z0-9]){{{length}}}(?![A-Za-z0-9])" if structure else r"(?!)")


_CARD = regex.compile(
    rf"(?<![{_LETTER}_+][.,-]?)"
    r"(?:\d{13,19}|\d{4}([ -])\d{4}\1\d{4}\1\d{1,4}(?:\1\d{1,3})?|\d{4}([ -])\d{6}\2\d{4,5})"
    rf"(?![.,-]?[{_LETTER}_])"
)
_ISSUERS = regex.compile(
    r"4\d{12}(?:\d{3}){0,2}|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}"  # Visa, Mastercard
    r"|3[47]\d{13}|3(?:0[0-5]|[689]\d)\d{11}(?:\d\d)?|35(?:2[89]|[3-8]\d)\d{12,15}"  # American Express, Diners Club, JCB
    r"|(?:6011|64[4-9]\d|65\d\d|62\d\d|81\d\d|60\d\d|508\d)\d{12,15}"  # Discover, UnionPay, RuPay
    r"|(?:5018|5020|5038|5893|6304|6759|676[1-3])\d{9,15}|220[0-4]\d{12,15}"  # Maestro, Mir
)
"""Prefixes and lengths of the issuers' numbers (ISO/IEC 7812)."""


def _cards(text: str) -> Iterator[Found]:
    from stdnum import luhn

    for match in _CARD.finditer(text):
        for said in (match[0], match[0][:19]):  # a check code may stand behind four groups of four
            number = regex.sub(r"\D", "", said)
            if _ISSUERS.fullmatch(number) and luhn.is_valid(number):
                yield Found("card", match.start(), match.start() + len(said))
                break


def phone_regions(languages: Iterable[Lang]) -> tuple[str, ...]:
    """The region that each language states, or else where most of its speakers live; none for Esperanto and the like."""
    from phonenumbers import SUPPORTED_REGIONS

    regions = (langcodes.get(language).maximize().territory for language in languages)
    return tuple(dict.fromkeys(region for region in regions if region in SUPPORTED_REGIONS))


_YEAR = r"(?:1[0-9]|20)\d\d"
_NO_PHONE = regex.compile(
    "|".join((
        r"[\[(]?\d+[\])]?", r".*\n.*", r".*\d[ -]\d",  # a bare number, two lines, an ISBN
        r"\d{1,3}(?:\.\d{1,3}){3}", r"\d{1,3}(?:\.\d{3})+", r"\d+\.\d+",  # an IP address, thousands, a decimal
        r"[1-9]\d* ?(?:[-–] ?\d{1,5}|/ ?\d+)", rf"\(?{_YEAR}\W{{1,4}}{_YEAR}",  # a difference, fraction or ISSN, two years
        rf"{_YEAR}[-./ ]\d\d?[-./ ]\d\d?(?:\D.*)?", rf"\d\d?[-./ ]\d\d?[-./ ](?:\d\d|{_YEAR}(?:\D.*)?)",  # a date
    ))
)  # fmt: skip
_BEFORE, _AFTER = regex.compile(rf"[{_LETTER}_][-.,:/]?$"), regex.compile(rf"[-.,:/]?[{_LETTER}_]")
"""What makes it a part of something longer: a version, a hash, a name."""


def _phones(region: str | None, text: str) -> Iterator[Found]:
    if not regex.search(r"\d(?:\D{0,5}\d){6}", text):
        return
    from phonenumbers import Leniency, PhoneNumberMatcher

    # Without `max_tries` as high as this it would give up on a text of many numbers and say nothing.
    for match in PhoneNumberMatcher(text, region, Leniency.STRICT_GROUPING, max_tries=len(text)):
        said, start, end = match.raw_string, match.start, match.end
        longer = _BEFORE.search(text, max(0, start - 2), start) or _AFTER.match(text, end)
        if sum(map(str.isdigit, said)) >= 7 and not longer and not _NO_PHONE.fullmatch(said):
            fiction = match.number.country_code == 1 and str(match.number.national_number)[3:8] == "55501"
            yield Found("phone", start, end, fiction)
