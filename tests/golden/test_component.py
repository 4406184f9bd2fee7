"""How a name finds a component, how a component writes itself out, and what decides its identity."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from polydistill import component
from polydistill.builders import Builder, Filter, TrainingBuilder
from polydistill.component import (
    ALLOWED,
    KINDS,
    Beside,
    Component,
    Settings,
    find,
    identity,
    names,
    read_component,
    write_component,
)
from polydistill.schedules import Schedule
from polydistill.schedules.constant import Constant
from polydistill.schedules.cosine import Cosine

OWN = '''
from polydistill.schedules import Schedule


class Halved(Schedule):
    """Half of everything."""

    def __call__(self, progress: float) -> float:
        return 0.5
'''


@contextmanager
def allowed(*modules: str) -> Iterator[None]:
    token = ALLOWED.set(frozenset(modules))
    try:
        yield
    finally:
        ALLOWED.reset(token)


@pytest.fixture
def own_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A module of the user's own, with a schedule in it."""
    (tmp_path / "my_parts").mkdir()
    (tmp_path / "my_parts" / "halved.py").write_text(OWN)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "my_parts.halved"
    for name in ("my_parts.halved", "my_parts"):
        sys.modules.pop(name, None)


def test_a_name_is_a_file_name_and_finds_its_class():
    assert "cosine" in names("schedules")
    assert find("schedules", "cosine") is Cosine
    assert Cosine.name() == "cosine"
    assert Cosine.kind() == "schedules"
    assert find("builders", "near_duplicates").kind() == "builders"


@pytest.mark.parametrize(
    ("kind", "given", "said"),
    [
        ("schedules", "cosin", "no schedule named 'cosin'; did you mean cosine? (polydistill list schedules)"),
        ("translators", "apertum", "no translator named 'apertum'; did you mean apertium? (polydistill list translators)"),
        ("schedules", "zzzzzz", "no schedule named 'zzzzzz' (polydistill list schedules)"),
    ],
)
def test_an_unknown_name_says_the_nearest_one_and_the_command(kind: str, given: str, said: str):
    with pytest.raises(LookupError) as caught:
        find(kind, given)
    assert str(caught.value) == said


def test_an_unknown_kind_says_the_nearest_one():
    with pytest.raises(LookupError, match=r"no kind named 'builder'; did you mean builders\?"):
        names("builder")


def test_every_kind_can_be_listed_also_one_with_nothing_in_it():
    listed = {kind: names(kind) for kind in KINDS}
    assert listed["schedules"] == sorted(listed["schedules"]) != []
    assert all(name.isidentifier() and name == name.lower() for found in listed.values() for name in found)


def test_a_summary_is_the_docstrings_first_line():
    assert component.summary("schedules", "constant") == "Always 1."


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("cosine", Cosine()),
        ({"cosine": None}, Cosine()),
        ({"cosine": {}}, Cosine()),
        ({"cosine": {"end": 0.5}}, Cosine(end=0.5)),
        (Cosine(warmup=0), Cosine(warmup=0)),
        ("constant", Constant()),
    ],
)
def test_a_component_is_read_from_a_name_a_map_or_itself(given: object, expected: Component):
    assert read_component(Schedule, given) == expected
    assert TypeAdapter(Schedule).validate_python(given) == expected


def test_a_component_writes_only_what_is_not_at_its_default():
    assert write_component(Cosine()) == "cosine"
    assert write_component(Cosine(end=0.5)) == {"cosine": {"end": 0.5}}
    assert write_component(Cosine(end=0.05)) == "cosine"


class Holder(Settings):
    """Holds a component under its contract."""

    schedule: Schedule = Cosine()
    """Any."""
    several: tuple[Schedule, ...] = ()
    """Some."""
    workers: Beside[int] = 1
    """Decides nothing."""


def test_a_component_under_its_contract_keeps_its_own_settings():
    """Dumped by the declared class, `end` would be lost, and two runs would share one folder."""
    one, other = Holder(schedule=Cosine(end=0.1)), Holder(schedule=Cosine(end=0.3))
    assert one.model_dump(mode="json")["schedule"] == {"cosine": {"end": 0.1}}
    assert identity(one) != identity(other)
    assert Holder.model_validate(one.model_dump(mode="json")) == one
    nested = Holder(several=(Cosine(end=0.1), Constant()))
    assert nested.model_dump(mode="json")["several"] == [{"cosine": {"end": 0.1}}, "constant"]
    assert Holder.model_validate_json(nested.model_dump_json()) == nested


def test_the_identity_by_hand():
    holder = Holder(schedule=Cosine(end=0.5), workers=8)
    assert identity(holder) == {"schedule": {"cosine": {"warmup": 0.06, "end": 0.5}, "version": 1}, "several": []}


def test_a_raised_version_is_another_identity():
    class Newer(Cosine):
        version = 2

    assert Newer(end=0.5).identity()["version"] == 2


def test_what_is_beside_stays_out_of_the_identity():
    assert identity(Holder(workers=1)) == identity(Holder(workers=2))
    assert Holder(workers=1) != Holder(workers=2)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"cosine": {}, "constant": {}}, "give a name, or one name with its settings"),
        (7, "give a name, or one name with its settings"),
        (["cosine"], "give a name, or one name with its settings"),
        ("cosinus", "did you mean cosine"),
    ],
)
def test_what_is_no_component_is_said(given: object, said: str):
    with pytest.raises(ValidationError, match=said):
        TypeAdapter(Schedule).validate_python(given)


def test_a_component_of_another_kind_is_refused():
    with pytest.raises(ValidationError, match="cosine is one of the schedules, not of the builders"):
        TypeAdapter(Builder).validate_python(Cosine())
    with pytest.raises(ValidationError, match="near_duplicates is no training builder"):
        TypeAdapter(TrainingBuilder).validate_python("near_duplicates")
    with pytest.raises(ValidationError, match="language_pairs is no filter"):
        TypeAdapter(Filter).validate_python("language_pairs")


def test_settings_are_frozen_and_refuse_what_they_do_not_know():
    with pytest.raises(ValidationError):
        Cosine(ends=0.1)
    with pytest.raises(ValidationError):
        Cosine().end = 0.1


def test_a_module_of_ones_own_runs_only_when_allowed(own_module: str):
    with pytest.raises(LookupError, match=f"runs only with --allow {own_module}"):
        find("schedules", own_module)
    assert own_module not in sys.modules, "it was imported although it was not allowed"
    with allowed(own_module):
        schedule = read_component(Schedule, own_module)
        assert schedule(0.3) == 0.5
        assert schedule.name() == own_module
        assert write_component(schedule) == own_module
        assert schedule.identity() == {own_module: {}, "version": 1}


def test_a_module_of_ones_own_enters_the_hash_with_its_text(own_module: str, tmp_path: Path):
    found = []
    with allowed(own_module):
        for text in (OWN, OWN.replace("0.5", "0.4"), OWN):
            (tmp_path / "my_parts" / "halved.py").write_text(text)
            found.append(identity(read_component(Schedule, own_module)))
    assert found[0] == found[2] != found[1]
    assert found[0]["own"] == {own_module: {}, "version": 1}


def test_a_module_that_is_not_there_is_said(own_module: str):
    with allowed("my_parts.halvd"), pytest.raises(LookupError, match=r"no module my_parts\.halvd can be imported"):
        find("schedules", "my_parts.halvd")


def test_a_module_of_ones_own_must_be_of_the_kind_and_hold_one_component(own_module: str, tmp_path: Path):
    with allowed(own_module, "my_parts.two"):
        with pytest.raises(LookupError, match="is one of the schedules, not of the builders"):
            find("builders", own_module)
        (tmp_path / "my_parts" / "two.py").write_text(OWN + OWN.split("\n\n\n")[1].replace("Halved", "Other"))
        with pytest.raises(LookupError, match=r"must hold one component, it holds \['Halved', 'Other'\]"):
            find("schedules", "my_parts.two")
    sys.modules.pop("my_parts.two", None)
