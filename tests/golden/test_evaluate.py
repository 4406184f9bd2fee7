"""Before and after are joined over the same items."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import ClassVar

import pytest
from tiny_rows import ENG, SPA

from polydistill.engines import OpenEngine
from polydistill.engines.transformers import Transformers
from polydistill.evaluate import EvaluateSettings, Evaluation, Scores, measure
from polydistill.evaluators import Evaluator, Item, Score
from polydistill.records import Lang, Row
from polydistill.served import Reloaded
from polydistill.stage import Rows, Stopped, Workspace, finish


def scores(folder: Path, *found: tuple[str, Lang, list[str]]) -> Scores:
    folder.mkdir()
    (folder / "scores.jsonl").write_text("".join(
        Score(name=name, lang=lang, value=1.0, unit="share", higher_is_better=True, n=len(ids), standard_error=None,
              items=tuple(Item(id=one, value=1.0) for one in ids)).model_dump_json() + "\n"
        for name, lang, ids in found
    ))  # fmt: skip
    finish(folder, {})
    return Scores(folder)


def evaluation(before: Scores, after: Scores) -> Evaluation:
    reloaded = before.folder.parent / "reloaded"
    reloaded.mkdir()
    finish(reloaded, {})
    return Evaluation(before, after, Transformers(path="m"), Transformers(path="n"), Reloaded(reloaded))


def test_scores_are_joined_by_name_and_language(tmp_path: Path):
    before = scores(tmp_path / "a", ("x", ENG, ["1"]), ("x", SPA, ["1"]), ("y", SPA, ["2"]))
    after = scores(tmp_path / "b", ("y", SPA, ["2"]), ("x", SPA, ["1"]), ("x", ENG, ["1"]))
    assert [(one.name, one.lang, other.name, other.lang) for one, other in evaluation(before, after).pairs()] == [
        ("x", ENG, "x", ENG), ("x", SPA, "x", SPA), ("y", SPA, "y", SPA),
    ]  # fmt: skip


def test_a_score_that_one_of_them_lacks_is_left_out(tmp_path: Path):
    before, after = scores(tmp_path / "a", ("x", ENG, ["1"]), ("y", ENG, ["1"])), scores(tmp_path / "b", ("y", ENG, ["1"]))
    assert [one.name for one, _ in evaluation(before, after).pairs()] == ["y"]


def test_other_items_are_no_comparison(tmp_path: Path):
    before, after = scores(tmp_path / "a", ("x", ENG, ["1", "2"])), scores(tmp_path / "b", ("x", ENG, ["1", "3"]))
    with pytest.raises(ValueError, match="was not measured on the same items before and after: 2, 3 on one side alone"):
        list(evaluation(before, after).pairs())


def test_an_item_twice_is_no_comparison(tmp_path: Path):
    before, after = scores(tmp_path / "a", ("x", ENG, ["1", "2"])), scores(tmp_path / "b", ("x", ENG, ["1", "2", "2"]))
    with pytest.raises(ValueError, match="x in eng: items stand there twice: 2"):
        list(evaluation(before, after).pairs())


def test_items_are_joined_by_id_whatever_their_order(tmp_path: Path):
    before, after = scores(tmp_path / "a", ("x", ENG, ["1", "2"])), scores(tmp_path / "b", ("x", ENG, ["2", "1"]))
    ((one, other),) = evaluation(before, after).pairs()
    assert [item.id for item in one.items] == [item.id for item in other.items] == ["1", "2"]


def test_its_identity_is_that_of_both_and_of_the_reload(tmp_path: Path):
    before, after = scores(tmp_path / "a", ("x", ENG, ["1"])), scores(tmp_path / "b", ("x", ENG, ["2"]))
    found = evaluation(before, after)
    assert found.identity() == [before.digest, after.digest, found.reloaded.digest]
    assert before.digest != after.digest


class Stops(Evaluator):
    """Measures nothing, and has the run asked to stop."""

    space: ClassVar[Workspace]
    ran: ClassVar[list[int]] = []
    number: int = 0
    """Its place."""

    def __call__(self, engine: OpenEngine, languages: Sequence[Lang], heldout: Iterable[Row]) -> list[Score]:
        self.ran.append(self.number)
        self.space.stopping = True
        return []


def test_a_stop_comes_between_two_evaluators(space: Workspace, random_model: Path, tmp_path: Path):
    Stops.space = space
    (tmp_path / "rows").mkdir()
    finish(tmp_path / "rows", {})
    rows, engine = Rows(tmp_path / "rows"), Transformers(path=str(random_model))
    with pytest.raises(Stopped):
        measure.__wrapped__(
            EvaluateSettings(evaluators=(Stops(), Stops(number=1)), model=engine, rich=ENG, targets=(SPA,)),
            rows, rows, out=tmp_path,
        )  # fmt: skip
    assert Stops.ran == [0]
    assert not (tmp_path / "scores.jsonl").exists()
