"""What is found in a text, and what is not."""

import time
from itertools import pairwise

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polydistill.privacy.personal import Found, find, masked, phone_regions, replaced
from polydistill.records import Lang

EVERYWHERE = phone_regions(
    map(Lang, ("eng", "spa", "deu", "fra", "ita", "dan", "nob", "pol", "ces", "rus", "jpn", "zho", "hin", "fin"))
)


def said(text: str, *languages: str) -> list[tuple[str, str]]:
    """(kind, what) of each, those that can be nobody's by their kind and a mark."""
    found = find(text, phone_regions(map(Lang, languages)))
    return [(one.kind + "?" * one.reserved, text[one.start : one.end]) for one in found]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Write to ana.diaz+news@mail.uni-ulm.de.", "ana.diaz+news@mail.uni-ulm.de"),
        ("mailto:ana@mail.org?subject=Hi", "ana@mail.org"),
        ("Ana <ana@mail.org>, or bob", "ana@mail.org"),
        ("请写信给ana@mail.org吧。", "ana@mail.org"),
        ("ana@mail.org으로 보내세요", "ana@mail.org"),
        ("пиши на аня@почта.рф сейчас", "аня@почта.рф"),
        ("grüße@köln.de", "grüße@köln.de"),
    ],
)
def test_mail(text: str, found: str):
    assert said(text) == [("mail", found)]


@pytest.mark.parametrize(
    "text",
    ["@ana wrote it", "npm i react@18.2.0", "icon@2x.png, photo@3x.jpg", "a @ b", "ana@localhost", "x@y.z", "@", "a@@b.org"],
)  # fmt: skip
def test_no_mail(text: str):
    assert said(text) == []


@pytest.mark.parametrize("host", ["example.com", "mail.example.org", "EXAMPLE.NET", "x.test", "y.example", "z.invalid"])
def test_reserved_mail_is_told_apart(host: str):
    assert said(f"ana@{host}") == [("mail?", f"ana@{host}")]
    assert said("ana@my-example.com") == [("mail", "ana@my-example.com")]


@pytest.mark.parametrize(
    ("text", "lang", "number"),
    [
        ("Call (212) 736-5000 now.", "eng", "(212) 736-5000"),
        ("Call 212-736-5000 now.", "eng", "212-736-5000"),
        ("Call 1-800-736-5000.", "eng", "1-800-736-5000"),
        ("Call 212.736.5000!", "eng", "212.736.5000"),
        ("Llame al 612 345 678.", "spa", "612 345 678"),
        ("Tel. 030 23125-000", "deu", "030 23125-000"),
        ("Tel.: 030/23125000", "deu", "030/23125000"),
        ("au 01 42 68 53 00, svp", "fra", "01 42 68 53 00"),
        ("ring 32 12 34 56", "dan", "32 12 34 56"),
        ("電話は03-3224-5000です", "jpn", "03-3224-5000"),
        ("+44 20 7946 1234", "spa", "+44 20 7946 1234"),
        ("+34612345678", "epo", "+34612345678"),
    ],
)
def test_phone(text: str, lang: str, number: str):
    assert said(text, lang) == [("phone", number)]


@pytest.mark.parametrize("region", sorted(phonenumbers.SUPPORTED_REGIONS))
def test_every_regions_example_is_found_in_international_format(region: str):
    number = phonenumbers.example_number(region)
    for style in (phonenumbers.PhoneNumberFormat.INTERNATIONAL, phonenumbers.PhoneNumberFormat.E164):
        shown = phonenumbers.format_number(number, style)
        assert [text for kind, text in said(f"Call {shown}, or write.")] == [shown]


@pytest.mark.parametrize(
    "text",
    [
        "version 10.15.7 of 2.6.32-431-el6", "127.0.0.1, 192.168.1.100:8080 and 212.227.15.165",
        "2024-05-12, 12.05.2024, 12/05/2024", "2024-05-12 14:30:00 and 12.5.2024 14.30", "from 09:30-17:45",
        "09/1927, 06.1972, 09-1927 and 03 1975", "ISBN 0-65-2067995-1", "part A-612 345 678", "612 345 678.9",
        "1914-1918, 1939–1945, 2010 2015, (2019) 1283", "ISBN 978-0-306-40615-7, 0-306-40615-2, 3-16-148410-0",
        "ISSN 2049-3630", "$1,234,567.89, 1.234.567,89 € and 612.345.678", "3.141592653589793, 3.14159 26535",
        "20! = 2432902008176640000", "2125551234 / 7 = 303650176", "6683 - 6723 = -40", "7447/7261",
        "[6502342131, 2127365000]", "0x2127365000", "pp. 212-736", "40.71278, -74.00600", "arXiv 2402.12204",
        "e3b0c442-98fc-1c14-9afb-f4c8996fb924", "212\n736\n5000", "SKU 212-736-5000-17", "id=2127365000",
    ],
)  # fmt: skip
def test_no_phone(text: str):
    assert said(text) == []
    assert find(text, EVERYWHERE) == []


def test_fictional_numbers_are_told_apart():
    assert said("Call 212-555-0123 or (212) 736-5000.", "eng") == [("phone?", "212-555-0123"), ("phone", "(212) 736-5000")]


def test_national_formats_are_those_of_the_languages():
    assert phone_regions([Lang("eng"), Lang("spa"), Lang("pt-BR"), Lang("epo"), Lang("en-US")]) == ("US", "ES", "BR")
    assert said("612 345 678", "eng") == []
    assert said("612 345 678", "eng", "spa") == [("phone", "612 345 678")]


CARDS = [
    "4111 1111 1111 1111", "4111111111111111", "5500-0000-0000-0004", "2223000048400011", "3400 000000 00009", "30000000000004",
    "6011000000000004", "3566002020360505", "6200000000000005", "6759649826438453",
]  # fmt: skip
"""Numbers that issuers publish for tests; the Luhn checksum of each is right."""


@pytest.mark.parametrize("number", CARDS)
def test_card(number: str):
    assert said(f"My card is {number}, thanks") == [("card", number)]
    wrong = number[:-1] + str((int(number[-1]) + 1) % 10)
    assert said(f"My card is {wrong}, thanks") == []


def test_a_check_code_behind_a_card():
    assert said("4111 1111 1111 1111 123") == [("card", "4111 1111 1111 1111")]


@pytest.mark.parametrize(
    "text",
    [
        "1111 1111 1111 1117",
        "0.4111111111111111",
        "4111111111111111.5",
        "41111111111111110000000",
        "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
    ],
)
def test_no_card(text: str):
    assert said(text) == []


@pytest.mark.parametrize(
    "number", ["GB82 WEST 1234 5698 7654 32", "DE89370400440532013000", "ES91 2100 0418 4502 0005 1332", "NO93 8601 1117 947"]
)
def test_iban(number: str):
    """Examples of the registry."""
    assert said(f"Pay to {number} AND SAY SO", "eng", "deu") == [("iban", number)]
    assert said(f"AB12 {number}.") == [("iban", number)]
    swapped = number[:-2] + number[-1] + number[-2] if number[-1] != number[-2] else f"{number[:-1]}1"
    assert said(f"Pay to {swapped} AND SAY SO") == []


def test_no_iban_of_another_length_or_country():
    assert said("DE8937040044053201300") == []
    assert said("XX82WEST12345698765432") == []


def test_a_phone_number_beside_another_number():
    assert said("(212) 736-5000 4111 1111 1111 1111", "eng") == [("phone", "(212) 736-5000"), ("card", "4111 1111 1111 1111")]


def test_each_place_is_found_once_in_order():
    text = "4111 1111 1111 1111, ana@mail.org, +34 612 345 678 and DE89370400440532013000"
    found = find(text, ("US", "ES"))
    assert [one.kind for one in found] == ["card", "mail", "phone", "iban"]
    assert replaced(text, found, lambda one: one.kind.upper()) == "CARD, MAIL, PHONE and IBAN"
    assert masked(text, found[1]) == "a… (mail)"


@given(st.text(alphabet="a1 .@-+()4é@\n", max_size=60))
def test_any_text_keeps_what_is_not_found(text: str):
    found = find(text, ("US", "ES"))
    assert all(0 <= one.start < one.end <= len(text) for one in found)
    assert all(one.end <= other.start for one, other in pairwise(found))
    assert replaced(text, found, lambda one: text[one.start : one.end]) == text
    assert replaced("ab", [Found("mail", 0, 1)], lambda one: "") == "b"


@pytest.mark.parametrize("part", ["1", "@", "a.a", "a@", "a@a.", "+", "4111 ", "GB82", "(1)", "é", "1-", "a@a.co "])
def test_hostile_texts_take_linear_time(part: str):
    """Of a megabyte, or where each of many numbers is tried, of a part of it."""

    def seconds(length: int) -> float:
        text = part * (length // len(part))
        began = time.process_time()
        find(text, ("US",))
        return time.process_time() - began

    length = 1_000_000 if part[0] not in "4(1" or part == "1" else 100_000
    seconds(1000)  # what is loaded at first use
    assert seconds(length) < 0.5 + 20 * seconds(length // 8)


@pytest.mark.slow
def test_a_number_behind_very_many_others():
    """The matcher gives up after 65,535 numbers that are none, unless it is told not to."""
    assert said("000 0000, " * 66_000 + "212-736-5000", "eng") == [("phone", "212-736-5000")]
