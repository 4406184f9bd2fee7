"""Every setting of every component decides its identity unless it is `Beside`, and survives being written and read.

A new component is enrolled by itself. One whose settings have no defaults needs an entry in REQUIRED; a setting whose
changed value cannot be guessed from its type needs one in CHANGES.
"""

import importlib
import inspect
import json
import types
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
import tiny
from pydantic import ValidationError

from polydistill.component import KINDS, Component, Settings, _Beside, find, identity, names, read_component, write_component
from polydistill.objectives import Objective
from polydistill.plan import SECTIONS, read_plan
from polydistill.records import Lang, canonical

ALL = [(kind, name) for kind in KINDS for name in names(kind)]
every = pytest.mark.parametrize(("kind", "name"), ALL, ids=[f"{kind}.{name}" for kind, name in ALL])


class Files:
    """Files and folders with contents of their own, for settings that name one."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.made = 0

    def file(self, ending: str = ".txt") -> Path:
        self.made += 1
        path = self.folder / f"file{self.made}{ending}"
        path.write_text(f'{{"question": "What is {self.made}?", "a": "word\\t{self.made}"}}\n')
        return path

    def program(self) -> str:
        path = self.file(".sh")
        path.chmod(0o755)
        return str(path)

    def pages(self) -> Path:
        self.made += 1
        for folder in ("C", "es"):
            (self.folder / f"help{self.made}/{folder}/guide").mkdir(parents=True)
            (self.folder / f"help{self.made}/{folder}/guide/a.page").write_text(f"<page><p>{self.made}</p></page>")
        return self.folder / f"help{self.made}"

    def gguf(self) -> Path:
        """A GGUF file with a name and nothing more."""
        from gguf import GGUFWriter

        path = self.file(".gguf")
        writer = GGUFWriter(path, "llama")
        writer.add_name(path.name)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        return path

    def model(self) -> Path:
        self.made += 1
        return tiny.model_folder(self.folder / f"model{self.made}", seed=self.made)

    def weights(self) -> Path:
        """A folder that is no model, for what only takes its files' digests."""
        self.made += 1
        (self.folder / f"weights{self.made}").mkdir()
        (self.folder / f"weights{self.made}/model.bin").write_text(str(self.made))
        return self.folder / f"weights{self.made}"

    def modes(self) -> Path:
        self.made += 1
        (self.folder / f"data{self.made}/modes").mkdir(parents=True)
        (self.folder / f"data{self.made}/modes/a.mode").write_text(f"lt-proc {self.made}")
        return self.folder / f"data{self.made}"


REQUIRED: dict[tuple[str, str], Callable[[Files], dict[str, Any]]] = {
    ("sources", "file"): lambda files: {"path": files.file(".jsonl")},
    ("sources", "hub"): lambda files: {"dataset": "owner/name"},
    ("sources", "mallard"): lambda files: {"folder": files.pages(), "documents": ("guide",)},
    ("sources", "multiway"): lambda files: {"path": files.file(".jsonl")},
    ("sources", "page_questions"): lambda files: {"pages": {"hub": {"dataset": "owner/name"}}, "translated_into": "spa"},
    ("sources", "parallel"): lambda files: {"path": files.file(".tsv")},
    ("sources", "text"): lambda files: {"path": files.file()},
    ("builders", "code_switch"): lambda files: {"by": "word", "dictionary": files.file(".tsv")},
    ("engines", "llama_cpp"): lambda files: {"path": str(files.gguf())},
    ("engines", "openai"): lambda files: {"base_url": "http://localhost:1/v1", "model": "m"},
    ("engines", "transformers"): lambda files: {"path": str(files.model()), "dtype": "float64"},
    ("objectives", "corrected_text"): lambda files: {"objective": "next_token"},
    ("objectives", "near_untouched"): lambda files: {"objective": "next_token"},
    ("objectives", "sampled_text"): lambda files: {"objective": "next_token"},
    ("objectives", "weighted"): lambda files: {"objectives": ("next_token",), "weights": (1.0,)},
    ("teachers", "other_model"): lambda files: {"model": {"transformers": {"path": str(files.model()), "dtype": "float64"}}},
    ("teachers", "several"): lambda files: {"teachers": ("untouched",)},
    ("teachers", "endpoint"): lambda files: {"engine": {"openai": {"base_url": "http://localhost:1/v1", "model": "m"}}},
    ("surgeries", "take_layers"): lambda files: {"layers": 2},
    ("translators", "command"): lambda files: {"program": (files.program(),)},
    ("translators", "ctranslate2"): lambda files: {"path": files.weights()},
    ("translators", "dictionary"): lambda files: {"path": files.file(".tsv"), "source": "eng", "target": "spa"},
    ("translators", "engine"): lambda files: {"engine": {"transformers": {"path": str(files.model())}}},
    ("evaluators", "documentation_qa"): lambda files: {"pages": {"hub": {"dataset": "owner/name"}}},
    ("evaluators", "harness"): lambda files: {"tasks": ("belebele_{lang}",)},
    ("evaluators", "multiple_choice"): lambda files: {"path": files.file(".jsonl")},
    ("evaluators", "short_answer"): lambda files: {"path": files.file(".jsonl")},
    ("evaluators", "summaries"): lambda files: {"path": files.file(".jsonl")},
    ("evaluators", "text_bits"): lambda files: {"texts": {"text": {"path": files.file()}}, "label": "mine"},
    ("evaluators", "translation"): lambda files: {"pairs": {"hub": {"dataset": "owner/name"}}},
}
"""How to build what has settings without a default."""

CHANGES: dict[tuple[str, str, str], Callable[[Files], dict[str, Any]]] = {
    ("engines", "transformers", "path"): lambda files: {"path": str(files.model())},
    ("engines", "transformers", "device"): lambda files: {"device": "cpu"},
    ("engines", "transformers", "template"): lambda files: {"template": "plain"},
    ("engines", "llama_cpp", "path"): lambda files: {"path": str(files.gguf())},
    ("engines", "openai", "extra"): lambda files: {"extra": {"top_k": 1}},
    ("engines", "openai", "key_variable"): lambda files: {"key_variable": "MY_KEY"},
    ("engines", "llama_cpp", "template"): lambda files: {"template": "plain"},
    ("sources", "mallard", "folder"): lambda files: {"folder": files.pages()},
    ("samplers", "tiered", "tiers"): lambda files: {"tiers": [{"languages": ["cat"], "times": 10}]},
    ("teachers", "several", "by_language"): lambda files: {"by_language": (("spa",),)},
    ("translators", "apertium", "data"): lambda files: {"data": files.modes()},
    ("translators", "command", "program"): lambda files: {"program": (files.program(),)},
    ("translators", "ctranslate2", "path"): lambda files: {"path": files.weights()},
    ("translators", "engine", "engine"): lambda files: {"engine": {"transformers": {"path": str(files.model())}}},
    ("translators", "engine", "prompt"): lambda files: {"prompt": "Say {text} in {target}."},
    ("builders", "code_switch", "by"): lambda files: {"by": "sentence", "dictionary": None},
    ("teachers", "cached", "teacher"): lambda files: {"teacher": "shown_more"},
    ("teachers", "cached", "keeps"): lambda files: {"keeps": "states"},
    ("teachers", "cached", "n"): lambda files: {"n": 9, "keeps": "sampled"},
    ("teachers", "cached", "temperature"): lambda files: {"temperature": 2.0, "keeps": "sampled"},
    ("teachers", "cached", "seed"): lambda files: {"seed": 1, "keeps": "sampled"},
    ("teachers", "endpoint", "engine"): lambda files: {"engine": {"openai": {"base_url": "http://h:1/v1", "model": "m"}}},
    ("evaluators", "harness", "folder"): lambda files: {"folder": files.pages()},
    ("evaluators", "capitals", "questions"): lambda files: {"questions": {"spa": "¿Cuál es la capital de {country}?"}},
}
"""Changed values that no type gives away, with what must change along with them."""


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def contract_of(kind: str) -> type[Component]:
    module = importlib.import_module(f"polydistill.{kind}")
    own = [c for c in vars(module).values() if inspect.isclass(c) and c.__module__ == module.__name__]
    return next(c for c in own if "_contract" in c.__dict__)


def build(kind: str, name: str, files: Files) -> Component:
    try:
        return find(kind, name)(**REQUIRED.get((kind, name), lambda files: {})(files))
    except ValidationError as error:
        pytest.fail(f"{kind}/{name}.py: say in REQUIRED of tests/contract/test_settings.py how to build it ({error})")


def other_values(hint: Any, value: Any, files: Files) -> Iterator[Any]:
    """Values that differ from this one and that a setting so annotated may take."""
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (typing.Union, types.UnionType):
        for part in parts:
            yield from other_values(part, value, files)
    elif origin is typing.Annotated:
        yield from other_values(parts[0], value, files)
    elif origin is typing.Literal:
        yield from (part for part in parts if part != value)
    elif origin is tuple:
        for inner in other_values(parts[0], value[0] if value else None, files):
            yield (*(value or ()), inner)
            yield (inner,) * max(1, len(parts) - (Ellipsis in parts))
    elif hint is bool:
        yield not value
    elif hint is int:
        yield from (value + 1 if isinstance(value, int) else 1, 3)
    elif hint is float:
        yield from ((value or 0) / 2, (value or 0) + 0.25, 1.5)
    elif hint is Lang:
        yield from (Lang("cat"), Lang("glg"))
    elif hint is str:
        yield f"{value or ''}x"
    elif hint is Path:
        yield files.file(value.suffix if value else ".txt")
    elif hint is Component:  # a component of any kind
        yield build("samplers", "temperature", files)
    elif inspect.isclass(hint) and issubclass(hint, Component):
        kind = hint.__module__.rsplit(".", 1)[1] if hint is not Component else "schedules"
        yield from (build(kind, name, files) for name in names(kind) if issubclass(find(kind, name), hint))
        yield from (changed(value, field, files) for field in type(value).model_fields) if value else ()
    elif inspect.isclass(hint) and issubclass(hint, Settings):
        for field in hint.model_fields if value is not None else ():
            yield from (
                value.model_copy(update={field: new}) for new in other_values(hints(hint)[field], getattr(value, field), files)
            )


def hints(owner: type[Settings]) -> dict[str, Any]:
    return {name: field.annotation for name, field in owner.model_fields.items()}


def changed(given: Settings, field: str, files: Files, said: dict[str, Any] | None = None) -> Settings:
    """The same settings with this one changed."""
    hint, reasons = hints(type(given))[field], []
    for candidate in [said] if said else ({field: new} for new in other_values(hint, getattr(given, field), files)):
        try:
            other = type(given).model_validate({**dict(given), **candidate})
        except ValidationError as error:
            reasons.append(str(error))
            continue
        if other != given:
            return other
    raise AssertionError(f"say in CHANGES how {type(given).__name__}.{field} may be changed; tried without luck: {reasons}")


def is_beside(owner: type[Settings], field: str) -> bool:
    return any(isinstance(mark, _Beside) for mark in owner.model_fields[field].metadata)


@every
def test_every_setting_decides_the_identity_unless_it_is_beside(kind: str, name: str, files: Files):
    given = build(kind, name, files)
    for field in type(given).model_fields:
        said = CHANGES.get((kind, name, field))
        other = changed(given, field, files, said and said(files))
        same = canonical(identity(other)) == canonical(identity(given))
        assert same == is_beside(type(given), field), f"{name}.{field}: {'Beside' if same else 'identity'}?"


@every
def test_every_setting_survives_json(kind: str, name: str, files: Files):
    given = build(kind, name, files)
    for field in type(given).model_fields:
        said = CHANGES.get((kind, name, field))
        other = changed(given, field, files, said and said(files))
        again = read_component(contract_of(kind), json.loads(json.dumps(write_component(other))))
        assert again == other
        assert canonical(identity(again)) == canonical(identity(other))


@every
def test_the_identity_names_the_component_and_its_version(kind: str, name: str, files: Files):
    found = json.loads(canonical(build(kind, name, files).identity()))
    assert set(found) == {name, "version"}
    assert found["version"] == find(kind, name).version


def test_no_entry_is_left_over():
    assert {key for key in REQUIRED if key not in ALL} == set()
    assert [key for key in CHANGES if key[:2] in ALL and key[2] not in find(*key[:2]).model_fields] == []


class OtherObjective(Objective):
    """An objective of the tests' own."""

    def __call__(self, student: Any, teacher: Any, batch: Any, progress: float) -> dict[str, Any]:
        return {}


@pytest.mark.parametrize("section", SECTIONS)
def test_every_setting_of_a_stage_decides_its_identity_unless_it_is_beside(section: str, files: Files, random_model: Path):
    given = getattr(read_plan("sdrrl", model=str(random_model), source="eng", target="spa"), section)
    for field in type(given).model_fields:
        model = {"transformers": {"path": str(files.model())}}
        texts = {"texts": {"text": {"path": files.file()}}, "label": "mine", "split": "development"}
        said = {
            "model": model, "objective": OtherObjective(), "device": "cpu", "compute": "float64",
            "evaluators": [{"text_bits": texts}], "draws": {"sampler": "perplexity_gap", "teacher": "untouched"},
        }.get(field)  # fmt: skip
        other = changed(given, field, files, said and {field: said})
        same = canonical(identity(other)) == canonical(identity(given))
        assert same == is_beside(type(given), field), f"{section}.{field}: {'Beside' if same else 'identity'}?"
