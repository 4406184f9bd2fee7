"""Names that a user gives to folders."""

from pathlib import Path

import pytest

from polydistill.folder_names import folder_name, runs_folder


@pytest.mark.parametrize("name", ["a", "a b-c.1", "español ١", "x" * 200, "é" * 100, "stages2"])
def test_a_name_of_one_plain_part_is_taken_as_it_is(name: str):
    assert folder_name(name) == name


@pytest.mark.parametrize(
    "name", [".a", "..", "-a", "~me", " a", "a ", "a/b", "a\\b", "x" * 201, "é" * 101, "a\nb", "a\x1b[1m", "\ud800"]
)
def test_what_is_no_plain_part_of_a_path_is_refused(name: str):
    with pytest.raises(ValueError, match="is the name of its folder under `runs`"):
        folder_name(name)


@pytest.mark.parametrize("name", ["stages", "store"])
def test_what_all_runs_share_is_no_runs_name(name: str):
    with pytest.raises(ValueError, match=f"the folder {name} holds what all runs share"):
        folder_name(name)


def test_a_tilde_is_the_home_folder_and_nothing_else_changes(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", "/home/me")
    assert runs_folder(Path("~/big")) == Path("/home/me/big")
    assert runs_folder(Path("a/../b ~")) == Path("a/../b ~")


def test_a_path_that_cannot_be_shown_is_refused():
    with pytest.raises(ValueError, match="no line break or other control character"):
        runs_folder(Path("a\nb"))
