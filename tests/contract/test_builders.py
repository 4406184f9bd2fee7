"""What every builder and filter promises; a new file in builders/ is enrolled by itself and needs one entry below."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tiny_rows import CAT, ENG, SPA, chat, pair, rival, text

from polydistill.builders import Builder, Filter, TrainingBuilder, by_question, texts_of
from polydistill.component import find, names
from polydistill.records import Chat, Labelled, Lineage, Preference, Row, Text, Turn, split_of

SAID = {
    "rivers": (
        ("Why do rivers run to the sea? Tell me more about them.", "Water always runs down, and the sea lies lowest of all."),
        ("¿Por qué corren los ríos al mar? Cuéntame más sobre ellos.", "El agua siempre corre hacia abajo, hacia el mar."),
        ("Per què van els rius cap al mar? Explica'm més coses.", "L'aigua sempre corre cap avall, i el mar és el més baix."),
    ),
    "bread": (
        ("How is good bread made at home? I have only one oven.", "Mix flour, water, salt and yeast, wait, and bake it."),
        ("¿Cómo se hace buen pan en casa? Solo tengo un horno.", "Mezcla harina, agua, sal y levadura, espera y hornéalo."),
        ("Com es fa un bon pa a casa? Només tinc un forn.", "Barreja farina, aigua, sal i llevat, espera i cou-ho."),
    ),
    "moon": (
        ("What are the stars made of? Nobody could ever tell me.", "Mostly of hydrogen and helium, which burn without smoke."),
        ("¿De qué están hechas las estrellas? Nadie me lo dijo.", "Sobre todo de hidrógeno y helio, que arden sin humo."),
        ("De què són fetes les estrelles? Ningú no m'ho va dir.", "Sobretot d'hidrogen i heli, que cremen sense fum."),
    ),
}  # fmt: skip
PAIRS = [
    ("Open the settings and choose your own language there.", "Abra la configuración y elija allí su idioma.", SPA),
    ("Press the button below to save the changes of today.", "Pulse el botón de abajo para guardar los cambios de hoy.", SPA),
    ("Open the settings and choose your own language there.", "Obriu la configuració i trieu-hi la vostra llengua.", CAT),
]  # fmt: skip
PAGES = [
    ("Fonts", "Tipos de letra", SPA, "title"), ("Choose how they look.", "Elija cómo se ven las letras.", SPA, "description"),
    ("Fonts", "Lletres", CAT, "title"), ("Choose how they look.", "Trieu com es veuen les lletres.", CAT, "description"),
]  # fmt: skip
TEXTS = [
    ("Había una vez un pescador que vivía solo junto al mar y hablaba con las olas.", SPA),
    ("Hi havia una vegada un pescador que vivia sol vora el mar i parlava amb les ones.", CAT),
]


def rows() -> list[Row]:
    """What a mixture is made from: chats of each question in three languages with rivals, then parallel and plain text."""
    found: list[Row] = []
    for question, said in SAID.items():
        chats = [chat(question, lang, *both) for lang, both in zip((ENG, SPA, CAT), said, strict=True)]
        found += [*chats, *(rival(one, "No sé. / No ho sé.") for one in chats[1:])]
    found += [pair(f"p{2 * (number % 2)}", one, other, lang) for number, (one, other, lang) in enumerate(PAIRS)]
    found += [pair("p0", one, other, lang, note) for one, other, lang, note in PAGES]
    found += [text(f"t{2 * number}", said, lang) for number, (said, lang) in enumerate(TEXTS)]
    assert all(split_of(row.lineage.question) == "train" for row in found), "these tests need rows of the training split"
    return found


class Marks(NamedTuple):
    """A filter, a row that it rejects after the rows that come before, and why; without a reason it rewrites the row."""

    settings: Callable[[Path], dict[str, Any]]
    before: list[Row]
    bad: Row
    reason: str


def dictionary(tmp: Path) -> Path:
    (tmp / "words.tsv").write_text("rivers\tríos\nsea?\tmar?\nbread\tpan\nhome?\tcasa?\nstars\testrellas\nmade\thechas\n")
    return tmp / "words.tsv"


COPIED = "Esto es lo mismo otra vez."
LONG = "the same old words again and again until the very end of the day"
BUILDERS: dict[str, list[Callable[[Path], dict[str, Any]]]] = {
    "code_switch": [lambda tmp: {}, lambda tmp: {"by": "word", "dictionary": dictionary(tmp)}],
    "completion_rows": [lambda tmp: {"target": 0.1, "rich": 0.1}],
    "language_gap_rows": [lambda tmp: {}],
    "language_pairs": [lambda tmp: {}],
    "page_answers": [lambda tmp: {"target": 0.1, "rich": 0.1}],
    "plain_text": [lambda tmp: {"target": 0.1, "rich": 0.1}],
    "rationale_rows": [lambda tmp: {}],
    "shown_answers": [lambda tmp: {}],
    "translation_rows": [lambda tmp: {}],
}
"""How to build each builder of training rows so that it makes rows of all its groups; several where it has several ways."""

FILTERS: dict[str, Marks] = {
    "copied_source": Marks(lambda tmp: {}, [], chat("q", SPA, COPIED, COPIED), "copied_source"),
    "evaluation_overlap": Marks(
        lambda tmp: {}, [chat("held1", ENG, f"Why {LONG}?", "So.")], chat("q", ENG, "Who?", f"Just {LONG}."),
        "evaluation_overlap",
    ),
    "exact_duplicates": Marks(
        lambda tmp: {}, [chat("a", ENG, f"Why {LONG}?", "So.")], chat("q", ENG, f"why  {LONG}?", "Other."), "exact_duplicate"
    ),
    "length_ratio": Marks(lambda tmp: {}, [], pair("q", "a", LONG), "length_ratio"),
    "looping": Marks(lambda tmp: {}, [], chat("q", ENG, "What?", "and so on and " * 8), "loop"),
    "near_duplicates": Marks(
        lambda tmp: {}, [chat("a", ENG, f"Why {LONG}?", "So.")], chat("q", ENG, f"Why, {LONG}!", "Other."), "near_duplicate"
    ),
    "redact": Marks(lambda tmp: {}, [], chat("q", ENG, "Who is it?", "Ask ana@mail.org."), ""),
    "wrong_language": Marks(
        lambda tmp: {}, [],
        chat("q", SPA, "¿Qué pasa?", "These are certainly English words and nobody could take them for anything else at all."),
        "wrong_language",
    ),
}  # fmt: skip
"""How to build each filter, and a row that it must reject or rewrite."""


def cases() -> Iterator[Any]:
    for name in names("builders"):
        for number in range(len(BUILDERS.get(name, [])) or 1):
            yield pytest.param(name, number, id=f"{name}{number or ''}")


every = pytest.mark.parametrize(("name", "case"), list(cases()))
of_training = pytest.mark.parametrize(("name", "case"), [p for p in cases() if p.values[0] not in FILTERS])
filters = pytest.mark.parametrize("name", sorted(FILTERS))


def build(name: str, tmp: Path, case: int = 0) -> Builder:
    if name not in BUILDERS and name not in FILTERS:
        pytest.fail(f"builders/{name}.py is new: say in BUILDERS or FILTERS of tests/contract/test_builders.py how to build it")
    how = FILTERS[name].settings if name in FILTERS else BUILDERS[name][case]
    return find("builders", name)(**how(tmp))  # type: ignore[return-value]


def stream(name: str) -> list[Row]:
    """The rows of these tests, and for a filter the one that it rejects, with what it must have seen before."""
    return [*FILTERS[name].before, *rows(), FILTERS[name].bad] if name in FILTERS else rows()


def test_every_file_has_an_entry_and_every_entry_a_file():
    assert {*BUILDERS, *FILTERS} == set(names("builders"))
    for name in names("builders"):
        assert issubclass(find("builders", name), Filter if name in FILTERS else TrainingBuilder)


@every
def test_what_goes_in_is_not_modified(name: str, case: int, tmp_path: Path):
    given = stream(name)
    before = [row.to_json() for row in given]
    assert list(build(name, tmp_path, case)(given))
    assert [row.to_json() for row in given] == before


@every
def test_the_same_rows_each_time(name: str, case: int, tmp_path: Path):
    builder = build(name, tmp_path, case)
    assert list(builder(stream(name))) == list(builder(iter(stream(name)))) == list(build(name, tmp_path, case)(stream(name)))


@every
def test_rows_come_lazily(name: str, case: int, tmp_path: Path):
    taken = []

    def watched() -> Iterator[Row]:
        for number in range(1000):
            for row in rows():
                taken.append(row)
                question = f"{row.lineage.question}{number}" if number else row.lineage.question
                yield row.but(id=f"{row.id}/{number}", lineage={"question": question})

    found = build(name, tmp_path, case)(watched())
    assert isinstance(found, Iterator)
    assert taken == [], "it read before it was asked"
    next(found)
    assert len(taken) <= 2 * len(rows()), "it read much more than it needed for its first row"


@every
def test_an_empty_stream_gives_an_empty_one(name: str, case: int, tmp_path: Path):
    assert list(build(name, tmp_path, case)([])) == []


# Builders of training rows


@of_training
def test_every_row_says_where_it_comes_from(name: str, case: int, tmp_path: Path):
    given = {row.lineage.question: row for row in rows()}
    builder = build(name, tmp_path, case)
    found = list(builder(rows()))
    assert {row.lineage.builder for row in found} == set(builder.shares()), "some of its groups got no row from these tests"
    assert len({row.id for row in found}) == len(found)
    for row in found:
        origin = given[row.lineage.question].lineage
        assert row.lineage.source == origin.source
        assert row.lineage.author == ("people" if origin.source.startswith(("parallel", "text")) else "tiny")
        if row.payload.type == "chat" and origin.source.startswith("file"):
            assert (row.lineage.translator == "apertium 3") == any(lang != ENG for _, lang in texts_of(row))
        assert Row.model_validate_json(row.to_json()) == row


@of_training
def test_rows_are_answered_chats_pairs_of_answers_or_plain_text(name: str, case: int, tmp_path: Path):
    for row in build(name, tmp_path, case)(rows()):
        assert not row.rejected
        match row.payload:
            case Chat() as said:
                assert [turn.role for turn in said.turns] == ["user", "assistant"]
                assert said.ended
                assert all(turn.text.strip() == turn.text != "" for turn in said.turns)
            case Text(text=said):
                assert said.strip()
            case Preference(chat=said):
                assert [turn.role for turn in said.turns] == ["user"]
                assert row.payload.chosen.strip() != row.payload.rejected.strip()
            case _:
                pytest.fail(f"a training row of type {row.payload.type}")


@of_training
def test_what_is_learned_is_in_the_language_it_is_said_to_be_in(name: str, case: int, tmp_path: Path):
    """Every answer or text is a whole text of the stream, or the end of one, in that language."""
    known = [known for row in rows() for known in texts_of(row)]
    for row in build(name, tmp_path, case)(rows()):
        learned, lang = texts_of(row)[-1]
        assert any(whole.endswith(learned) and lang == of for whole, of in known), row.id


@of_training
def test_a_row_does_not_depend_on_its_neighbours(name: str, case: int, tmp_path: Path):
    builder = build(name, tmp_path, case)
    alone = [made for question in dict.fromkeys(row.lineage.question for row in rows())
             for made in builder([row for row in rows() if row.lineage.question == question])]  # fmt: skip
    assert sorted(row.to_json() for row in alone) == sorted(row.to_json() for row in builder(rows()))


@of_training
def test_nothing_is_made_of_rejected_rows(name: str, case: int, tmp_path: Path):
    assert list(build(name, tmp_path, case)(row.reject("loop") for row in rows())) == []


@of_training
def test_a_group_without_a_share_has_no_rows(name: str, case: int, tmp_path: Path):
    builder = build(name, tmp_path, case)
    settings = {
        field: 0 for field, value in dict(builder).items() if isinstance(value, float) and value in builder.shares().values()
    }
    none = builder.model_copy(update=settings)
    assert not any(none.shares().values())
    assert {row.lineage.builder for row in none(rows())} <= set(none.shares())
    assert len(builder.shares()) == 1 or list(none(rows())) == []


# Filters


@filters
def test_a_filter_marks_or_rewrites_its_row_and_no_other(name: str, tmp_path: Path):
    *given, bad = stream(name)
    *found, marked = build(name, tmp_path)([*given, bad])
    assert all(row is before for row, before in zip(found, given, strict=True)), "what it lets through stays the same object"
    assert marked.rejected == FILTERS[name].reason
    if FILTERS[name].reason:
        assert marked.but(rejected="") == bad, "a filter that rejects only marks"
    else:
        assert marked.payload != bad.payload
        assert marked.lineage.marks
        assert marked.but(payload=bad.payload, lineage=bad.lineage) == bad


@filters
def test_a_filter_leaves_rejected_rows_as_they_are(name: str, tmp_path: Path):
    given = [row.reject("first") for row in stream(name)]
    assert list(build(name, tmp_path)(given)) == given


@filters
def test_a_filter_begins_anew_each_time(name: str, tmp_path: Path):
    one = build(name, tmp_path)
    assert list(one(rows())) == list(one(rows())) == rows()


@filters
def test_a_filter_takes_every_payload(name: str, tmp_path: Path):
    lineage = Lineage(question="rivers")
    asked = Chat(turns=(Turn(role="user", text="Why?", lang=ENG),))
    given = [
        Row(id="a", lineage=lineage, payload=asked),
        Row(id="b", lineage=lineage, payload=Labelled(question="Who?", answers=("Ana",), lang=ENG)),
        Row(id="c", lineage=lineage, payload=Preference(chat=asked, chosen="So.", rejected="No.")),
    ]
    assert [row.id for row in build(name, tmp_path)(given)] == ["a", "b", "c"]


def test_rows_of_one_question_come_together():
    assert [[row.payload.question.lang for row in some] for some in by_question(rows())] == [[ENG, SPA, CAT]] * 3
    assert json.loads(rows()[0].to_json())["lineage"]["question"] == "rivers"
