"""XML from strangers: streamed, numbered, and nothing expanded or fetched."""

from pathlib import Path

import pytest

from polydistill.reading import LeftOut
from polydistill.sources import BadInput
from polydistill.sources._xml import elements


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "units.tmx"


def texts(path: Path, content: str | bytes, skip: bool = False) -> list[tuple[int, str]]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    out = LeftOut(path, "skip" if skip else "stop")
    return [(line, "".join(found.itertext())) for line, found in elements(path, "tu", out)]


def test_elements_come_with_the_line_they_begin_on(path: Path) -> None:
    assert texts(path, "<body>\n<tu>one</tu><tu>two</tu>\n<x><tu>three <i>and</i>\n more</tu></x></body>") == [
        (2, "one"),
        (2, "two"),
        (3, "three and\n more"),
    ]


def test_attributes_and_namespaces_are_kept(path: Path) -> None:
    path.write_text('<a:body xmlns:a="urn:a"><a:tu id="7" xml:lang="en"><b/></a:tu></a:body>')
    ((_, unit),) = elements(path, "tu", LeftOut(path))
    assert unit.tag == "{urn:a}tu"
    assert unit.attrib == {"id": "7", "{http://www.w3.org/XML/1998/namespace}lang": "en"}
    assert [child.tag for child in unit] == ["b"]


def test_an_element_in_its_own_kind_is_part_of_the_outer_one(path: Path) -> None:
    assert texts(path, "<b><tu>one<tu>two</tu></tu></b>") == [(1, "onetwo")]


def test_the_encoding_is_the_one_the_file_states(path: Path) -> None:
    assert texts(path, '<?xml version="1.0" encoding="ISO-8859-1"?><b><tu>caf\xe9</tu></b>'.encode("latin-1")) == [(1, "café")]
    assert texts(path, '<?xml version="1.0" encoding="UTF-16"?><b><tu>café</tu></b>'.encode("utf-16")) == [(1, "café")]


def test_a_document_type_that_declares_nothing_is_let_pass_and_not_fetched(path: Path) -> None:
    assert texts(path, '<!DOCTYPE tmx SYSTEM "http://localhost:1/absent.dtd"><b><tu>one &amp; two</tu></b>') == [
        (1, "one & two")
    ]


@pytest.mark.parametrize(
    "declared",
    [
        '<!DOCTYPE b [<!ENTITY e "text">]>',
        '<!DOCTYPE b [<!ENTITY e SYSTEM "file:///etc/hostname">]>',
        '<!DOCTYPE b [<!ENTITY % e SYSTEM "http://localhost:1/x.dtd"> %e;]>',
        '<!DOCTYPE b [<!ENTITY a "xxxxxxxxxx"><!ENTITY e "&a;&a;&a;&a;&a;&a;">]>',
    ],
)
@pytest.mark.parametrize("skip", [False, True])
def test_declared_entities_are_refused_even_where_rows_may_be_skipped(path: Path, declared: str, skip: bool) -> None:
    with pytest.raises(BadInput, match=r"units\.tmx, line 2: the XML entity '[ae]' is refused"):
        texts(path, f'<?xml version="1.0"?>\n{declared}\n<b><tu>&e;</tu></b>', skip)


def test_an_entity_left_to_a_document_type_elsewhere_is_refused(path: Path) -> None:
    with pytest.raises(BadInput, match="line 1: the XML entity 'nbsp' is refused"):
        texts(path, '<!DOCTYPE b SYSTEM "x.dtd"><b><tu>a&nbsp;b</tu></b>')


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("<b><tu>one</tu>\n<tu>two</tu>\n<tu>thr", r"units\.tmx, line 3: broken XML \(no element found|unclosed"),
        ("<b><tu>one</tu>\n<tu>two</tu>\n<tu>three</x>", r"line 3: broken XML \(mismatched tag"),
        ("<b><tu>one</tu>\n<tu>two</tu>\n<tu>a & b</tu></b>", r"line 3: broken XML \(not well-formed"),
        ("<b><tu>one</tu>\n<tu>two</tu>\n&nbsp;</b>", r"line 3: broken XML \(undefined entity"),
    ],
)
def test_what_stands_before_the_break_can_be_used(path: Path, content: str, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        texts(path, content)
    assert texts(path, content, skip=True) == [(1, "one"), (2, "two")]


def test_only_one_element_is_held_at_a_time(path: Path) -> None:
    path.write_text("<b>" + "".join(f"<tu>{n:06d}{'x' * 1000}</tu>" for n in range(1000)) + "</b>")
    stream = elements(path, "tu", LeftOut(path))
    assert next(stream)[1].text.startswith("000000")
    path.write_text("")  # the rest was not read yet: what follows is cut off
    with pytest.raises(BadInput, match="broken XML"):
        list(stream)
