"""The generated pages are what the code gives now."""

import re
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

from polydistill import catalogue

DOCS = Path(__file__).parents[1] / "docs"


def test_components_page_is_current():
    assert (DOCS / "components.md").read_text("utf-8") == catalogue.components(), "run: make docs"


def test_papers_page_is_current():
    assert (DOCS / "papers.md").read_text("utf-8") == catalogue.papers(), "run: make docs"


def listed() -> dict[str, tuple[str, str]]:
    """{package: (version, licence)} of the page of licences."""
    page = (DOCS / "licences.md").read_text("utf-8")
    return {
        name: (version, licence)
        for name, version, licence in re.findall(r"^\| (\S+) \| (\d\S*) \| (.*) \|$", page, re.MULTILINE)
    }


def test_every_locked_package_is_listed_with_its_licence():
    found = listed()
    assert {name: version for name, (version, _) in found.items() if name != "torch"} == catalogue.locked(), "run: make docs"
    assert "torch" in found
    assert [name for name, (_, licence) in found.items() if not re.search("[A-Za-z]{2}", licence)] == []


def test_the_list_says_what_the_installed_packages_state():
    compared = 0
    for name, (version, licence) in listed().items():
        try:
            package = distribution(name)
        except PackageNotFoundError:
            continue
        if package.version == version:
            compared += 1
            assert catalogue._cell(catalogue.licence_of(package)) == licence, f"{name}; run: make docs"
    assert compared > 20


def needed(name: str, found: set[str]) -> set[str]:
    """A package and what it needs, without extras."""
    plain = re.sub(r"[-_.]+", "-", name).lower()
    if plain not in found:
        found.add(plain)
        for line in distribution(name).requires or []:
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                needed(requirement.name, found)
    return found


def test_nothing_that_the_core_needs_is_under_the_gpl():
    core = needed("polydistill", set())
    found = {name: licence for name, (_, licence) in listed().items() if name in core}
    assert len(found) > 40
    general = {name for name, licence in found.items() if re.search("GPL|General Public", licence)}
    assert general <= {"python-stdnum"}  # the Lesser one: imported as it is
    assert all("Lesser" in found[name] for name in general)


def test_every_locked_package_has_its_hash():
    parts = re.split(r"^(?=[A-Za-z0-9._-]+==)", catalogue.LOCK.read_text("utf-8"), flags=re.MULTILINE)[1:]
    assert len(parts) == len(catalogue.locked())
    assert [part.splitlines()[0] for part in parts if "--hash=sha256:" not in part] == []
    makefile = (DOCS.parent / "Makefile").read_text("utf-8")
    assert "--require-hashes -r requirements.lock" in makefile
