"""One settings tree: reads YAML and key=value, and reports every mistake at once."""

import copy
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, field_validator, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError

from .answer import AnswerSettings
from .ask import AskSettings
from .choose import ChooseSettings
from .component import Beside, Component, Settings, identity, nearest, unknown, write_component
from .engines import Engine
from .evaluate import EvaluateSettings
from .mix import MixSettings
from .records import Lang, digest
from .report import ReportSettings
from .train import TrainSettings
from .translate import TranslateSettings

RECIPES = Path(__file__).parent / "recipes"
SECTIONS = {
    "ask": AskSettings, "answer": AnswerSettings, "translate": TranslateSettings, "mix": MixSettings, "train": TrainSettings,
    "choose": ChooseSettings, "evaluate": EvaluateSettings, "report": ReportSettings,
}  # fmt: skip
INHERITED = ("model", "rich", "targets")
MAX_BYTES, MAX_DEPTH = 1_000_000, 20


class PlanError(ValueError):
    """Every mistake of a plan, one a line."""

    def __init__(self, mistakes: list[str]):
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


class Plan(Settings):
    """Everything a run needs. Each stage's section holds its own settings; model and languages are stated once, on top."""

    model: Engine
    """The model to lift: a path or hub id, or an engine with its settings."""
    rich: Lang = Field(alias="from")
    """The language it is good in."""
    to: tuple[Lang, ...] = Field(min_length=1)
    """The languages it is to become good in."""
    ask: AskSettings
    answer: AnswerSettings
    translate: TranslateSettings
    mix: MixSettings
    train: TrainSettings
    choose: ChooseSettings
    evaluate: EvaluateSettings
    report: ReportSettings
    name: Beside[str] = ""
    """The run's name, a folder under `runs`; made of the recipe and the languages where none is given."""
    recipe: Beside[str] = ""
    """The recipe it began from."""
    runs: Beside[Path] = Path("runs")
    """Where results are kept; runs in one folder share what they have in common."""

    @field_validator("to")
    @classmethod
    def _each_once(cls, targets: tuple[Lang, ...]) -> tuple[Lang, ...]:
        if len(set(targets)) < len(targets):
            raise ValueError("each target language once")
        return targets

    @model_validator(mode="after")
    def _targets_differ(self) -> "Plan":
        if self.rich in self.to:
            raise ValueError(f"the target {self.rich} is the rich language itself; give another under `to`")
        return self

    @cached_property
    def folder(self) -> Path:
        """The run's own folder."""
        name = self.name or f"{self.recipe or 'plan'}-{'-'.join(self.to)}-{digest(identity(self))[:6]}"
        return self.runs / name

    def written(self) -> dict[str, Any]:
        """The plan as YAML would hold it, without what the sections inherit and what is at its default."""
        sections = {
            name: getattr(self, name).model_dump(mode="json", exclude_defaults=True, exclude=self.inherited(name)) for name in SECTIONS
        }
        return {
            **({"recipe": self.recipe} if self.recipe else {}),
            "model": write_component(self.model), "from": str(self.rich), "to": [str(lang) for lang in self.to],
            **{name: section for name, section in sections.items() if section},
        }  # fmt: skip

    def inherited(self, section: str) -> set[str]:
        """The fields of a section that are as they are stated on top."""
        top = {"model": self.model, "rich": self.rich, "targets": self.to}
        return {f for f in INHERITED if f in SECTIONS[section].model_fields and getattr(getattr(self, section), f) == top[f]}

    def check(self) -> list[str]:
        """Everything that would stop the run, found without loading weights; empty when all is well."""
        return [sentence for sentence in self._problems() if sentence]

    def _problems(self) -> Iterator[str]:
        from .sources import Languages

        languages = Languages(self.rich, self.to, self.model)
        asks = self.ask.source.name() == "self_ask"
        yield _problem("model", lambda: self.model.check(asks=asks))
        yield _problem("ask.source", lambda: self.ask.source.check(languages))
        for target in self.to:
            yield _problem("translate.translator", lambda target=target: self.translate.translator.check(self.rich, target))
        for number, source in enumerate(self.mix.texts):
            yield _problem(f"mix.texts[{number}]", lambda source=source: source.check(languages))
        for evaluator in self.evaluate.evaluators:
            yield _problem(f"evaluate.{evaluator.name()}", lambda evaluator=evaluator: evaluator.check(tuple(languages)))


def _problem(where: str, look: Any) -> str:
    try:
        look()
    except (ValueError, OSError, LookupError, ImportError) as error:
        return f"{where}: {error}"
    return ""


# Reading.


def recipe_names() -> list[str]:
    """The names of the shipped recipes."""
    return sorted(path.stem for path in RECIPES.glob("*.yaml"))


def read_plan(
    given: str, overrides: list[str] | None = None, model: str | None = None, source: str | None = None, target: str | None = None
) -> Plan:
    """A plan from a recipe's name or a YAML file, with ``key=value`` changes.

    Raises:
        PlanError: every mistake, each with its line and the nearest right name.
    """
    path = RECIPES / f"{given}.yaml"
    if not path.is_file():
        path = Path(given).expanduser()
        if not path.is_file():
            raise PlanError([unknown("recipe or plan file", given, recipe_names(), "polydistill list recipes")])
    tree = load(path)
    if "recipe" in tree and path.parent != RECIPES:
        base = RECIPES / f"{tree['recipe']}.yaml"
        if not base.is_file():
            raise PlanError([f"{path}, line {line_of(tree, ('recipe',))}: " + unknown("recipe", str(tree["recipe"]), recipe_names(), "polydistill list recipes")])
        tree = merged(load(base), tree)
    elif path.parent == RECIPES:
        tree["recipe"] = path.stem
    changes = list(overrides or [])
    changes += [f"{key}={value}" for key, value in (("model", model), ("from", source), ("to", target)) if value is not None]
    for change in changes:
        override(tree, change)
    return build(tree, str(path))


def load(path: Path) -> CommentedMap:
    """A YAML file (1.2, so that `no` is Norwegian) as a tree that knows its lines; no tags, no aliases."""
    if path.stat().st_size > MAX_BYTES:
        raise PlanError([f"{path} is larger than a plan can be ({path.stat().st_size} bytes)"])
    try:
        text = path.read_text("utf-8")
        tree = YAML(typ="rt").load(text)
    except UnicodeDecodeError as error:
        raise PlanError([f"{path} is not UTF-8 (byte {error.start})"]) from None
    except MarkedYAMLError as error:
        mark = error.problem_mark
        raise PlanError([f"{path}, line {mark.line + 1 if mark else '?'}: {error.problem}"]) from None
    if not isinstance(tree, CommentedMap):
        raise PlanError([f"{path} holds no settings; see: polydistill show sdrrl"])
    _refuse_tricks(tree, str(path), 0, set())
    return tree


def _refuse_tricks(node: Any, path: str, depth: int, seen: set[int]) -> None:
    if depth > MAX_DEPTH:
        raise PlanError([f"{path} is nested more than {MAX_DEPTH} deep"])
    if isinstance(node, (CommentedMap, CommentedSeq)):
        if id(node) in seen or (node.anchor is not None and node.anchor.value):
            raise PlanError([f"{path}, line {node.lc.line + 1}: anchors and aliases are not used in plans"])
        seen.add(id(node))
        if node.tag is not None and node.tag.value and not str(node.tag.value).startswith("tag:yaml.org,2002:"):
            raise PlanError([f"{path}, line {node.lc.line + 1}: tags ({node.tag.value}) are not used in plans"])
        for child in node.values() if isinstance(node, CommentedMap) else node:
            _refuse_tricks(child, path, depth + 1, seen)


def merged(base: Any, change: Any) -> Any:
    """The base with the change laid over it: maps key by key, everything else replaced."""
    if not (isinstance(base, CommentedMap) and isinstance(change, CommentedMap)):
        return change
    result = copy.copy(change)
    for key, value in base.items():
        result[key] = merged(value, change[key]) if key in change else value
    return result


def override(tree: CommentedMap, change: str) -> None:
    """Sets ``a.b.c=value`` in the tree; the value is read as YAML, and `to` also takes a list with commas."""
    key, equals, value = change.partition("=")
    if not equals or not key.strip():
        raise PlanError([f"'{change}' is no setting; write key=value, such as train.epochs=2"])
    *above, last = key.strip().split(".")
    node: Any = tree
    for part in above:
        if isinstance(node.get(part), str):  # a component by its bare name gets settings
            node[part] = CommentedMap({node[part]: CommentedMap()})
        node = node.setdefault(part, CommentedMap()) if isinstance(node, CommentedMap) else None
        if not isinstance(node, CommentedMap):
            raise PlanError([f"{key} cannot be set one by one, because {part} is a list or a value; give {part} as a whole"])
    if key.strip() in ("to", "from"):  # before YAML makes something else of a code
        node[last] = [part.strip().strip("[]'\"") for part in value.split(",")] if last == "to" else value
        return
    try:
        node[last] = YAML(typ="rt").load(value) if value.strip() else ""
    except MarkedYAMLError as error:
        raise PlanError([f"{key}={value}: {error.problem}"]) from None


def build(tree: CommentedMap, path: str) -> Plan:
    """A plan from a tree of settings.

    Raises:
        PlanError: every mistake of the whole tree.
    """
    plain = _plain(tree)
    mistakes: list[tuple[tuple[Any, ...], str]] = []
    if isinstance(plain.get("model"), str):
        plain["model"] = {"transformers": {"path": plain["model"]}}
    if isinstance(plain.get("to"), str):
        plain["to"] = [plain["to"]]
    top: dict[str, Any] = {}
    for field, key, kind in (("model", "model", Engine), ("rich", "from", Lang), ("targets", "to", tuple[Lang, ...])):
        top[field] = _part(kind, plain, key, mistakes)
    sections = {}
    for name, section in SECTIONS.items():
        value = plain.get(name) or {}
        if not isinstance(value, dict):
            mistakes.append(((name,), "holds settings: give them as key: value"))
            continue
        inherits = {f: top[f] for f in INHERITED if f in section.model_fields and f not in value}
        try:
            sections[name] = section.model_validate({**value, **inherits})
        except ValidationError as error:
            mistakes += [((name, *loc), text) for loc, text in sentences(error, section) if not (loc and loc[0] in inherits)]
    others = {key: value for key, value in plain.items() if key not in (*SECTIONS, "model", "from", "to")}
    try:
        if not mistakes:
            return Plan.model_validate({**others, **sections, "model": top["model"], "from": top["rich"], "to": top["targets"]})
        allowed = [field.alias or name for name, field in Plan.model_fields.items()]
        for key in others:
            if key not in allowed:
                mistakes.append(((key,), _no_setting(key, allowed)))
    except ValidationError as error:
        mistakes += sentences(error, Plan)
    raise PlanError([f"{place(tree, loc, path)}: {text}" for loc, text in mistakes])


def _part(kind: Any, plain: dict[str, Any], key: str, mistakes: list[tuple[tuple[Any, ...], str]]) -> Any:
    from pydantic import TypeAdapter

    if key not in plain:
        short = {"model": "--model FOLDER", "from": "--from LANGUAGE", "to": "--to LANGUAGE[,LANGUAGE]"}[key]
        mistakes.append(((key,), f"is missing; give it with {short}"))
        return None
    try:
        return TypeAdapter(kind).validate_python(plain[key])
    except ValidationError as error:
        mistakes += [((key, *loc), text) for loc, text in sentences(error, None)]
        return None


def sentences(error: ValidationError, owner: type[Settings] | None) -> list[tuple[tuple[Any, ...], str]]:
    """(where, what is wrong) of each mistake, those inside components included."""
    found: list[tuple[tuple[Any, ...], str]] = []
    for mistake in error.errors():
        found += _sentences(mistake, owner)
    return found


def _sentences(mistake: dict[str, Any], owner: type[Settings] | None) -> list[tuple[tuple[Any, ...], str]]:
    loc, kind, context = mistake["loc"], mistake["type"], mistake.get("ctx", {})
    if kind == "inside":
        inner = [found for error in context["errors"] for found in _sentences(error, context["owner"])]
        return [((*loc, context["name"], *where), text) for where, text in inner]
    if kind == "extra_forbidden":
        for part in loc[:-1]:
            field = owner.model_fields.get(str(part)) if owner else None
            owner = field.annotation if field and isinstance(field.annotation, type) and issubclass(field.annotation, Settings) else None
        fields = [f.alias or name for name, f in owner.model_fields.items()] if owner else []
        return [(loc, _no_setting(str(loc[-1]), fields))]
    if kind == "missing":
        return [(loc, "is missing")]
    text = mistake["msg"].removeprefix("Value error, ")
    given = mistake.get("input")
    return [(loc, text if kind in ("value_error", "unknown", "component", "kind") else f"{text}, not {given!r}")]


def _no_setting(given: str, allowed: list[str]) -> str:
    near = nearest(given, allowed)
    return f"no setting named '{given}'" + (f"; did you mean {near}?" if near else f"; there are {', '.join(allowed)}" if allowed else "")


def place(tree: CommentedMap, loc: tuple[Any, ...], path: str) -> str:
    """``file, line n: a.b.c`` for a mistake's place, as far as the tree goes."""
    name = ".".join(str(part) for part in loc)
    line = line_of(tree, loc)
    return f"{path}, line {line}: {name}" if line else name or path


def line_of(tree: Any, loc: tuple[Any, ...]) -> int | None:
    """The line (from 1) where a place is written; None for what was given on the command line."""
    line, node = None, tree
    for part in loc:
        try:
            if isinstance(node, CommentedMap) and part in node:
                position = node.lc.key(part)
            elif isinstance(node, CommentedSeq) and isinstance(part, int):
                position = node.lc.item(part)
            else:
                break
        except (KeyError, AttributeError, TypeError):
            return line
        line, node = position[0] + 1, node[part]
    return line


def _plain(node: Any) -> Any:
    if isinstance(node, dict):
        return {str(key): _plain(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_plain(value) for value in node]
    return node


def shown(component: Component) -> Any:
    """A component with all its settings, as YAML would hold it."""
    return {component.name(): component.model_dump(mode="json")}
