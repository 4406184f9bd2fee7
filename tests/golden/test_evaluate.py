"""Before and after are joined over the same items."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import ClassVar

import pytest
from tiny_rows import ENG, SPA

from polydistill.engines import OpenEngine
from polydistill.engines.transformers import Transformers
from polydistill.evaluate import EvaluateSettings, Evaluation, Scores, measure
from polydistill.evaluators import Evaluator, Item, Score, finite
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
    reloaded.mkdir(exist_ok=True)
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


def test_a_score_without_items_is_no_comparison(tmp_path: Path):
    empty = scores(tmp_path / "a", ("x", SPA, []))
    with pytest.raises(ValueError, match="none of its 0 items counts"):
        list(evaluation(empty, scores(tmp_path / "b", ("x", SPA, []))).pairs())


def test_a_warning_alone_is_joined_with_itself(tmp_path: Path):
    """The identifier does not know the language, and there is no text by people in it either."""
    before = scores(tmp_path / "a", ("identifier_on_people", SPA, []))
    ((one, other),) = evaluation(before, scores(tmp_path / "b", ("identifier_on_people", SPA, []))).pairs()
    assert one.n == other.n == 0


def test_an_item_twice_is_no_comparison(tmp_path: Path):
    before, after = scores(tmp_path / "a", ("x", ENG, ["1", "2"])), scores(tmp_path / "b", ("x", ENG, ["1", "2", "2"]))
    with pytest.raises(ValueError, match="x in eng: items stand there twice: 2"):
        list(evaluation(before, after).pairs())


def test_items_are_joined_by_id_whatever_their_order(tmp_path: Path):
    before, after = scores(tmp_path / "a", ("x", ENG, ["1", "2"])), scores(tmp_path / "b", ("x", ENG, ["2", "1"]))
    ((one, other),) = evaluation(before, after).pairs()
    assert [item.id for item in one.items] == [item.id for item in other.items] == ["1", "2"]


@pytest.mark.parametrize(("value", "item"), [(float("nan"), 1.0), (1.0, float("inf")), (-float("inf"), None)])
def test_what_is_no_number_is_not_written(value: float, item: float | None):
    """JSON would hold nothing in its place, and the finished result could never be read again."""
    one = Score(
        name="x", lang=SPA, value=value, unit="share", higher_is_better=True, n=1, standard_error=None,
        items=(Item(id="a", value=item),),
    )  # fmt: skip
    with pytest.raises(FloatingPointError, match=r"^x in spa(, item a)? is (nan|-?inf): the model gives no probabilities"):
        list(finite([one]))
    fine = one.model_copy(update={"value": 0.5, "items": (Item(id="a", value=None),)})
    assert list(finite([fine])) == [fine]


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
