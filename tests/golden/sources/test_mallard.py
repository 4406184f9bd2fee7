"""Help pages and their translations."""

from pathlib import Path
from typing import Any

import pytest

from polydistill.records import Lang, Row, split_of
from polydistill.sources import BadInput, Languages
from polydistill.sources.mallard import Mallard

ENG, SPA, FRA = Lang("eng"), Lang("spa"), Lang("fra")

PAGE = """<?xml version="1.0" encoding="utf-8"?>
<page xmlns="http://projectmallard.org/1.0/" type="topic" id="x">
<info><desc>{desc}</desc></info><title>{title}</title>
{body}
</page>"""


def write(root: Path, name: str, title: str, desc: str, *paragraphs: str) -> None:
    path = root / f"{name}.page"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(PAGE.format(title=title, desc=desc, body="".join(f"<p>{p}</p>" for p in paragraphs)), "utf-8")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "help"
    write(root, "C/guide/sound", "Sound", "Make it loud.", "Turn the wheel.", "This has never been translated.")
    write(root, "es/guide/sound", "Sonido", "Más fuerte.", "Gire la rueda.", "This has never been translated.")
    write(root, "fr/guide/sound", "Son", "Plus fort.", "Turn the wheel.", "Ceci est traduit, seulement ici.")
    write(root, "C/guide/light", "Light", "Make it bright.", "Press.")
    write(root, "es/guide/light", "Luz", "Más clara.", "Pulse.")
    write(root, "C/admin/users", "Users", "Who is who.", "GNOME 43 only")
    write(root, "es/admin/users", "Usuarios", "Quién es quién.", "GNOME 43 only")
    return root


def rows_of(root: Path, rich: Lang = ENG, *targets: Lang, **settings: Any) -> list[Row]:
    settings = {"documents": ("guide", "admin"), **settings}
    return list(Mallard(folder=root, **settings).read(Languages(rich, targets or (SPA,))))


def pairs(rows: list[Row]) -> list[tuple[str, str, str]]:
    return [(row.payload.note, row.payload.source, row.payload.target) for row in rows]


def test_pages_in_order_with_their_notes(root: Path) -> None:
    assert pairs(rows_of(root)) == [
        ("description", "Make it bright.", "Más clara."),
        ("title", "Light", "Luz"),
        ("paragraph", "Press.", "Pulse."),
        ("description", "Make it loud.", "Más fuerte."),
        ("title", "Sound", "Sonido"),
        ("paragraph", "Turn the wheel.", "Gire la rueda."),
        ("description", "Who is who.", "Quién es quién."),
        ("title", "Users", "Usuarios"),
        ("paragraph", "GNOME 43 only", "GNOME 43 only"),
    ]


def test_untranslated_texts_are_left_out_and_counted(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows_of(root)
    assert "help, eng-spa: left out 1 untranslated texts (page guide/sound)" in capsys.readouterr().err


def test_a_page_is_one_question_in_every_language(root: Path) -> None:
    rows = rows_of(root, ENG, SPA, FRA)
    assert [row.payload.target_lang for row in rows if row.lineage.question == "page-guide/sound"] == [SPA] * 3 + [FRA] * 4
    assert len({row.id for row in rows}) == len(rows)
    row = rows[3]
    assert (row.id, row.lineage.source) == ("page-guide/sound-spa-0", "mallard guide/sound")
    assert len({split_of(row.lineage.question) for row in rows if row.lineage.source == "mallard guide/sound"}) == 1


def test_neither_side_need_be_english(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert pairs(rows_of(root, FRA, SPA)) == [
        ("description", "Plus fort.", "Más fuerte."),
        ("title", "Son", "Sonido"),
        ("paragraph", "Turn the wheel.", "Gire la rueda."),
    ]
    said = capsys.readouterr().err
    assert "1 untranslated texts (page guide/sound)" in said
    assert "2 pages missing or broken on one side (page guide/light, admin/users)" in said


def test_english_may_be_the_target(root: Path) -> None:
    rows = rows_of(root, SPA, ENG)
    assert ("title", "Sonido", "Sound") in pairs(rows)
    assert not any("never" in row.payload.source for row in rows)
    assert rows[0].payload.source_lang == SPA


def test_other_englishes_are_not_taken_for_untranslated(root: Path) -> None:
    write(root, "en_GB/guide/sound", "Sound", "Make it loud.", "Turn the wheel.", "This has never been translated.")
    assert len(rows_of(root, Lang("eng-GB"), FRA)) == 4


def test_documents_may_be_fewer(root: Path) -> None:
    assert {row.lineage.source for row in rows_of(root, documents=("admin",))} == {"mallard admin/users"}


def test_folders_are_named_as_gettext_does(root: Path) -> None:
    write(root, "pt_BR/guide/light", "Luz", "Mais clara.", "Aperte.")
    write(root, "sr@latin/guide/light", "Svetlo", "Svetlije.", "Pritisnite.")
    rows = rows_of(root, ENG, Lang("por-BR"), Lang("srp-Latn"))
    assert [row.payload.target for row in rows if row.payload.note == "paragraph"] == ["Aperte.", "Pritisnite."]


def test_a_missing_language_lists_those_there(root: Path) -> None:
    with pytest.raises(BadInput, match=r"has no pages in Swahili \(swa\); languages there: eng, fra, spa$"):
        rows_of(root, ENG, Lang("swa"))
    with pytest.raises(BadInput, match=r"has no pages in Swahili \(swa\)"):
        rows_of(root, Lang("swa"))


def test_a_missing_folder_says_how_to_get_it(tmp_path: Path) -> None:
    for use in (lambda m: list(m.read(Languages(ENG, (SPA,)))), lambda m: m.identity()):
        with pytest.raises(FileNotFoundError, match=r"no folder .*/absent; .* apt-get download gnome-user-docs && dpkg-deb -x"):
            use(Mallard(folder=tmp_path / "absent"))


def test_a_missing_document_is_told_the_nearest(root: Path) -> None:
    for languages in ((ENG, SPA), (ENG, Lang("swa"))):
        with pytest.raises(FileNotFoundError, match=r"no document giude in .*/help; did you mean guide\?"):
            rows_of(root, *languages, documents=("giude",))


def test_a_broken_page_is_named_or_left_out(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = root / "es/guide/light.page"
    page.write_text(page.read_text("utf-8")[:150], "utf-8")
    with pytest.raises(BadInput, match=r"es/guide/light\.page, line \d+: broken XML"):
        rows_of(root)
    assert {row.lineage.source for row in rows_of(root, on_error="skip")} == {"mallard guide/sound", "mallard admin/users"}
    assert "1 pages missing or broken on one side (page guide/light)" in capsys.readouterr().err


def test_nothing_translated_is_an_error(root: Path) -> None:
    write(root, "de/guide/light", "Make it bright and loud", "x" * 3, "Press.")
    (root / "de/guide/light.page").write_text("<page xmlns='http://projectmallard.org/1.0/'/>")
    with pytest.raises(BadInput, match=r"holds no eng-deu pair: .*2 pages missing or broken on one side"):
        rows_of(root, ENG, Lang("deu"))


def test_without_a_target_there_is_nothing_to_read(root: Path) -> None:
    with pytest.raises(BadInput, match="no target language"):
        list(Mallard(folder=root).read(Languages(ENG)))


def test_the_identity_is_of_pages_alone(root: Path) -> None:
    def identity() -> Any:
        return Mallard(folder=root, documents=("guide",)).identity()

    before = identity()
    (root / "C/guide/figure.png").write_bytes(b"x")
    write(root, "C/other/light", "Light", "Make it bright.", "Press.")
    assert identity() == before
    write(root, "es/guide/light", "Luz", "Más clara.", "Pulse el botón.")
    assert identity() != before


@pytest.mark.real
def test_the_real_pages() -> None:
    """On ``gnome-user-docs`` as `make lift` unpacks it: whole pages, most of them translated, no two ids alike."""
    unpacked = Path(__file__).parents[3] / ".cache/gnome-user-docs/usr/share/help"
    rows = list(Mallard(folder=unpacked).read(Languages(ENG, (SPA, Lang("cat"), Lang("glg")))))
    assert len({row.id for row in rows}) == len(rows)
    for lang in ("spa", "cat", "glg"):
        mine = [row for row in rows if row.payload.target_lang == lang]
        assert len({row.lineage.question for row in mine}) > 300
        for note in ("title", "description"):
            noted = [row.lineage.question for row in mine if row.payload.note == note]
            assert len(set(noted)) == len(noted) > 250
        assert sum(row.payload.note == "paragraph" and len(row.payload.source.split()) >= 8 for row in mine) > 1000
