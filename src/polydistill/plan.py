"""One settings tree: reads YAML and key=value, and reports every mistake at once."""

import copy
import os
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError, field_validator, model_validator
from ruamel.yaml.comments import CommentedMap

from .answer import AnswerSettings
from .ask import AskSettings
from .checking import problems
from .choose import ChooseSettings
from .component import IDENTITIES, Beside, Settings, identity, unknown, write_component
from .engines import Engine
from .evaluate import EvaluateSettings
from .folder_names import folder_name, runs_folder
from .langs import same_language
from .mistakes import Mistake, no_setting, sentences, unusable
from .mix import MixSettings
from .privacy import keys
from .records import Lang, digest
from .report import ReportSettings
from .teachers import every
from .training import TrainSettings
from .translate import TranslateSettings
from .yaml_tree import PlanError, load, merged, override, place, plain, unplaced

RECIPES = Path(__file__).parent / "recipes"
SECTIONS = {
    "ask": AskSettings, "answer": AnswerSettings, "translate": TranslateSettings, "mix": MixSettings, "train": TrainSettings,
    "choose": ChooseSettings, "evaluate": EvaluateSettings, "report": ReportSettings,
}  # fmt: skip
INHERITED = ("model", "rich", "targets")
MOST_TARGETS = 200


class Round(Settings):
    """A further round: what it does in another way than the plan, from the student of the round before."""

    given: dict[str, Any]
    """The part of a plan that is written for it; what it names is done again with that student, and all that follows."""
    plan: "Plan"
    """The plan with this part laid over it."""

    @property
    def again(self) -> tuple[str, ...]:
        """The stages from the first that it names on."""
        names = tuple(SECTIONS)
        return names[min((names.index(name) for name in self.given if name in SECTIONS), default=names.index("train")) :]

    def after(self, student: Engine) -> "Plan":
        """Its plan with the student in the model's place, from the first stage that it names."""
        sections = {name: getattr(self.plan, name) for name in self.again if "model" in SECTIONS[name].model_fields}
        theirs = {
            name: section.model_copy(update={"model": student})
            for name, section in sections.items() if section.model == self.plan.model
        }  # fmt: skip
        return self.plan.model_copy(update=theirs)


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
    rounds: tuple[Round, ...] = ()
    """Further rounds, each a part of a plan that starts from the student of the round before; the last one's is the student."""
    name: Beside[Annotated[str, AfterValidator(folder_name)]] = ""
    """The run's name, a folder under `runs`; made of the recipe and the languages where none is given."""
    recipe: Beside[str] = ""
    """The recipe it began from."""
    runs: Beside[Annotated[Path, AfterValidator(runs_folder)]] = Path("runs")
    """Where results are kept; runs in one folder share what they have in common."""

    @field_validator("to")
    @classmethod
    def _each_once(cls, targets: tuple[Lang, ...]) -> tuple[Lang, ...]:
        if any(same_language(target, targets[:at]) for at, target in enumerate(targets)):
            raise ValueError("each target language once")
        return targets

    @model_validator(mode="after")
    def _targets_differ(self) -> "Plan":
        if target := same_language(self.rich, self.to):
            raise ValueError(f"the target {target} is the rich language {self.rich} itself; give another under `to`")
        return self

    def identity(self) -> Any:
        """A plan of one round is what it was before there were more."""
        return {name: value for name, value in super().identity().items() if name != "rounds" or value}

    @property
    def rivals(self) -> AnswerSettings:
        """How the student-to-be answers the questions in the target languages, as `answer.rivals` has it do."""
        return self.answer.model_copy(update={"model": self.mix.model, "by": "model"})

    @cached_property
    def folder(self) -> Path:
        """The run's own folder."""
        name = self.name or f"{self.recipe or 'plan'}-{'-'.join(self.to)}-{digest(identity(self))[:6]}"
        return self.runs / name

    def written(self) -> dict[str, Any]:
        """The plan as YAML would hold it, without what the sections inherit and what is at its default.

        A plan that began from a recipe is written whole: what is at its default here may not be so in the recipe.
        """
        short = not self.recipe
        sections = {
            name: getattr(self, name).model_dump(mode="json", exclude_defaults=short, exclude=self.inherited(name))
            for name in SECTIONS
        }
        about = self.model_dump(mode="json", include={"recipe", "name", "runs"}, exclude_defaults=True)
        return {
            **about, "model": write_component(self.model), "from": str(self.rich), "to": [str(lang) for lang in self.to],
            **{name: section for name, section in sections.items() if section},
            **({"rounds": [later.given for later in self.rounds]} if self.rounds else {}),
        }  # fmt: skip

    def inherited(self, section: str) -> set[str]:
        """The fields of a section that are as they are stated on top."""
        top = {"model": self.model, "rich": self.rich, "targets": self.to}
        own = SECTIONS[section].model_fields
        from_sections = {"parts", "retain"} if section == "report" else set()
        return {f for f in INHERITED if f in own and getattr(getattr(self, section), f) == top[f]} | from_sections

    def check(self) -> list[str]:
        """Everything that would stop the run, found without loading weights; empty when all is well."""
        token = IDENTITIES.set({})
        try:
            return list(problems(self))
        finally:
            IDENTITIES.reset(token)


# Reading.


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
    sections = {}
    for name, section in SECTIONS.items():
        value = given.get(name) or {}
        if not isinstance(value, dict):
            mistakes.append(((name,), "holds settings: give them as key: value"))
            continue
        inherits = {f: top[f] for f in INHERITED if f in section.model_fields and f not in value}
        if name == "report" and not mistakes:
            ask, mix, measured = sections["ask"], sections["mix"], sections["evaluate"]
            taught = every(sections["train"].asks())
            inherits["parts"] = (ask.source, sections["translate"].translator, *mix.texts, *taught, *measured.evaluators)
            inherits["retain"] = sections["choose"].retain
        try:
            sections[name] = section.model_validate({**value, **inherits})
        except ValidationError as error:
            mistakes += [((name, *loc), text) for loc, text in sentences(error, section) if not (loc and loc[0] in inherits)]
    others = {}
    rounds = further(tree, given, path, mistakes)
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
    """The further rounds of a plan; none where the plan itself has mistakes, which would be told once for each of them."""
    parts = given.get("rounds") or []
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        mistakes.append((("rounds",), "holds parts of a plan: give them as a list, such as rounds: [{train: {epochs: 1}}]"))
        return []
    found = []
    for number, part in enumerate(parts if not mistakes else []):
        if strange := [key for key in part if key not in SECTIONS]:
            mistakes.append((("rounds", number, strange[0]), no_setting(strange[0], list(SECTIONS))))
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
