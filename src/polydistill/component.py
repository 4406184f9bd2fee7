"""What a component is, and how a name finds one.

A component is one frozen class in one file. Its fields are its settings, its method is the method, and the file's name is
its name: ``builders/code_switch.py`` is ``code_switch`` in YAML and ``CodeSwitch`` in Python. The folder is the registry.
"""

import ast
import difflib
import hashlib
import importlib
import inspect
import re
from collections.abc import Iterable
from contextvars import ContextVar
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError, core_schema

KINDS = (
    "sources", "engines", "translators", "builders", "samplers", "teachers", "losses", "objectives", "schedules",
    "surgeries", "evaluators", "analyses",
)  # fmt: skip

T = TypeVar("T")


class _Beside:
    """Marks a field that is recorded but is no part of what a result is."""


Beside = Annotated[T, _Beside()]
"""A setting that is not meant to change a result (device, batch size, workers): it stays out of every hash."""

Positive = Annotated[float, Field(gt=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]

ALLOWED: ContextVar[frozenset[str]] = ContextVar("allowed modules", default=frozenset())
"""The user's own modules that ``--allow`` named; a dotted component name is imported only from these."""


IDENTITIES: ContextVar[dict[str, Any] | None] = ContextVar("identities", default=None)
"""Identities found in the current run: its files stay as they are while it runs, and some sources have thousands."""


class Settings(BaseModel):
    """A frozen group of settings; unknown names are refused."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        validate_default=True,
        arbitrary_types_allowed=True,
        allow_inf_nan=False,
    )

    def identity(self) -> Any:
        """What decides the result, as plain JSON values: every setting that is not `Beside`."""
        return fields_identity(self)


class Component(Settings):
    """A leaf of one kind. Abstract classes are contracts; every other class is final."""

    version: ClassVar[int] = 1
    """Raised when the same settings begin to give another result, so that kept results are not mistaken for it."""

    @classmethod
    def name(cls) -> str:
        """The component's name in YAML: the last part of its module's name, dotted when it is the user's own."""
        module = cls.__module__
        return module.rsplit(".", 1)[1] if module.startswith("polydistill.") else module

    @classmethod
    def kind(cls) -> str:
        """The folder of the contract this class fulfils."""
        contract = next(c for c in cls.__mro__ if "_contract" in c.__dict__)
        return contract.__module__.rsplit(".", 1)[1]

    def identity(self) -> Any:
        """What decides the result, as plain JSON values: name, version and every setting that is not `Beside`."""
        return {self.name(): fields_identity(self), "version": self.version}

    def __hash__(self) -> int:
        """Equal components are one key of a dict, whatever their settings hold."""
        return hash((type(self), self.model_dump_json()))

    def about(self) -> dict[str, Any]:
        """What a model card says of it: name, version, licence, languages, as far as it states them."""
        return {}

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        if not inspect.isabstract(cls):
            return handler(source)
        # A field declared by its contract: read by name, write itself out from its own class, not from the declared one.
        return core_schema.no_info_plain_validator_function(
            lambda value: read_component(cls, value),
            serialization=core_schema.plain_serializer_function_ser_schema(write_component),
        )


def contract(cls: type[T]) -> type[T]:
    """Marks the abstract class in a kind's ``__init__`` as that kind's contract."""
    cls._contract = True  # type: ignore[attr-defined]
    return cls


def identity(value: Any) -> Any:
    """Whatever decides a result, as plain JSON values."""
    if isinstance(value, Component):
        known = IDENTITIES.get()
        if known is None:
            return _identity(value)
        key = f"{type(value).__module__} {value.model_dump_json()}"
        if key not in known:
            known[key] = _identity(value)
        return known[key]
    if isinstance(value, BaseModel):
        return value.identity() if isinstance(value, Settings) else fields_identity(value)
    if isinstance(value, dict):
        return {str(key): identity(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [identity(item) for item in value]
    if isinstance(value, Enum):
        return value.value
    return str(value) if isinstance(value, Path) else value


def _identity(component: Component) -> Any:
    """A component's own; of a user's own module with the digest of its file, since nobody raises a version there."""
    found = component.identity()
    if "." not in component.name():
        return found
    file = inspect.getsourcefile(type(component))
    return {"own": found, "source": hashlib.sha256(Path(file).read_bytes()).hexdigest() if file else None}


def fields_identity(settings: BaseModel) -> dict[str, Any]:
    """The identity of a settings object's fields, `Beside` ones left out."""
    return {
        name: identity(getattr(settings, name))
        for name, field in type(settings).model_fields.items()
        if not any(isinstance(mark, _Beside) for mark in field.metadata)
    }


def read_component(contract: type[Component], value: Any) -> Component:
    """A component from ``name``, ``{name: {setting: value}}`` or an instance."""
    if isinstance(value, Component):
        if not isinstance(value, contract):
            raise PydanticCustomError("kind", f"{value.name()} is one of the {value.kind()}, not of the {kind_of(contract)}")
        return value
    if isinstance(value, str):
        name, settings = value, {}
    elif isinstance(value, dict) and len(value) == 1:
        name, settings = next(iter(value.items()))
    else:
        raise PydanticCustomError("component", "give a name, or one name with its settings: {name: {setting: value}}")
    try:
        cls = find(kind_of(contract), str(name))
    except LookupError as error:
        raise PydanticCustomError("unknown", "{sentence}", {"sentence": str(error)}) from None
    if not issubclass(cls, contract):
        raise PydanticCustomError("kind", f"{name} is no {words(re.sub('(?<!^)(?=[A-Z])', ' ', contract.__name__)).lower()}")
    try:
        return cls.model_validate(settings or {})
    except ValidationError as error:
        # Carried whole, so that the settings reader can give each mistake its own line.
        inside = [(str(name), *e["loc"]) for e in error.errors()]
        raise PydanticCustomError(
            "inside", "{count} mistakes in {name}",
            {"count": len(inside), "name": str(name), "errors": error.errors(), "owner": cls},
        ) from None  # fmt: skip


def write_component(component: Component) -> Any:
    """The inverse of `read_component`; only what differs from the defaults."""
    settings = component.model_dump(mode="json", exclude_defaults=True)
    return {component.name(): settings} if settings else component.name()


def kind_of(contract: type[Component]) -> str:
    return contract.__module__.rsplit(".", 1)[1]


def folder_of(kind: str) -> Path:
    return Path(__file__).parent / kind


def names(kind: str) -> list[str]:
    """The names of a kind's components, from its folder alone; imports nothing."""
    if kind not in KINDS:
        raise LookupError(unknown("kind", kind, KINDS, "polydistill list"))
    return sorted(p.stem for p in folder_of(kind).glob("*.py") if not p.stem.startswith("_"))


def summary(kind: str, name: str) -> str:
    """The first line of a component's docstring, read without importing it."""
    tree = ast.parse((folder_of(kind) / f"{name}.py").read_text("utf-8"))
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_")]
    # Beside its helpers the component is the one that is called as its file is.
    classes.sort(key=lambda node: not node.name.lower().startswith(name.replace("_", "")))
    docs = [ast.get_docstring(node) for node in classes]
    return next((doc.splitlines()[0] for doc in docs if doc), "")


def find(kind: str, name: str) -> type[Component]:
    """The class of a name: imports that one file. A dotted name is the user's own module and must be allowed."""
    if "." in name and all(part.isidentifier() for part in name.split(".")):
        if name not in ALLOWED.get():
            raise LookupError(f"{name} is a module of your own: it runs only with --allow {name}")
        try:
            module = importlib.import_module(name)
        except ModuleNotFoundError as error:
            raise LookupError(f"no module {name} can be imported ({error}); is its folder on PYTHONPATH?") from None
    else:
        if name not in names(kind):
            raise LookupError(unknown(one_of(kind), name, names(kind), f"polydistill list {kind}"))
        module = importlib.import_module(f"polydistill.{kind}.{name}")
    found = [
        c for c in vars(module).values()
        if inspect.isclass(c) and issubclass(c, Component) and c.__module__ == module.__name__
        and not inspect.isabstract(c) and not c.__name__.startswith("_")
    ]  # fmt: skip
    if len(found) != 1:
        raise LookupError(f"{module.__name__} must hold one component, it holds {[c.__name__ for c in found]}")
    if found[0].kind() != kind:
        raise LookupError(f"{name} is one of the {found[0].kind()}, not of the {kind}")
    return found[0]


def unknown(what: str, given: str, allowed: Iterable[str], command: str) -> str:
    """One sentence for an unknown name: what was given, the nearest right one, the command that lists them."""
    near = nearest(given, allowed)
    return f"no {what} named '{given}'" + (f"; did you mean {near}?" if near else "") + f" ({command})"


def nearest(given: str, allowed: Iterable[str]) -> str | None:
    """The nearest right name, or None when none is near."""
    match = difflib.get_close_matches(given.lower(), sorted(allowed), n=1, cutoff=0.5)
    return match[0] if match else None


def missing_extra(package: str, extra: str) -> str:
    """The sentence for an optional package that is not installed."""
    return f"{package} is not installed; install it with: pip install 'polydistill[{extra}]'"


def one_of(kind: str) -> str:
    """The word for one member of a kind: ``loss``, ``analysis``, ``surgery``, ``teacher``."""
    return {"losses": "loss", "analyses": "analysis", "surgeries": "surgery"}.get(kind, kind.removesuffix("s"))


def words(name: str) -> str:
    """``language_fidelity`` as 'language fidelity'."""
    return re.sub(r"[_-]+", " ", name)
