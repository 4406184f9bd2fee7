"""The rules of the house, held by tests."""

import ast
import functools
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import polydistill
from polydistill.component import KINDS, Settings, find, names, summary
from polydistill.plan import RECIPES, SECTIONS, Plan

SOURCE = Path(polydistill.__file__).parent
FILES = sorted(SOURCE.rglob("*.py"))
COMPONENTS = [(kind, name) for kind in KINDS for name in names(kind)]
METHODS = (
    "taid",
    "minillm",
    "distillm",
    "seqkd",
    "fitnet",
    "tinybert",
    "magpie",
    "gkd",
    "wiseft",
    *(p.stem for p in RECIPES.glob("*.yaml")),
)
"""Names of methods and papers; what a component computes is called by what it computes."""
TAKEN = {("translators", "none"): "notranslator", ("translators", "engine"): "enginetranslator"}
"""Components whose bare name is taken, by Python or by a contract."""
HEAVY = (
    "torch", "transformers", "babel", "accelerate", "peft", "sacrebleu", "datasketch", "pyarrow", "numpy", "tokenizers",
    "scipy", "statsmodels", "altair", "vl_convert", "lm_eval", "datasets", "phonenumbers", "stdnum",
)  # fmt: skip
"""What must not be imported before it is needed."""

every_file = pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
every_component = pytest.mark.parametrize(("kind", "name"), COMPONENTS, ids=[f"{kind}/{name}" for kind, name in COMPONENTS])


@functools.cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def lines(path: Path) -> int:
    return path.read_text("utf-8").count("\n")


def file_of(kind: str, name: str) -> Path:
    return SOURCE / kind / f"{name}.py"


# Sizes


@every_file
def test_no_file_is_longer_than_300_lines(path: Path):
    assert lines(path) <= 300


@every_component
def test_no_component_is_longer_than_150_lines(kind: str, name: str):
    assert lines(file_of(kind, name)) <= 150


def test_the_top_file_is_the_outline():
    flow = SOURCE / "flow.py"
    assert lines(flow) < 60
    assert not [node for node in ast.walk(tree(flow)) if isinstance(node, (ast.If, ast.For, ast.While, ast.Try, ast.IfExp))]


# Names


@every_component
def test_a_file_holds_one_component_of_its_own_name(kind: str, name: str):
    cls = find(kind, name)
    assert cls.__name__.lower() == TAKEN.get((kind, name), name.replace("_", "")), f"{kind}/{name}.py holds {cls.__name__}"
    assert cls.name() == name


def words_of(path: Path) -> Iterator[str]:
    """Every identifier of a file, and every string in it that is no more than a word."""
    for node in ast.walk(tree(path)):
        match node:
            case (
                ast.Name(id=word)
                | ast.Attribute(attr=word)
                | ast.alias(name=word)
                | ast.arg(arg=word)
                | ast.keyword(arg=str(word))
            ):
                yield word
            case ast.FunctionDef(name=word) | ast.ClassDef(name=word):
                yield word
            case ast.Constant(value=str(word)) if word.isidentifier():
                yield word


@every_file
def test_no_name_of_a_method_in_code(path: Path):
    """A docstring or a sentence may name a paper; nothing may be called by it or branch on it."""
    plain = {word.lower().replace("_", "") for word in words_of(path)}
    assert not [(method, word) for method in METHODS for word in plain if method in word]


def test_every_kind_says_how_to_add_one():
    for kind in KINDS:
        if names(kind):
            doc = ast.get_docstring(tree(SOURCE / kind / "__init__.py")) or ""
            assert "To add one: a file here" in doc, kind
            assert f"tests/contract/test_{kind}.py" in doc, kind


# Docstrings


@every_component
def test_every_component_and_every_setting_says_what_it_is(kind: str, name: str):
    cls = find(kind, name)
    assert cls.__doc__
    assert summary(kind, name) == cls.__doc__.splitlines()[0]
    for setting, field in cls.model_fields.items():
        assert field.description, f"{name}.{setting} has no docstring"


@pytest.mark.parametrize("settings", [*SECTIONS.values(), Plan], ids=lambda cls: cls.__name__)
def test_every_setting_of_a_stage_says_what_it_is(settings: type):
    for setting, field in settings.model_fields.items():
        section = isinstance(field.annotation, type) and issubclass(field.annotation, Settings) and field.annotation.__doc__
        assert field.description or section, setting


@every_file
def test_every_file_says_what_it_is(path: Path):
    assert ast.get_docstring(tree(path))


# What a component may do


@every_component
def test_a_component_imports_no_other_components_file(kind: str, name: str):
    """From its own kind only the contract, from the package only kinds' contracts and helpers."""
    files = {(one, other) for one, other in COMPONENTS}
    for node in ast.walk(tree(file_of(kind, name))):
        if isinstance(node, ast.ImportFrom) and node.level:
            parts = (node.module or "").split(".")
            if node.level == 1 and node.module:
                assert (kind, parts[0]) not in files, f"it imports from .{node.module}"
            imported = {alias.name for alias in node.names}
            if node.level == 1 and not node.module:
                assert not [one for one in imported if (kind, one) in files]
            if node.level == 2:
                assert len(parts) == 1 or tuple(parts[:2]) not in files, f"it imports from ..{node.module}"
                assert not [one for one in imported if (parts[0], one) in files]


def test_one_setting_alone_holds_what_it_likes():
    """What is saved and shown is written from typed settings; a key has one place alone to hide, and that is searched."""
    free = {
        f"{kind}/{name}.{setting}" for kind, name in COMPONENTS for setting, field in find(kind, name).model_fields.items()
        if re.search(r"\b(dict\[str|Mapping\[str|Any|JsonValue)\b", str(field.annotation))
    }  # fmt: skip
    assert free == {"engines/openai.extra"}


@every_component
def test_a_component_has_no_constructor_and_swallows_nothing(kind: str, name: str):
    cls = next(
        node
        for node in tree(file_of(kind, name)).body
        if isinstance(node, ast.ClassDef) and node.name == find(kind, name).__name__
    )
    for node in ast.walk(cls):
        if isinstance(node, ast.FunctionDef):
            assert node.name not in ("__init__", "model_post_init", "__new__")
            assert node.args.kwarg is None, f"{node.name} takes **{node.args.kwarg and node.args.kwarg.arg}"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in ("hasattr", "getattr")


@every_file
def test_annotations_are_read_where_they_stand(path: Path):
    assert "from __future__ import annotations" not in path.read_text("utf-8")


# What is imported when


def imported_by(code: str) -> set[str]:
    """The modules that are there after a piece of code ran in a fresh interpreter."""
    ending = "; import sys, json; print(); print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code + ending], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def heavy(modules: set[str]) -> set[str]:
    return {module for module in modules if module.split(".")[0] in HEAVY}


def components_in(modules: set[str]) -> set[str]:
    return {f"{kind}.{name}" for kind, name in COMPONENTS} & {module.removeprefix("polydistill.") for module in modules}


def test_reading_a_plan_imports_nothing_heavy_and_only_the_components_it_names():
    read = "from polydistill.plan import read_plan; read_plan('sdrrl', ['mix.filters=[looping]'], 'm', 'eng', 'spa')"
    modules = imported_by(f"import polydistill.cli; {read}")
    assert heavy(modules) == set()
    there = components_in(modules)
    assert "builders.looping" in there
    assert not there & {"builders.near_duplicates", "translators.command", "engines.llama_cpp", "sources.hub"}


def test_lists_and_help_import_no_component():
    commands = [
        ["list"],
        *(["list", kind] for kind in KINDS),
        ["list", "recipes"],
        ["--help"],
        ["run", "--help"],
        ["--version"],
    ]
    code = f"""
import sys
from polydistill import cli
for given in {commands!r}:
    sys.argv = ['polydistill', *given]
    try:
        cli.main()
    except SystemExit as end:
        assert not end.code, (given, end.code)
pass"""
    modules = imported_by(code)
    assert components_in(modules) == set()
    assert heavy(modules) == set()


def test_no_component_imports_anything_heavy_before_it_is_used():
    imports = "; ".join(f"find({kind!r}, {name!r})" for kind, name in COMPONENTS)
    assert heavy(imported_by(f"from polydistill.component import find; {imports}")) == set()


# Recipes


def test_every_recipe_says_its_paper_and_its_command():
    for path in RECIPES.glob("*.yaml"):
        head = [line for line in path.read_text("utf-8").splitlines() if line.startswith("#")]
        assert any("arXiv" in line for line in head), path.name
        assert any(f"polydistill run {path.stem} " in line for line in head), path.name
