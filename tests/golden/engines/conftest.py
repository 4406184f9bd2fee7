import os
from pathlib import Path

import pytest


@pytest.fixture
def taught(taught_model: Path, tmp_path: Path) -> Path:
    """A folder of the test's own; the weights are the shared ones."""
    folder = tmp_path / "model"
    folder.mkdir()
    for file in taught_model.iterdir():
        os.link(file, folder / file.name)
    return folder
