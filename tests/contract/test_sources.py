"""What every source promises; a new file in sources/ is enrolled by itself and needs one entry in EXAMPLES."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from polydistill.component import find, names, read_component, write_component
from polydistill.engines import Answer, Engine, OpenEngine
from polydistill.records import Chat, Lang, Parallel, Row, Text, canonical, seed_of
from polydistill.sources import Languages, Source
from polydistill.stage import Workspace, working

ENG, SPA, CAT = Lang("eng"), Lang("spa"), Lang("cat")

HELP = """<page xmlns="http://projectmallard.org/1.0/" id="a"><info><desc>{desc}</desc></info>
<title>{title}</title><p>{p}</p></page>"""
TOPICS = ("fjords", "rivers", "lighthouses", "bread", "glaciers", "bridges", "violins", "harbours", "comets", "orchards")


def a_question(seed: int) -> str:
    """A question in English that hardly repeats itself."""
    one, other, number = (seed_of(seed, part) for part in range(3))
    about = f"the {TOPICS[one % 10]} and the {TOPICS[other % 10]} of this country"
    return f"What should every traveller know about {about}, and where could one read {number % 997} pages more about them?"


class TinyEngine(Engine):
    """Writes questions, as a function of the seed alone."""

    @contextmanager
    def open(self) -> Iterator[OpenEngine]:
        yield OpenTinyEngine()


class OpenTinyEngine(OpenEngine):
    template = "tiny"

    def answer(self, chats: Any, sampling: Any, seeds: Any = None) -> list[Answer]:
        seeds = list(seeds) if seeds is not None else [seed_of(chat.model_dump_json(), sampling.seed) for chat in chats]
        return [Answer(a_question(seed), True) for seed in seeds]

    def score(self, chats: Any, texts: Any) -> list[float]:
        return [0.0 for _ in texts]

    def room(self, chats: Any) -> list[int]:
        return [1000 for _ in chats]

    def count(self, texts: Any) -> list[int]:
        return [len(text.split()) for text in texts]


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def objects(path: Path, *rows: dict[str, Any]) -> Path:
    return write(path, "".join(json.dumps(row) + "\n" for row in rows))


def a_file(folder: Path) -> dict[str, Any]:
    rows = [{"question": "What is a fjord?", "answer": "A long inlet."}, {"question": "What is a moor?"}]
    return {"path": objects(folder / "questions.jsonl", *rows)}


def a_data_set(folder: Path) -> dict[str, Any]:
    objects(folder / "set/train.jsonl", {"instruction": "What is a fjord?", "output": "A long inlet."})
    return {"dataset": str(folder / "set")}


def pairs(folder: Path) -> dict[str, Any]:
    row = {"en": "It rains.", "es": "Llueve.", "ca": "Plou."}
    return {"path": objects(folder / "pairs.jsonl", row, {"en": "It snows.", "es": "Nieva.", "ca": "Neva."})}


def sentences(folder: Path) -> dict[str, Any]:
    said = {"eng": ("It rains.", "It snows."), "spa": ("Llueve.", "Nieva."), "cat": ("Plou.", "Neva.")}
    rows = [
        {"id": id, "iso_639_3": code, "iso_15924": "Latn", "text": text, "url": f"https://a.example/{id}"}
        for code, texts in said.items() for id, text in enumerate(texts)
    ]  # fmt: skip
    return {"path": objects(folder / "devtest.jsonl", *rows)}


def texts(folder: Path) -> dict[str, Any]:
    write(folder / "text.es.txt", "Llueve.\n\nNieva.\n")
    write(folder / "text.ca.txt", "Plou.\n\nNeva.\n")
    return {"path": folder / "text.{lang}.txt"}


def pages(folder: Path) -> dict[str, Any]:
    write(folder / "help/C/guide/a.page", HELP.format(title="Rain", desc="About rain.", p="It rains."))
    write(folder / "help/es/guide/a.page", HELP.format(title="Lluvia", desc="Sobre la lluvia.", p="Llueve."))
    write(folder / "help/ca/guide/a.page", HELP.format(title="Pluja", desc="Sobre la pluja.", p="Plou."))
    return {"folder": folder / "help", "documents": ("guide",)}


class Example(NamedTuple):
    """How to build a source for these tests: its settings, from files that the function writes into a folder."""

    settings: Callable[[Path], dict[str, Any]]
    payload: type
    place: str | None = None
    """The setting that names a file or folder, where it is a path."""


EXAMPLES = {
    "file": Example(a_file, Chat, "path"),
    "hub": Example(a_data_set, Chat),
    "mallard": Example(pages, Parallel, "folder"),
    "multiway": Example(sentences, Parallel, "path"),
    "page_questions": Example(lambda folder: {"pages": {"mallard": pages(folder)}, "translated_into": "spa"}, Chat),
    "parallel": Example(pairs, Parallel, "path"),
    "self_ask": Example(lambda folder: {}, Chat),
    "text": Example(texts, Text, "path"),
}

every = pytest.mark.parametrize("name", names("sources"))
with_a_place = pytest.mark.parametrize("name", [n for n in names("sources") if n in EXAMPLES and EXAMPLES[n].place])


def example(name: str) -> Example:
    assert name in EXAMPLES, f"sources/{name}.py has no entry in EXAMPLES of tests/contract/test_sources.py; add one"
    return EXAMPLES[name]


def build(name: str, where: Path, **changes: Any) -> Source:
    return find("sources", name)(**{**example(name).settings(where), **changes})


@pytest.fixture
def languages(tmp_path: Path) -> Iterator[Languages]:
    with working(Workspace(tmp_path / "runs")):
        yield Languages(ENG, (SPA, CAT), model=TinyEngine())


def read(source: Source, languages: Languages) -> list[Row]:
    rows = []
    for row in source.read(languages):
        rows.append(row)
        if len(rows) == 5:
            break
    return rows


@every
def test_rows_say_what_they_are(name: str, tmp_path: Path, languages: Languages) -> None:
    rows = read(build(name, tmp_path), languages)
    assert rows
    assert len({row.id for row in rows}) == len(rows)
    for row in rows:
        assert isinstance(row.payload, example(name).payload)
        assert row.lineage.question
        assert row.lineage.source.split()[0] == name
        assert not row.rejected
        assert Row.model_validate_json(row.to_json()) == row


@every
def test_languages_are_stated(name: str, tmp_path: Path, languages: Languages) -> None:
    for row in read(build(name, tmp_path), languages):
        match row.payload:
            case Chat(turns=turns):
                assert {turn.lang for turn in turns} == {ENG}
            case Text(lang=lang):
                assert lang in languages.targets
            case Parallel(source_lang=one, target_lang=other):
                assert one == ENG
                assert other in languages.targets


@every
def test_the_same_rows_each_time(name: str, tmp_path: Path, languages: Languages) -> None:
    source = build(name, tmp_path)
    assert read(source, languages) == read(source, languages)


@every
def test_reading_is_lazy(name: str, tmp_path: Path, languages: Languages) -> None:
    assert isinstance(build(name, tmp_path).read(languages), Iterator)


@every
def test_settings_are_read_back(name: str, tmp_path: Path) -> None:
    source = build(name, tmp_path)
    assert read_component(Source, json.loads(json.dumps(write_component(source)))) == source


@every
def test_the_number_of_rows_is_no_lie(name: str, tmp_path: Path, languages: Languages) -> None:
    source = build(name, tmp_path)
    expected = source.total()
    assert expected is None or expected >= len(read(source, languages)) > 0


@every
def test_the_identity_is_plain_json(name: str, tmp_path: Path) -> None:
    assert name in json.loads(canonical(build(name, tmp_path).identity()))


@with_a_place
def test_a_missing_file_is_named_when_read_and_not_before(name: str, tmp_path: Path) -> None:
    source = build(name, tmp_path, **{example(name).place: tmp_path / "absent.jsonl"})
    with pytest.raises(FileNotFoundError, match="absent"):
        list(source.read(Languages(ENG, (SPA,))))
    with pytest.raises(FileNotFoundError, match="absent"):
        source.identity()


@with_a_place
def test_the_identity_is_the_content_wherever_it_lies(name: str, tmp_path: Path) -> None:
    here, there = build(name, tmp_path / "here"), build(name, tmp_path / "there")
    assert here.identity() == there.identity()
    file = max(path for path in (tmp_path / "there").rglob("*") if path.is_file())
    write(file, file.read_text("utf-8").replace("u", "o"))
    assert here.identity() != build_from(name, there).identity()


def build_from(name: str, source: Source) -> Source:
    """The same source built again, its files left as they are."""
    return find("sources", name).model_validate(dict(source))
