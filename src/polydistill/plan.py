"""Reads a plan from a recipe, a file or a run's folder with key=value changes, and tells every mistake at once."""

import copy
import os
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError
from ruamel.yaml.comments import CommentedMap

from .component import unknown
from .engines import Engine
from .langs import Lang, same_language
from .mistakes import Mistake, no_setting, sentences, unusable
from .plan_settings import INHERITED, SECTIONS, Plan, Round
from .privacy import keys
from .teachers import every
from .yaml_tree import PlanError, load, merged, override, place, plain, unplaced

RECIPES = Path(__file__).parent / "recipes"
OF_A_ROUND = list(SECTIONS)[:-2]
MOST_TARGETS = 200


def recipe_names() -> list[str]:
    """The names of the shipped recipes."""
    return sorted(path.stem for path in RECIPES.glob("*.yaml"))


def recipe_tree(path: Path) -> CommentedMap:
    """A shipped recipe, laid over the one that it begins from."""
    tree = load(path)
    return merged(recipe_tree(RECIPES / f"{tree['recipe']}.yaml"), tree, Plan) if "recipe" in tree else tree


def read_plan(
    given: str, overrides: list[str] | None = None, model: str | None = None, source: str | None = None,
    target: str | None = None,
) -> Plan:  # fmt: skip
    """A plan from a recipe's name, a YAML file or a run's folder, with ``key=value`` changes.

    Raises:
        PlanError: every mistake, each with its line and the nearest right name.
    """
    path = RECIPES / f"{given}.yaml" if given in recipe_names() else Path(os.path.expanduser(given))
    is_run = os.path.isfile(path / "plan.yaml")
    path = path / "plan.yaml" if is_run else path
    if not os.path.isfile(path):  # unlike Path.is_file it takes a name of any length
        raise PlanError([unknown("recipe, plan file or run", given, recipe_names(), "polydistill list recipes")])
    short = (("model", model), ("from", source), ("to", target))
    changes = [*(f"{key}={value}" for key, value in short if value is not None), *(overrides or ())]
    tree = load(path)
    if is_run:
        tree["runs"] = str(path.absolute().parent.parent)
    for change in [change for change in changes if change.partition("=")[0].strip() == "recipe"]:
        if is_run or path.parent == RECIPES:
            raise PlanError([f"{change}: only a plan's file can begin from another recipe; a recipe is run by its own name"])
        override(tree, change)
        changes.remove(change)
    if "recipe" in tree:
        if str(tree["recipe"]) not in recipe_names():
            no_such = unknown("recipe", str(tree["recipe"]), recipe_names(), "polydistill list recipes")
            raise PlanError([f"{place(tree, ('recipe',), str(path)).removesuffix(': recipe')}: {no_such}"])
        tree = merged(recipe_tree(RECIPES / f"{tree['recipe']}.yaml"), tree, Plan)
    if path.parent == RECIPES:
        tree["recipe"] = path.stem
    for change in changes:
        override(tree, change)
    return build(tree, str(path))


def build(tree: CommentedMap, path: str) -> Plan:
    """A plan from a tree of settings.

    Raises:
        PlanError: every mistake of the whole tree.
    """
    given = plain(tree)
    mistakes: list[Mistake] = list(keys.found_in(given))
    mistakes += unusable(given)
    if mistakes:  # before any other sentence can repeat them
        raise PlanError([f"{place(tree, loc, path)}: {text}" for loc, text in mistakes])
    if isinstance(given.get("model"), str):
        given["model"] = {"transformers": {"path": given["model"]}}
    if isinstance(given.get("to"), str):
        given["to"] = [given["to"]]
    top: dict[str, Any] = {}
    for field, key, kind in (("model", "model", Engine), ("rich", "from", Lang)):
        top[field] = _part(kind, given, (key,), mistakes)
    top["targets"] = _targets(given, top["rich"], mistakes)
    sections, rounds = {}, list[Round]()
    for name, section in SECTIONS.items():
        value = given.get(name) or {}
        if not isinstance(value, dict):
            mistakes.append(((name,), "holds settings: give them as key: value"))
            continue
        inherits = {f: top[f] for f in INHERITED if f in section.model_fields and f not in value}
        if name == "report" and not mistakes:
            ask, mix, measured = sections["ask"], sections["mix"], sections["evaluate"]
            taught = every(sections["train"].asks())
            rounds = further(tree, given, path, mistakes)
            parts = [ask.source, sections["translate"].translator, *mix.texts, *taught, *measured.evaluators]
            parts += [part for later in rounds for part in later.plan.report.parts if part not in parts]
            inherits["parts"] = tuple(parts)
            inherits["retain"] = sections["choose"].retain
        try:
            sections[name] = section.model_validate({**value, **inherits})
        except ValidationError as error:
            mistakes += [((name, *loc), text) for loc, text in sentences(error, section) if not (loc and loc[0] in inherits)]
    others = {}
    for key in [key for key in given if key not in (*SECTIONS, "model", "from", "to", "rounds")]:
        if key in Plan.model_fields and key not in INHERITED:
            others[key] = _part(Plan.model_fields[key].rebuild_annotation(), given, (key,), mistakes)
        else:
            mistakes.append(((key,), no_setting(key, [field.alias or name for name, field in Plan.model_fields.items()])))
    if mistakes:
        raise PlanError([f"{place(tree, loc, path)}: {text}" for loc, text in mistakes])
    return Plan.model_validate(
        {**others, **sections, "model": top["model"], "from": top["rich"], "to": top["targets"], "rounds": rounds}
    )


def further(tree: CommentedMap, given: dict[str, Any], path: str, mistakes: list[Mistake]) -> list[Round]:
    """The further rounds of a plan."""
    parts = given.get("rounds") or []
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        mistakes.append((("rounds",), "holds parts of a plan: give them as a list, such as rounds: [{train: {epochs: 1}}]"))
        return []
    found = []
    for number, part in enumerate(parts):
        if strange := [key for key in part if key not in OF_A_ROUND]:
            of_the_run = strange[0] in SECTIONS
            said = "is of the whole run; give it outside of rounds" if of_the_run else no_setting(strange[0], OF_A_ROUND)
            mistakes.append((("rounds", number, strange[0]), said))
            continue
        base = unplaced({key: value for key, value in tree.items() if key != "rounds"})
        try:
            found.append(Round(given=part, plan=build(merged(base, copy.deepcopy(tree["rounds"][number]), Plan), path)))
        except PlanError as error:
            raise PlanError([f"round {number + 2}: {mistake}" for mistake in error.mistakes]) from None
    return found


def _part(kind: Any, given: Any, where: tuple[Any, ...], mistakes: list[Mistake]) -> Any:
    key = where[-1]
    if isinstance(given, dict) and key not in given:
        short = {"model": "--model FOLDER", "from": "--from LANGUAGE", "to": "--to LANGUAGE[,LANGUAGE]"}[key]
        mistakes.append((where, f"is missing; give it with {short}"))
        return None
    try:
        return TypeAdapter(kind).validate_python(given[key])
    except ValidationError as error:
        mistakes += [((*where, *loc), text) for loc, text in sentences(error, None)]
        return None


def _targets(given: dict[str, Any], rich: Lang | None, mistakes: list[Mistake]) -> tuple[Lang, ...] | None:
    found = _part(list[Any], given, ("to",), mistakes)
    if found is None:
        return None
    if not found:
        mistakes.append((("to",), "holds no language; give at least one"))
    if len(found) > MOST_TARGETS:
        mistakes.append((("to",), f"holds {len(found)} languages; give at most {MOST_TARGETS}"))
        return None
    targets = [_part(Lang, found, ("to", place), mistakes) for place in range(len(found))]
    for at, target in enumerate(targets):
        if target and (twin := same_language(target, [rich] if rich else [])):
            also = "" if twin == target else f" ({twin}; regions differ only where both are stated)"
            mistakes.append((("to", at), f"the target {target} is the rich language itself{also}; give another"))
        elif target and (twin := same_language(target, filter(None, targets[:at]))):
            again = "stands there twice" if twin == target else f"is {twin} again (regions differ only where both are stated)"
            mistakes.append((("to", at), f"{target} {again}; give each target language once"))
    return tuple(targets)
