"""Tasks of lm-evaluation-harness: found by language, loaded with their data, refused where they cannot be run."""

import contextlib
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import langcodes

from .. import progress
from ..component import missing_extra, nearest
from ..languages.language_files import named
from ..records import Lang
from ..sources import BadInput
from ._harness_folder import local_data, refuse_code, where_from
from ._items import english_names

OWN_KEYS = ("group", "task", "tag", "include", "metadata", "aggregate_metric_list", "group_alias", "task_alias")
"""Keys of a group that say nothing about its tasks."""


class Found(NamedTuple):
    """A task that can be run."""

    task: Any
    lang: Lang
    name: str
    """As it was asked for, ``{lang}`` still in it."""
    alike: str
    """The task's own name with ``{lang}`` for the language's code: the same for the same task in another language."""


@contextlib.contextmanager
def guarded(download: bool) -> Iterator[None]:
    """The harness without network, without bars and warnings, and with templates of tasks that cannot reach into Python.

    Raises:
        ModuleNotFoundError: it is not installed; the error says how to install it.
    """
    try:
        import datasets
        import huggingface_hub
        import lm_eval.api.task
        import lm_eval.utils
    except ImportError:
        raise ModuleNotFoundError(missing_extra("lm_eval", "lm-eval")) from None
    from jinja2.sandbox import SandboxedEnvironment
    from tqdm import tqdm

    # The harness writes prompts with an environment of Jinja in which a template can call anything.
    free = lm_eval.utils.env
    safe = SandboxedEnvironment(undefined=free.undefined, keep_trailing_newline=free.keep_trailing_newline)
    safe.filters.update(free.filters)
    with contextlib.ExitStack() as stack:
        stack.enter_context(_replaced(lm_eval.utils, "env", safe))
        stack.enter_context(_replaced(lm_eval.api.task, "tqdm", partial(tqdm, disable=True)))
        stack.enter_context(_replaced(logging.getLogger("lm_eval"), "disabled", True))
        for name in [name for name in logging.root.manager.loggerDict if name.startswith("lm_eval.")]:
            stack.enter_context(_replaced(logging.getLogger(name), "disabled", True))
        if not download:
            for module in (datasets.config, huggingface_hub.constants):
                stack.enter_context(_replaced(module, "HF_HUB_OFFLINE", True))
        if datasets.is_progress_bar_enabled():
            stack.callback(datasets.enable_progress_bars)
            datasets.disable_progress_bars()
        yield


@contextlib.contextmanager
def _replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


def find_tasks(names: Sequence[str], languages: Sequence[Lang], folder: Path | None, shots: int | None) -> list[Found]:
    """The tasks of each language with their data, in the order of ``names``; the same name may stand for several.

    Raises:
        BadInput: a name is unknown, a target has no such task, data are missing, or a task cannot be run here.
    """
    if folder and not folder.is_dir():
        raise FileNotFoundError(f"no folder {folder}; it holds copies of data sets under their hub names, and your own tasks")
    own = _own(folder, _state(folder)) if folder else None
    found: list[Found] = []
    for name in names:
        # Tasks of one's own come first, and reading the harness's list takes seconds.
        pattern = _pattern(name)
        index = own if own and any(map(pattern.fullmatch, own.task_index)) else _all()
        for lang in languages:
            full, code = name_in(name, lang, languages, list(index.task_index))
            if not full and "{rich}" not in name and "{lang}" in name:
                progress.say_once(f"{name} has no {lang.english_name} ({lang}): it says nothing of how much of that is kept")
            for leaf, overrides in _leaves(full, index.task_index, {}) if full else ():
                if leaf in {each.task.task_name for each in found}:
                    raise BadInput(f"task {leaf} is asked for twice; name it once")
                changes = {**overrides, **({} if shots is None else {"num_fewshot": shots})}
                alike = re.sub(f"(?<![^_-]){re.escape(code)}(?![^_-])", "{lang}", leaf) if code else leaf
                found.append(Found(_load(index, leaf, changes, folder), lang, name, alike))
    return found


def label(name: str) -> str:
    """What the scores of a name begin with: the name without languages."""
    return name.replace("{rich}", "").replace("{lang}", "").strip("_-")


def _pattern(name: str) -> re.Pattern[str]:
    """What a name stands for: any code in place of ``{lang}`` and ``{rich}``."""
    groups = {"{lang}": "(?P<lang>.+)", "{rich}": "(?P<rich>.+)"}
    return re.compile("".join(groups.get(part) or re.escape(part) for part in re.split(r"(\{lang\}|\{rich\})", name)))


def name_in(name: str, lang: Lang, languages: Sequence[Lang], names: Sequence[str]) -> tuple[str | None, str]:
    """A task's name in a language with the code that stands for it there; None where the rich language lacks it.

    Raises:
        BadInput: no task has such a name, or none in this target language; the error says what there is.
    """
    rich = languages[0]
    if "{lang}" not in name:
        if name not in names:
            raise BadInput(_unknown(name, name, names))
        return (name, "") if lang == rich else (None, "")
    pattern = _pattern(name)
    there = [match for each in names if (match := pattern.fullmatch(each))]
    if not there:
        raise BadInput(_unknown(name, name.format(lang=lang.language, rich=rich.language), names))
    if "{rich}" in name:
        if lang == rich:
            return None, ""
        there = [match for match in there if match["rich"] == _code(rich, [match["rich"] for match in there])]
    by_code = {match["lang"]: match.string for match in there}
    code = _code(lang, list(by_code))
    if code is None and lang != rich:
        raise BadInput(f"task {name} has no {lang.english_name} ({lang}); it has {', '.join(sorted(_codes(by_code)))}")
    return (by_code[code], code) if code else (None, "")


def _code(lang: Lang, codes: Sequence[str]) -> str | None:
    """The one that stands for a language: any of its codes, or its English name."""
    return named(lang, tuple(_codes(codes))) or next((code for code in codes if code.casefold() in english_names(lang)), None)


def _codes(codes: Sequence[str] | Mapping[str, str]) -> list[str]:
    return [code for code in codes if langcodes.tag_is_valid(code.replace("_", "-"))] or list(codes)


def _unknown(name: str, example: str, names: Sequence[str]) -> str:
    near = nearest(example, names)
    return (
        f"no task named '{name}' in lm-evaluation-harness" + (f"; did you mean {near}?" if near else "") + " (lm_eval ls tasks)"
    )


def _state(folder: Path) -> tuple[tuple[str, int, int], ...]:
    files = sorted(folder.rglob("*.yaml"))
    return tuple((str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in files)


@lru_cache(maxsize=4)
def _own(folder: Path, state: tuple[tuple[str, int, int], ...]) -> Any:
    """The tasks of the user's folder; its files are as ``state`` says."""
    from lm_eval.tasks import TaskManager

    for file, _, _ in state:
        refuse_code(Path(file), folder)
    return TaskManager(include_path=str(folder), include_defaults=False)


@cache
def _all() -> Any:
    """The harness's own tasks."""
    from lm_eval.tasks import TaskManager

    return TaskManager()


def _leaves(name: str, index: Mapping[str, Any], overrides: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The single tasks that a task, group or tag stands for, with what its groups change of them."""
    entry = index[name]
    if entry.kind.name == "TAG":
        members: list[Any] = sorted(entry.tags)
    elif entry.kind.name == "GROUP":
        overrides = {**{key: value for key, value in entry.cfg.items() if key not in OWN_KEYS}, **overrides}
        members = entry.cfg.get("task") or []
    else:
        yield name, dict(overrides)
        return
    for member in members if isinstance(members, list) else [members]:
        named_so = member if isinstance(member, str) else member.get("task", member.get("group"))
        if not isinstance(named_so, str) or named_so not in index:
            raise BadInput(f"group {name} defines tasks inside itself; name single tasks instead")
        own = {} if isinstance(member, str) else {key: value for key, value in member.items() if key not in OWN_KEYS}
        yield from _leaves(named_so, index, {**own, **overrides})


def _load(index: Any, name: str, changes: dict[str, Any], folder: Path | None) -> Any:
    """A task with its data. Raises BadInput where they are not here, or where it cannot be run."""
    entry = index.task_index[name]
    config = {**entry.cfg, **changes}
    if entry.kind.name == "PY_TASK":
        raise BadInput(f"task {name} is a program of its own, not a description; it cannot be run here")
    if reason := _cannot(config):
        raise BadInput(f"task {name} {reason}")
    inside = bool(folder and entry.yaml_path and entry.yaml_path.resolve().is_relative_to(folder.resolve()))
    from datasets.exceptions import DatasetsError
    from jinja2 import TemplateError

    try:
        spec = {"group": "asked", "task": [{"task": name, **changes, **local_data(name, config, folder, inside)}]}
        task = index.load(spec)["tasks"][name]
        task.set_fewshot_seed(0)
        items = task.eval_docs
        if len(items):
            task.doc_to_text(items[0])
            return task
    except BadInput:
        raise
    except TemplateError as error:
        raise BadInput(f"task {name}: a template of it fails on its first item: {error}") from error
    except KeyError as error:
        raise BadInput(f"task {name}: its data have no split {error}. {where_from(config, folder)}") from error
    except (OSError, ValueError, DatasetsError) as error:
        reason = " ".join(str(error).split())[:300]
        raise BadInput(f"task {name} has no data: {reason}. {where_from(config, folder)}") from error
    raise BadInput(f"task {name} has no items")


def _cannot(config: Mapping[str, Any]) -> str:
    generation = config.get("generation_kwargs") or {}
    if config.get("output_type") == "loglikelihood":
        return "asks whether a text is what the model itself would write, which engines do not tell"
    if generation.get("do_sample") or int(config.get("repeats") or 1) > 1:
        return "draws its answers, and all answers here are greedy"
    if config.get("output_type") == "generate_until" and config.get("gen_prefix"):
        return "begins the model's answer for it (gen_prefix), which engines do only where answers are scored"
    if config.get("unsafe_code"):
        return "runs the model's answers as programs, which is never done here"
    return "shows pictures or sounds" if config.get("doc_to_image") or config.get("doc_to_audio") else ""
