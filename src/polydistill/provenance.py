"""What a model was made with, for its card: parts with their licences, where the training rows are from, settings."""

import json
import platform
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

from .component import Component, identity, one_of
from .engines import Engine
from .privacy.visible import visible
from .records import Row
from .stage import BESIDE, Artifact


class Part(NamedTuple):
    """The model, a component or the machine."""

    name: str
    what: str
    licence: str = ""
    """Empty where there is nothing to license."""


NOT_STATED = "not stated"


def parts_of(model: Engine, components: Sequence[Component]) -> list[Part]:
    """The model; each component, and each source inside one, once, if it states or reads anything; packages and machine."""
    found: list[Part] = [part(model, "model")]
    seen: list[Component] = []
    for component in [inner for outer in components for inner in (outer, *sources_in(outer))]:
        if component not in seen:
            seen.append(component)
            found.append(part(component, f"{one_of(component.kind())} {component.name()}"))
    packages = {name: version(name) for name in ("torch", "transformers", "accelerate")}
    beside = Part("packages", shown({"python": platform.python_version(), **packages})), Part("machine", platform.machine())
    return [*(one for one in found if one.what), *beside]


def part(component: Component, name: str) -> Part:
    """What a component states of itself, or else the settings that say what it reads."""
    stated = {key: value for key, value in component.about().items() if value}
    own_name, licence = shown(stated.pop("name", "")), shown(stated.pop("licence", ""))
    what = ", ".join(filter(None, (own_name, shown(stated)))) or shown(read_settings(component))
    # An evaluator says in its own words whose its items are, unless they are in a file of the user's.
    theirs = component.kind() == "evaluators" and (stated or sources_in(component))
    return Part(name, what, licence or ("" if theirs or not what else NOT_STATED))


def sources_in(component: Component) -> list[Component]:
    """The sources that a component reads."""
    fields = (getattr(component, name) for name in type(component).model_fields)
    return [value for value in fields if isinstance(value, Component) and value.kind() == "sources"]


def read_settings(component: Component) -> dict[str, str]:
    """The paths (by their last part) and names among a component's settings, where they are not at their defaults."""
    given = {name: getattr(component, name) for name, field in type(component).model_fields.items()}
    changed = {name: value for name, value in given.items() if value != type(component).model_fields[name].default}
    return {
        name: value.name if isinstance(value, Path) else str(value)
        for name, value in changed.items()
        if isinstance(value, (Path, str))
    }


def shown(value: Any) -> str:
    """A stated value in one line."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {shown(inner)}" for key, inner in value.items())
    return ", ".join(map(shown, value)) if isinstance(value, (list, tuple)) else str(value)


class Origin(NamedTuple):
    """Who made a training row."""

    asked: str
    """The source of its question or text."""
    answered: str
    translated: str


def author(model: Engine) -> str:
    """What the lineage of a model's own answers has as their author."""
    return f"{model.name()} {str(model.identity())[:200]}"


def origins(rows: Iterable[Row], model: Engine) -> list[tuple[Origin, int]]:
    """How many training rows are from whom, most first."""
    own = author(model)
    counted: Counter[Origin] = Counter()
    for row in rows:
        from_ = row.lineage
        answered = "the model itself" if from_.author == own else re.sub(r"([0-9a-f]{12})[0-9a-f]{52}", r"\1", from_.author)
        counted[Origin(from_.source.partition(" ")[0], answered, from_.translator)] += 1
    return sorted(counted.items(), key=lambda found: (-found[1], found[0]))


def settings_of(stages: Iterable[tuple[str, Artifact]], top: dict[str, Any]) -> dict[str, Any]:
    """Every setting that decided a result, as each stage has noted it, in the shape of a plan.

    Files are told by the digests of their contents. What a stage has from the ``top`` of the plan is left out.
    """
    found = {"model": _plain(identity(top["model"])), "from": str(top["rich"]), "to": [str(lang) for lang in top["targets"]]}
    same = identity(top)
    for name, result in stages:
        noted = json.loads((result.folder / BESIDE / "settings.json").read_text("utf-8"))["settings"]
        found[name] = {key: _plain(value) for key, value in noted.items() if key not in same or value != same[key]}
    return found


def _plain(value: Any) -> Any:
    """A component's identity as a plan would name it."""
    if isinstance(value, dict) and len(value) == 2 and "version" in value:
        name, settings = next((key, inner) for key, inner in value.items() if key != "version")
        return {name: _plain(settings)} if settings else name
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value


def seeds(settings: Any, where: str = "") -> dict[str, int]:
    """Every setting named ``seed``, with the part of the plan that holds it."""
    if isinstance(settings, list):
        settings = dict(enumerate(settings))
    found = {}
    for key, value in settings.items() if isinstance(settings, dict) else ():
        if key == "seed":
            found[where] = value
        else:
            found |= seeds(value, f"{where}.{key}".lstrip("."))
    return found


def yaml_text(tree: Any) -> str:
    """A tree as YAML."""
    from ruamel.yaml import YAML

    writer, text = YAML(), StringIO()
    writer.default_flow_style, writer.width = False, 120
    writer.dump(tree, text)
    return text.getvalue()


def fenced(tree: Any) -> str:
    """A tree as YAML in a fence that nothing inside it can close."""
    from markupsafe import Markup

    text = visible(yaml_text(tree))
    fence = "`" * (1 + max([2, *(len(run) for run in re.findall("`+", text))]))
    return Markup(f"{fence}yaml\n{text}{fence}")


def as_text(value: Any) -> str:
    """A value in one line of Markdown that is text alone: no markup, no cell of a table, no tag."""
    return re.sub(r"([\\`*\[\]<>|~])", r"\\\1", re.sub(r"\s+", " ", visible(str(value))))
