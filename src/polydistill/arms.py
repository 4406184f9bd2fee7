"""Arms: the same plan, changed in one thing, as controls to compare with. Each is a list of changes in arms/NAME.yaml."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from .component import unknown
from .plan import Plan, read_plan
from .yaml_tree import PlanError, load

ARMS = Path(__file__).parent / "arms"
UNTOUCHED = "untouched"
"""The arm that is not trained."""


class Arm(NamedTuple):
    """One arm with one training seed."""

    name: str
    seed: int
    plan: Plan


def arm_names() -> list[str]:
    """The names of the shipped arms that change a plan."""
    return sorted(path.stem for path in ARMS.glob("*.yaml"))


def arm_file(name: str, recipe: str) -> Path | None:
    """The file of an arm; None for those without: the untouched model, and the plan as it is, called by its recipe.

    ``sdrrl-no_cross`` is ``no_cross``; a path is a file of the user's own.

    Raises:
        PlanError: there is no such arm.
    """
    if name in (UNTOUCHED, recipe):
        return None
    short = name.removeprefix(f"{recipe}-")
    if short in arm_names():
        return ARMS / f"{short}.yaml"
    own = Path(os.path.expanduser(name))
    if own.suffix in (".yaml", ".yml") and own.is_file():
        return own
    known = [UNTOUCHED, recipe, *arm_names()]
    raise PlanError([unknown("arm", name, known, f"there are {', '.join(known)}, or the path of a file with changes")])


def changes_of(name: str, recipe: str) -> list[str]:
    """What an arm changes, as key=value."""
    path = arm_file(name, recipe)
    if path is None:
        return []
    tree = load(path)
    found = tree.get("changes")
    if set(tree) != {"changes"} or not isinstance(found, list) or not all(isinstance(change, str) for change in found):
        raise PlanError([f"{path}: an arm is a list of changes, as in: changes: [train.learning_rate=1e-4]"])
    return [str(change) for change in found]


def says(name: str, recipe: str) -> str:
    """What an arm is, in a sentence."""
    path = arm_file(name, recipe)
    if path is None:
        return "the untouched model" if name == UNTOUCHED else "the plan as it is"
    return path.read_text("utf-8").splitlines()[0].lstrip("# ")


def read_arms(
    names: Sequence[str], seeds: int, given: str, changes: Sequence[str] = (), model: str | None = None,
    source: str | None = None, target: str | None = None,
) -> tuple[Plan, list[Arm]]:  # fmt: skip
    """The plan as it is, and its trained arms with each seed; the first seed of all arms comes first.

    The seed draws the mixture's rows and their order, and what is random in training.

    Raises:
        PlanError: a mistake in the plan, or an arm that there is not or that cannot be made of this plan.
    """
    plan = read_plan(given, list(changes), model, source, target)
    recipe = plan.recipe or "plan"
    made, mistakes = [], {name: [] for name in names if name != UNTOUCHED}
    for name in mistakes:
        try:
            own = changes_of(name, recipe)
            for seed in range(seeds):
                drawn = [f"mix.seed={plan.mix.seed + seed}", f"train.seed={plan.train.seed + seed}"]
                arm = Arm(name, seed, read_plan(given, [*changes, *own, *drawn], model, source, target))
                _comparable(arm, own, plan, made)
                made.append(arm)
        except PlanError as error:
            mistakes[name] = error.mistakes
    if told := [*_named_twice(names), *told_once({recipe: [], **mistakes})]:  # the plan itself has none
        raise PlanError(told)
    return plan, sorted(made, key=lambda arm: arm.seed)


def told_once(found: Mapping[str, Sequence[str]]) -> list[str]:
    """What is said of arms, each sentence once; with the names of those it holds for, where that is not all of them."""
    arms: dict[str, list[str]] = {}
    for name, sentences in found.items():
        for sentence in dict.fromkeys(sentences):
            arms.setdefault(sentence, []).append(name)
    return [said if len(of) == len(found) else f"{', '.join(of)}: {said}" for said, of in arms.items()]


@contextmanager
def named(arm: Arm) -> Iterator[None]:
    """Inside, what goes wrong is said to have gone wrong with this arm."""
    try:
        yield
    except Exception as error:
        error.add_note(
            f"that was the arm {arm.name}, seed {arm.plan.train.seed}: mend it, or leave it out; the others are kept"
        )
        raise


def _named_twice(names: Sequence[str]) -> list[str]:
    """A mistake for each name under which two arms would be kept; a file's is its own without folder and ending."""
    short = [Path(name).stem for name in dict.fromkeys([*names, UNTOUCHED])]
    twice = [name for at, name in enumerate(names) if name in names[:at]]
    twice += [name for at, name in enumerate(short) if name in short[:at]]
    return [f"the arm {name} is given twice; give each once, and each file a name of its own" for name in dict.fromkeys(twice)]


def _comparable(arm: Arm, own: Sequence[str], plan: Plan, others: Sequence[Arm]) -> None:
    """Nothing, where an arm differs from the others, and in nothing that all must have in common.

    Raises:
        PlanError: it does not, or it differs in that too.
    """
    common = {
        "model": (plan.model, arm.plan.model), "from": (plan.rich, arm.plan.rich), "to": (plan.to, arm.plan.to),
        "runs": (plan.runs, arm.plan.runs), "name": (plan.name, arm.plan.name),
        "evaluate": (plan.evaluate, arm.plan.evaluate), "mix.tokens": (plan.mix.tokens, arm.plan.mix.tokens),
        "train.epochs": (plan.train.epochs, arm.plan.train.epochs),
        "choose.retain": (plan.choose.retain, arm.plan.choose.retain),
    }  # fmt: skip
    found = [key for key, (ours, its) in common.items() if ours != its]
    found += [key for key in ("mix.seed", "train.seed") if any(change.partition("=")[0].strip() == key for change in own)]
    if found:
        raise PlanError([f"an arm cannot change {key}, which all arms have in common" for key in found])
    if same := [other.name for other in others if other.plan == arm.plan]:
        raise PlanError([f"it changes nothing: its plan is that of {same[0]}"])
