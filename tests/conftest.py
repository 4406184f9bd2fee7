"""What many tests share: a folder per session, and the tiny world's model, taught once."""

import gc
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import tiny
import tiny_analyses
import tiny_network

from polydistill.stage import Workspace, working


def pytest_configure(config: pytest.Config) -> None:
    """A tiny model is fastest on one core; and what a test starts computes to the last bit as itself does. Nothing goes out."""
    if config.option.markexpr != "real":
        os.environ["OMP_NUM_THREADS"] = "1"
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as the workers that tests are divided among begin
        signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.addaudithook(tiny_network.refuse)
    os.environ |= tiny_network.NOWHERE


def pytest_collection_finish() -> None:
    """What was imported by now stays, so that no full garbage collection looks at it; statsmodels' Holm asks for one a call."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def random_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny world's model, random, in float64. Not to be written to."""
    return tiny.model_folder(tmp_path_factory.mktemp("random") / "model")


@pytest.fixture(scope="session")
def taught_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny world's model, taught to answer. Not to be written to."""
    return tiny.model_folder(tmp_path_factory.mktemp("taught") / "model", taught=True)


@pytest.fixture(scope="session")
def analysed(tmp_path_factory: pytest.TempPathFactory) -> tiny_analyses.World:
    """A finished run for analyses to look at. Not to be written to but into its folder analyses."""
    return tiny_analyses.finished(tmp_path_factory.mktemp("analysed"))


@pytest.fixture
def space(tmp_path: Path) -> Iterator[Workspace]:
    """An open run in a folder of the test's own."""
    with working(Workspace(tmp_path / "runs")) as opened:
        yield opened
