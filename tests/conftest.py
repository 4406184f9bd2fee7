"""What many tests share: a folder per session, and the tiny world's model, taught once."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import tiny

from polydistill.stage import Workspace, working


@pytest.fixture(scope="session")
def random_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny world's model, random, in float64. Not to be written to."""
    return tiny.model_folder(tmp_path_factory.mktemp("random") / "model")


@pytest.fixture(scope="session")
def taught_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny world's model, taught to answer. Not to be written to."""
    return tiny.model_folder(tmp_path_factory.mktemp("taught") / "model", taught=True)


@pytest.fixture
def space(tmp_path: Path) -> Iterator[Workspace]:
    """An open run in a folder of the test's own."""
    with working(Workspace(tmp_path / "runs")) as opened:
        yield opened
