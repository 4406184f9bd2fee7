"""Rows drawn by language as training goes: the shares, who is measured, and that a stop changes nothing."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from tiny_rows import ENG, SPA, chat

from polydistill.batch import Tokens
from polydistill.drawing import Drawing, measured
from polydistill.engines.transformers import Transformers
from polydistill.loop import fit
from polydistill.models import load_model
from polydistill.objectives.next_token import NextToken
from polydistill.samplers.perplexity_gap import PerplexityGap
from polydistill.schedules.constant import Constant
from polydistill.signals import Wants
from polydistill.stage import Rows, Stopped, finish, write_shard
from polydistill.student import Student
from polydistill.teachers import Teacher
from polydistill.teachers.cached import Cached
from polydistill.teachers.endpoint import Endpoint
from polydistill.teachers.other_model import OtherModel
from polydistill.teachers.untouched import Untouched
from polydistill.train import read_events
from polydistill.training import DrawSettings, TrainSettings

DRAWS = DrawSettings(sampler=PerplexityGap(), teacher=Untouched(), every=3, held=4)
ROWS = [Tokens([256, 10, 20, 257], 2, kind=f"target {'eng' if n % 4 else 'spa'}", id=f"q{n}") for n in range(80)]
"""Sixty in English, twenty in Spanish."""


def even(rows: Sequence[Tokens]) -> dict[str, tuple[float, float]]:
    """A student that is as far behind in both languages."""
    tokens = Counter(row.lang for row in rows for _ in range(row.learned))
    return {lang: (2.0 * count, 1.0 * count) for lang, count in tokens.items()}


def behind(rows: Sequence[Tokens]) -> dict[str, tuple[float, float]]:
    """A student that is behind in Spanish alone."""
    return {lang: (nats * (1.3 if lang == "spa" else 0.5), nats / 2) for lang, (nats, _) in even(rows).items()}


def langs(drawing: Drawing, chosen: Sequence[int]) -> Counter[str]:
    return Counter(drawing.rows[at].lang for at in chosen)


def test_a_tenth_of_each_language_is_held_out_and_never_learned():
    drawing = Drawing(DRAWS, ROWS, 8, 0)
    assert {lang: len(rows) for lang, rows in drawing.held.items()} == {"eng": 4, "spa": 2}
    held = {row.id for rows in drawing.held.values() for row in rows}
    seen = {ROWS[at].id for number in range(30) for at in drawing.chosen(number, 30, even)}
    assert len(seen) == 74
    assert not seen & held


def test_the_first_interval_is_the_mixtures_own():
    drawing = Drawing(DRAWS, ROWS, 8, 0)
    asked = []
    found = sum((langs(drawing, drawing.chosen(number, 30, asked.append)) for number in range(3)), Counter())
    assert found == {"eng": 18, "spa": 6}
    assert asked == [], "nobody is measured before"


def test_then_the_language_in_which_the_student_is_behind_gets_more():
    drawing = Drawing(DRAWS, ROWS, 8, 0)
    found = []
    for interval in range(4):
        found.append(sum((langs(drawing, drawing.chosen(3 * interval + n, 30, behind)) for n in range(3)), Counter()))
    assert [sum(count.values()) for count in found] == [24] * 4
    assert found[1]["spa"] > 12 > found[0]["spa"]
    assert found[2]["spa"] > 12, "half of the shares is the same for all from the second time on"
    balanced = Drawing(DRAWS, ROWS, 8, 0)
    for number in range(6):
        last = langs(balanced, balanced.chosen(number, 30, even))
    assert sum((langs(balanced, balanced.chosen(3 + n, 30, even)) for n in range(3)), Counter()) == {"eng": 12, "spa": 12}
    assert last


def test_each_language_goes_through_its_rows_before_one_comes_again():
    drawing = Drawing(DRAWS, ROWS, 8, 0)
    order = [at for number in range(12) for at in drawing.chosen(number, 12, behind) if ROWS[at].lang == "spa"]
    by_pass = [order[start : start + 18] for start in range(0, len(order), 18)]
    assert sorted(Counter(order).values())[-1] <= len(by_pass)


def test_steps_of_an_interval_share_its_rows_and_the_last_one_may_be_shorter():
    drawing = Drawing(DRAWS, ROWS, 8, 0)
    assert [len(drawing.chosen(number, 8, even)) for number in range(8)] == [8] * 8
    assert len({at for number in range(3) for at in Drawing(DRAWS, ROWS, 8, 0).chosen(number, 8, even)}) == 24


def test_what_is_measured_is_both_models_nats_of_the_answers(random_model: Path):
    """In lots over two ranks as in one, and the student is in training again."""
    student = Student(load_model(random_model, "float64", "cpu")).train()
    teacher = Untouched().open(student, Wants(tokens=True))
    for weight in student.parameters():
        weight.data *= 1.1
    whole = measured(student, teacher, ROWS[:9], 12)
    halves = [measured(student, teacher, ROWS[:9], 12, rank, 2) for rank in (0, 1)]
    assert {key: halves[0][key] + halves[1][key] for key in whole} == pytest.approx(whole, rel=1e-9)
    some = [row for row in ROWS[:9] if row.lang == "spa"]
    from polydistill.batch import padded

    batch = padded(some)
    assert whole["spa", 0] == pytest.approx(-student.log_likelihoods(batch).sum().item(), rel=1e-9)
    assert whole["spa", 1] == pytest.approx(-teacher.student.log_likelihoods(batch).sum().item(), rel=1e-9)
    assert student.training
    assert student.model.training


def test_too_few_rows_of_a_language_are_refused():
    with pytest.raises(ValueError, match=r"train\.draws: the mixture has one row alone in spa; none can be held out"):
        Drawing(DRAWS, ROWS[:4], 8, 0)
    assert {lang: len(rows) for lang, rows in Drawing(DRAWS, ROWS[:8], 8, 0).held.items()} == {"eng": 1, "spa": 1}


# In training


@pytest.fixture(scope="module")
def mixture(tmp_path_factory: pytest.TempPathFactory) -> Rows:
    folder = tmp_path_factory.mktemp("mix") / "mix-1"
    folder.mkdir()
    rows = (chat(f"q{n}", ENG if n % 3 else SPA, f"{n} of what?", "so" * (1 + n % 5)) for n in range(60))
    write_shard(folder, 0, (row.but(lineage={"builder": "target"}) for row in rows))
    finish(folder, {})
    return Rows(folder)


def settings(**changes: Any) -> TrainSettings:
    given = {
        "objective": NextToken(), "schedule": Constant(), "learning_rate": 3e-3, "batch_rows": 6, "epochs": 1,
        "compute": "float64", "device": "cpu", "model": Transformers(path="m"), "checkpoint_minutes": 60, "rich": ENG,
        "draws": DRAWS,
    }  # fmt: skip
    return TrainSettings(**{**given, **changes})


def test_a_stopped_run_goes_on_bit_for_bit(random_model: Path, mixture: Rows, tmp_path: Path):
    whole, out = tmp_path / "whole", tmp_path / "train"
    fit(settings(), random_model, None, mixture, whole)

    def events(folder: Path) -> list[dict[str, Any]]:
        return [{k: v for k, v in e.items() if k != "seconds"} for e in read_events(folder / "beside/events.jsonl")]

    for stop in (2, 3, 7):
        with pytest.raises(Stopped):
            fit(settings(), random_model, None, mixture, out, stopping=lambda stop=stop: len(events(out)) >= stop)
    fit(settings(), random_model, None, mixture, out)
    assert events(out) == events(whole)
    assert (out / "model/model.safetensors").read_bytes() == (whole / "model/model.safetensors").read_bytes()
    shares = [event["rows"]["target spa"]["answer_tokens"] / event["answer_tokens"] for event in events(whole)]
    assert len(set(shares)) > 3


class Fixed(Transformers):
    """An engine whose model never changes."""

    def identity(self) -> Any:
        return {"fixed": {}, "version": 1}


def test_it_decides_the_result_and_without_it_the_result_is_what_it_was():
    plain, drawn, other = (
        settings(draws=draws, model=Fixed(path="m")).identity()
        for draws in (None, DRAWS, DRAWS.model_copy(update={"every": 4}))
    )
    assert "draws" not in plain
    assert drawn["draws"] != other["draws"]


def test_a_sampler_that_is_none_is_refused_by_its_name():
    with pytest.raises(ValidationError, match="no sampler named 'perplexity_gaps'; did you mean perplexity_gap"):
        DrawSettings(sampler="perplexity_gaps", teacher=Untouched())


@pytest.mark.parametrize(("teacher", "name"), [
    (Cached(), "cached"), (Endpoint(engine={"openai": {"base_url": "http://nowhere.test/v1", "model": "m"}}), "endpoint"),
    (OtherModel(model={"transformers": {"path": "m"}}, align="spans"), "other_model"),
])  # fmt: skip
def test_a_teacher_without_all_logits_is_refused(teacher: Teacher, name: str):
    with pytest.raises(ValidationError, match=f"a perplexity needs all logits of the teacher, and {name} does not give them"):
        DrawSettings(sampler="perplexity_gap", teacher=teacher)
    assert DrawSettings(sampler="perplexity_gap", teacher=Cached(keeps="states"))
