"""The user's folder of tasks and data for lm-evaluation-harness: nothing in it runs that was not allowed."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .. import models
from ..component import ALLOWED, nearest
from ..sources import BadInput
from ..yaml_tree import MAX_BYTES, MAX_DEPTH

BUILDERS = ("json", "csv", "parquet", "text", "arrow")
"""What `datasets` reads files with, by the name that stands in place of a data set's."""


def refuse_code(file: Path, folder: Path, included: tuple[Path, ...] = ()) -> None:
    """Refuses a user's task file that would run code, or that reaches outside its folder.

    Raises:
        BadInput: ``!function`` of a module that ``--allow`` does not name, another tag, a metric that is fetched, a program of
            a data set, an include from elsewhere or of itself, aliases, or a file that is no YAML of a
            bearable size.
    """
    import yaml
    from lm_eval import tasks
    from lm_eval.api import metrics  # noqa: F401, fills the registry
    from lm_eval.api.registry import METRIC_REGISTRY
    from lm_eval.tasks._yaml_loader import load_yaml

    if not file.is_file() or file.stat().st_size > MAX_BYTES:
        raise BadInput(f"{file} is no task: it is larger than {MAX_BYTES} bytes, or no file")
    if file.resolve() in included:
        raise BadInput(f"{file} includes itself")
    functions, depth = set(), 0
    try:
        for event in yaml.parse(file.read_text("utf-8"), Loader=yaml.SafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > MAX_DEPTH:
                raise BadInput(f"{file}: nested more than {MAX_DEPTH} deep")
            if isinstance(event, yaml.AliasEvent):
                raise BadInput(f"{file}: an alias (*{event.anchor}) is not read; write it out")
            tag = getattr(event, "tag", None)
            if tag in (None, "!"):
                continue
            module = str(getattr(event, "value", "")).rpartition(".")[0]
            if tag != "!function":
                raise BadInput(f"{file}: the tag {tag} is not read")
            if module not in ALLOWED.get():
                raise BadInput(f"{file}: {tag} {event.value} is code of your own: it runs only with --allow {module}")
            functions.add(str(file.resolve().parent / event.value))
        settings = load_yaml(file, resolve_func=False, recursive=False)
    except (yaml.YAMLError, UnicodeDecodeError, ValueError) as error:
        if isinstance(error, BadInput):
            raise
        raise BadInput(f"{file} is no task: {' '.join(str(error).split())}") from None
    for key, value in _settings(settings):
        if key in ("hf_evaluate", "trust_remote_code", "unsafe_code") and value:
            raise BadInput(f"{file}: {key} runs code from elsewhere, which is never done here; remove it")
        if key == "metric" and value not in METRIC_REGISTRY and value not in functions and "process_results" not in settings:
            near = nearest(str(value), METRIC_REGISTRY)
            raise BadInput(f"{file}: no metric named '{value}'" + (f"; did you mean {near}?" if near else ""))
    includes = settings.get("include") or []
    for include in includes if isinstance(includes, list) else [includes]:
        path = (file.parent / str(include)).resolve()
        if not path.is_relative_to(Path(tasks.__file__).parent):
            if not path.is_relative_to(folder.resolve()):
                raise BadInput(f"{file} includes {include}, which lies outside {folder}; copy it there")
            refuse_code(path, folder, (*included, file.resolve()))


def _settings(value: Any) -> Iterator[tuple[str, Any]]:
    """Every key with its value, however deep."""
    if isinstance(value, dict):
        yield from value.items()
    for inside in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _settings(inside)


def local_data(name: str, config: Mapping[str, Any], folder: Path | None, inside: bool) -> dict[str, Any]:
    """What changes of a task's settings so that it reads the folder's data."""
    path, part = str(config.get("dataset_path")), config.get("dataset_name")
    kwargs = {key: value for key, value in (config.get("dataset_kwargs") or {}).items() if key != "trust_remote_code"}
    cached = {"cache_dir": str((models.CACHE / "datasets").expanduser())}
    if path in BUILDERS and inside and folder:
        return {"dataset_kwargs": {**kwargs, "data_files": _within(name, kwargs.get("data_files"), folder), **cached}}
    copy = folder / path if folder else None
    if copy is None or not copy.is_dir() or not folder or not copy.resolve().is_relative_to(folder.resolve()):
        if inside and Path(path).exists():
            raise BadInput(f"task {name}: its data {path} lie outside {folder}; copy them there")
        return {"dataset_kwargs": kwargs}
    if (copy / "README.md").is_file():  # its card says which files are which part
        return {"dataset_path": str(copy), "dataset_kwargs": {**kwargs, **cached}}
    splits = _splits(copy / str(part) if part else copy)
    if not splits:
        raise BadInput(
            f"task {name}: {copy} has no README.md that says its files, and no {part or '.'}/SPLIT.jsonl or .parquet"
        )
    builder = "parquet" if next(iter(splits.values()))[0].endswith(".parquet") else "json"
    return {"dataset_path": builder, "dataset_name": None, "dataset_kwargs": {**kwargs, "data_files": splits, **cached}}


def _splits(folder: Path) -> dict[str, list[str]]:
    """The files of a folder by the split they are named by: ``test.jsonl``, ``test-00000-of-00002.parquet``."""
    found: dict[str, list[str]] = {}
    for ending in (".parquet", ".jsonl", ".json"):
        for file in sorted(folder.glob(f"*{ending}")):
            found.setdefault(file.stem.partition("-")[0], []).append(str(file))
        if found:
            break
    return found


def _within(name: str, files: Any, folder: Path) -> Any:
    """The data files of a user's task as paths in its folder."""
    if isinstance(files, dict):
        return {split: _within(name, file, folder) for split, file in files.items()}
    if isinstance(files, list):
        return [_within(name, file, folder) for file in files]
    path = (folder / str(files or "")).resolve()
    if not files or not path.is_relative_to(folder.resolve()) or not path.is_file():
        raise BadInput(f"task {name}: no file {files} in {folder}; dataset_kwargs.data_files names files there")
    return str(path)


def where_from(config: Mapping[str, Any], folder: Path | None) -> str:
    """How to get a task's data."""
    path = config.get("dataset_path")
    at = folder / str(path) if folder else Path("FOLDER") / str(path)
    part = f", {config['dataset_name']}" if config.get("dataset_name") else ""
    fetch = f"hf download --repo-type dataset {path} --local-dir {at}"
    return f"It reads {path}{part}: fetch a copy with `{fetch}` and set folder: {folder or 'FOLDER'}, or set download: true"
