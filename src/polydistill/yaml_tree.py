"""YAML as a tree that knows its lines: reading it, laying one over another, and changing single values."""

from itertools import pairwise
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent, DocumentStartEvent, NodeEvent, ScalarEvent

from .component import Component, Settings, nearest
from .privacy import keys

MAX_BYTES, MAX_DEPTH, MAX_VALUES = 200_000, 20, 5_000
"""What a plan may hold. A longer list belongs into a file of data; and reading YAML takes a second for 5,000 values."""


class PlanError(ValueError):
    """Every mistake of a plan, one a line; without what looks like a key."""

    def __init__(self, mistakes: list[str]):
        self.mistakes = [keys.masked(mistake) for mistake in mistakes]
        super().__init__("\n".join(self.mistakes))


def load(path: Path) -> CommentedMap:
    """A YAML file (1.2, so that `no` is Norwegian) as a tree; no tags, no aliases.

    Raises:
        PlanError: it cannot be read, is too large, no UTF-8, no YAML, or holds no map.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise PlanError([f"{path} is larger than a plan can be ({path.stat().st_size} bytes)"])
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise PlanError([f"{path} is not UTF-8 (byte {error.start})"]) from None
    except OSError as error:
        raise PlanError([f"{path} cannot be read: {error.strerror}"]) from None
    tree = parsed(text, lambda line: f"{path}, line {line}")
    if not isinstance(tree, CommentedMap):
        raise PlanError([f"{path} holds no settings; see: polydistill show sdrrl"])
    return tree


def parsed(text: str, where: Any) -> Any:
    """What a YAML text holds; tricks are refused before anything is built. ``where(line)`` says the place of a mistake."""
    depth = values = 0
    try:
        for event in YAML(typ="rt").parse(text):
            here = where(event.start_mark.line + 1)
            depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
            if depth > MAX_DEPTH:
                raise PlanError([f"{here}: nested more than {MAX_DEPTH} deep"])
            values += isinstance(event, NodeEvent)
            if values > MAX_VALUES:
                raise PlanError([f"{here}: more than {MAX_VALUES} values; a plan is not that long"])
            if isinstance(event, DocumentStartEvent) and (event.version or event.tags):
                raise PlanError([f"{here}: directives (%) are not used in plans"])
            if isinstance(event, ScalarEvent) and event.value == "<<" and not event.style:
                raise PlanError([f"{here}: merging (<<) is not used in plans; write the settings out"])
            if isinstance(event, AliasEvent) or (isinstance(event, NodeEvent) and event.anchor):
                raise PlanError([f"{here}: anchors and aliases are not used in plans"])
            if isinstance(event, NodeEvent) and event.tag:
                tag = str(event.tag).replace("tag:yaml.org,2002:", "!!")
                raise PlanError([f"{here}: tags ({tag}) are not used in plans"])
        return YAML(typ="rt").load(text)
    except PlanError:
        raise
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        problem = (error.problem or "").partition(" with value")[0]  # of a key that stands there twice, perhaps a secret
        raise PlanError([f"{where(line)}: {', '.join(part for part in (error.context, problem) if part)[:300]}"]) from None
    except YAMLError as error:
        raise PlanError([f"{where('?')}: {str(error).splitlines()[0][:300]}"]) from None
    except (ValueError, ArithmeticError, AttributeError, TypeError):  # 5,000 digits, the 99th of May, a map in place of a name
        raise PlanError([f"{where('?')}: a number, a date or a name that cannot be read"]) from None


def merged(base: CommentedMap, change: CommentedMap, settings: type[Settings]) -> CommentedMap:
    """The base with the change laid over it: settings one by one; a component, a list or a value is replaced as a whole."""
    for key, value in base.items():
        inner = settings.model_fields[key].annotation if key in settings.model_fields else None
        group = isinstance(inner, type) and issubclass(inner, Settings) and not issubclass(inner, Component)
        if key not in change or (group and change[key] is None):
            change[key] = unplaced(value)
        elif group and isinstance(change[key], CommentedMap):
            merged(value, change[key], inner)
    return change


def override(tree: CommentedMap, change: str) -> None:
    """Sets ``a.b.c=value`` in the tree; the value is read as YAML, a model's path and languages as they are.

    Raises:
        PlanError: the change cannot be made.
    """
    key, equals, value = (part.strip() for part in change.partition("="))
    if not equals or not key:
        raise PlanError([f"'{change[:100]}' is no setting; write key=value, such as train.epochs=2"])
    parts = key.split(".")
    if secrets := list(keys.found_in({part: value for part in parts})):
        raise PlanError([f"the setting {keys.masked(key)} {secrets[0][1]}"])
    node: Any = tree
    if parts[0] == "rounds" and len(parts) > 2:
        node, parts = _round(tree, parts[1], key), parts[2:]
    for part, following in pairwise(parts):
        if part == "model" and isinstance(tree.get("model"), str) and node is tree:  # a path, not an engine's name
            tree["model"] = CommentedMap(transformers=CommentedMap(path=tree["model"]))
        node = _opened(node, part, key)
        if part == "model" and len(node) == 1 and following not in node:  # a setting of the one engine that stands there
            node = _opened(node, next(iter(node)), key)
    last = parts[-1]
    if isinstance(node, CommentedSeq):
        node = node[_place(node, last, key)]
    node[last] = _value(key, value)
    if node.lc.data:
        node.lc.data.pop(last, None)


def _round(tree: CommentedMap, number: str, key: str) -> Any:
    """The settings of a further round; the first one is round 2."""
    rounds = found if isinstance(found := tree.get("rounds"), CommentedSeq) else []
    numbers = [str(place + 2) for place in range(len(rounds))]
    if number not in numbers or not isinstance(rounds[numbers.index(number)], CommentedMap):
        raise PlanError([f"{key} cannot be set: of further rounds there are {', '.join(numbers) or 'none'}"])
    return rounds[numbers.index(number)]


def _opened(node: Any, part: str, key: str) -> Any:
    """The settings below a key: new ones where there are none, a component's where it stands there by its bare name.

    Below a list of components are the settings of the one that is named.
    """
    if isinstance(node, CommentedSeq):
        return _opened(node[_place(node, part, key)], part, key)
    below = node.get(part)
    if below is None or isinstance(below, str):
        node[part] = CommentedMap() if below is None else CommentedMap({below: CommentedMap()})
    elif not isinstance(below, CommentedMap | CommentedSeq):
        raise PlanError([f"{key} cannot be set one by one, because {part} is a value; give {part} as a whole"])
    return node[part]


def _place(components: CommentedSeq, name: str, key: str) -> int:
    """Where a component stands in a list; one that stood there by its bare name has settings from now on."""
    named = [next(iter(one), "") if isinstance(one, dict) else str(one) for one in components]
    if named.count(name) != 1:
        what = f"{named.count(name)} are named {name}" if name in named else f"it holds {', '.join(named) or 'nothing'}"
        near = nearest(name, set(named) - {name})
        raise PlanError([f"{key} cannot be set: {what}" + (f"; did you mean {near}?" if near else "")])
    at = named.index(name)
    if not isinstance(components[at], CommentedMap):
        components[at] = CommentedMap({name: CommentedMap()})
    return at


def _value(key: str, value: str) -> Any:
    if key == "to":  # before YAML makes something else of a code
        return [part.strip(" []'\"") for part in value.split(",")]
    if key == "from" or (key == "model" and not value.startswith("{")):
        return value
    return unplaced(parsed(value, lambda line: f"{key}={value[:100]}")) if value else ""


def unplaced(node: Any) -> Any:
    """The same tree without lines: for what is not written in the plan's own file."""
    if isinstance(node, dict):
        return CommentedMap({key: unplaced(value) for key, value in node.items()})
    return CommentedSeq(unplaced(value) for value in node) if isinstance(node, list) else node


def plain(node: Any) -> Any:
    """A tree as plain dicts and lists."""
    if isinstance(node, dict):
        return {str(key): plain(value) for key, value in node.items()}
    return [plain(value) for value in node] if isinstance(node, list) else node


def place(tree: CommentedMap, loc: tuple[Any, ...], path: str) -> str:
    """``file, line n: a.b.c`` for a mistake's place, as far as the tree goes; without the file for the command line."""
    name = ".".join(str(part) for part in loc)
    line = line_of(tree, loc)
    return f"{path}, line {line}: {name}" if line else name or path


def line_of(tree: Any, loc: tuple[Any, ...]) -> int | None:
    """The line (from 1) where a place is written; None for what was given on the command line or is not given."""
    line, node = None, tree
    for part in loc:
        there = part in node if isinstance(node, CommentedMap) else isinstance(node, CommentedSeq) and isinstance(part, int)
        if not there:
            break
        if not node.lc.data or part not in node.lc.data:
            return None
        line, node = node.lc.data[part][0] + 1, node[part]
    return line
