from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from accelerate import Accelerator
from peft import LoraConfig, get_peft_model
from pydantic import ValidationError

from polydistill import checkpoints
from polydistill.batch import Tokens, padded
from polydistill.engines.transformers import Transformers
from polydistill.loop import Job, begun, step
from polydistill.losses import Sizes
from polydistill.losses.hidden_mse import HiddenMSE
from polydistill.models import load_model
from polydistill.objectives.hidden_states import HiddenStates
from polydistill.objectives.near_untouched import NearUntouched
from polydistill.objectives.weighted import Weighted
from polydistill.records import Lang
from polydistill.schedules.constant import Constant
from polydistill.student import Student
from polydistill.teachers import OpenTeacher
from polydistill.teachers.untouched import Untouched
from polydistill.training import TrainSettings

ROWS = [
    Tokens([256, 10, 20, 30, 257], 2), Tokens([256, 11, 257], 2), Tokens([256, 12, 22], 1), Tokens([256, 13, 23, 33], 1),
]  # fmt: skip
MANY = [Tokens([256, *((7 * n + k) % 256 for k in range(12)), 257], 4) for n in range(60)]
"""Enough to fit a projection of the tiny model's width."""


def other_model(seed: int = 3, **config: Any) -> Student:
    return Student(tiny.random_model(seed, **config).double())


def teacher_of(objective: HiddenStates, model: Student) -> dict[Untouched, OpenTeacher]:
    """Another model in the place of the untouched one."""
    return {Untouched(): Untouched().open(model, objective.asks()[Untouched()])}


def handed_on(model: Any, layer: int) -> list[torch.Tensor]:
    """For each row what a layer hands on where an answer token is predicted; each row runs alone."""
    with torch.no_grad():
        found = [model(input_ids=torch.tensor([row.ids]), output_hidden_states=True).hidden_states[layer][0] for row in ROWS]
    return [states[row.prompt - 1 : len(row.ids) - 1] for states, row in zip(found, ROWS, strict=True)]


def test_it_is_the_loss_at_the_positions_that_predict_answers(random_model: Path):
    student, teacher = Student(load_model(random_model, "float64", "cpu")), other_model()
    objective = HiddenStates(layers=((1, 2), (0, 1)))
    taught = teacher_of(objective, teacher)
    found = objective(student, taught, padded(ROWS), 0.0, objective.start(student, taught))
    expected = [0.0] * len(ROWS)
    for own, theirs in ((1, 2), (0, 1)):
        for row, (x, y) in enumerate(zip(handed_on(student.base, own), handed_on(teacher.base, theirs), strict=True)):
            expected[row] += sum(
                sum((a - b) ** 2 for a, b in zip(one, other, strict=True)) / 32
                for one, other in zip(x.tolist(), y.tolist(), strict=True)
            )
    assert found["hidden_states"].tolist() == pytest.approx(expected, rel=1e-6)
    assert min(expected) > 0


def test_the_last_layer_is_after_the_models_last_norm(random_model: Path):
    student = Student(load_model(random_model, "float64", "cpu"))
    said = student.says(padded(ROWS), HiddenStates(layers=((-1, -1), (2, 2))).wants())
    assert torch.equal(said.hidden[-1], said.dense.states)
    assert torch.equal(said.hidden[2], said.dense.states)


def test_the_head_learns_nothing():
    student = other_model(0, tie_word_embeddings=False).train()
    objective = HiddenStates()
    taught = teacher_of(objective, other_model())
    parts = objective(student, taught, padded(ROWS), 0.0, objective.start(student, taught))
    parts["hidden_states"].sum().backward()
    assert [name for name, p in student.named_parameters() if p.grad is None] == ["model.lm_head.weight"]


def begins(objective: HiddenStates, student: Student, teacher: Student, rows: list[Tokens] = MANY) -> Any:
    taught = teacher_of(objective, teacher)
    state = objective.start(student, taught).double()
    state.begin(rows)
    return objective, student, taught, state


@pytest.mark.parametrize("projection", ["learned", "least_squares"])
def test_a_wider_teacher_is_met_as_far_as_a_linear_map_can(projection: str):
    """The fit is torch's own of the same states, each pair of layers has its own, and it is nearer than no fit."""
    objective = HiddenStates(loss=HiddenMSE(projection=projection), layers=((1, 2), (2, 1)))
    objective, student, taught, state = begins(objective, other_model(0), other_model(hidden_size=48))
    batch = padded(MANY[:26])
    x, y = student.says(batch, objective.wants()).hidden, taught[Untouched()].signal(batch).hidden
    with torch.no_grad():
        for (own, theirs), learned in zip(objective.layers, state.parts, strict=True):
            (projection,) = learned.parts
            assert torch.allclose(projection.weight, torch.linalg.lstsq(x[own], y[theirs]).solution, rtol=1e-4, atol=1e-6)
        fitted = objective(student, taught, batch, 0.0, state)["hidden_states"]
        plain = objective(student, taught, batch, 0.0, objective.start(student, taught).double())["hidden_states"]
    assert fitted.sum() < 0.8 * plain.sum()


def test_no_more_rows_are_looked_at_than_the_fit_needs(random_model: Path):
    """8 positions for each of 32 numbers, 10 answer tokens a row: 26 rows; in evaluation mode, with no gradient."""
    student = Student(load_model(random_model, "float64", "cpu")).train()
    runs: list[tuple[bool, bool]] = []
    student.base.get_decoder().register_forward_hook(
        lambda module, *given: runs.append((module.training, torch.is_grad_enabled()))
    )
    begins(HiddenStates(loss=HiddenMSE(projection="least_squares")), student, other_model())
    assert runs == [(False, False)] * 26
    assert student.training


def test_what_is_fitted_inside_another_objective_is_fitted_too(random_model: Path):
    inner = HiddenStates(loss=HiddenMSE(projection="least_squares"))
    for objective in (
        Weighted(objectives=("next_token", inner), weights=(1, 1)), NearUntouched(objective=inner), inner,
    ):  # fmt: skip
        student, other = Student(load_model(random_model, "float64", "cpu")), other_model()
        taught = {Untouched(): Untouched().open(other, objective.asks()[Untouched()])}
        state = objective.start(student, taught)
        (weight,) = state.parameters()
        assert torch.equal(weight, torch.eye(32))
        state.double().begin(MANY)
        assert not torch.allclose(weight, torch.eye(32).double(), atol=0.1)


def job(objective: Any, folder: Path, method: str = "full", rows: list[Tokens] = MANY, **changes: Any) -> Job:
    settings = TrainSettings(
        objective=objective, schedule=Constant(), compute="float64", device="cpu", model=Transformers(path="m"),
        rich=Lang("eng"), **changes,
    )  # fmt: skip
    model = load_model(folder, "float64", "cpu")
    if method == "lora":
        model = get_peft_model(model, LoraConfig(r=2, target_modules="all-linear", task_type="CAUSAL_LM"))
    return begun(settings, Accelerator(cpu=True), Student(model).train(), rows)


class WithAnEmptyRank:
    """The first of two ranks; the other one has no rows and nothing to add."""

    num_processes, process_index, device = 2, 0, torch.device("cpu")

    def reduce(self, own: torch.Tensor, how: str) -> torch.Tensor:
        return own

    def backward(self, loss: torch.Tensor) -> None:
        loss.backward()


def test_what_has_no_gradient_stays_where_it_is_on_one_rank_and_on_two(tmp_path: Path):
    """Hidden states do not ask the head, so that it must not decay either."""
    folder = tiny.model_folder(tmp_path / "model", tie_word_embeddings=False)
    head = load_model(folder, "float64", "cpu").lm_head.weight
    weights = []
    for rank in (None, WithAnEmptyRank()):
        found = job(HiddenStates(layers=((-1, -2),)), folder, rows=ROWS, weight_decay=1.0, learning_rate=0.1)
        step(found if rank is None else found._replace(accelerator=rank), [0, 1, 2, 3], 0.5, tmp_path)
        weights.append(found.student.state_dict())
        assert torch.equal(found.student.base.lm_head.weight, head)
        assert not torch.equal(found.student.base.model.norm.weight, torch.ones(32).double())
    for name, weight in weights[0].items():
        assert torch.equal(weights[1][name], weight), name


class Shifted(Untouched):
    """A teacher of the tests' own: another random model."""

    def open(self, student: Student, wants: Any) -> OpenTeacher:
        return super().open(other_model(hidden_size=48), wants)


@pytest.mark.parametrize(("projection", "kept"), [("learned", "weights"), ("least_squares", "memory")])
def test_what_is_fitted_is_in_the_checkpoint(projection: str, kept: str, random_model: Path, tmp_path: Path):
    """Trained or remembered; after a resume it is what it was, not fitted anew."""
    objective = HiddenStates(teacher=Shifted(), loss=HiddenMSE(projection=projection))
    one = job(objective, random_model)
    name = {"weights": "state.0.0.0.weight", "memory": "0.0.0.weight"}[kept]
    weight = getattr(one, kept)[name]
    assert weight.dtype == torch.float64
    assert not torch.equal(weight, torch.eye(32, 48).double())
    with torch.no_grad():
        weight += 1
    for parameter in one.weights.values():
        parameter.grad = torch.zeros_like(parameter)
    one.optimizer.step()
    checkpoints.save(tmp_path, 3, one.weights, one.optimizer, one.memory)
    other = job(objective, random_model)
    assert not torch.equal(getattr(other, kept)[name], weight)
    assert checkpoints.resume(tmp_path, other.weights, other.optimizer, other.memory) == 3
    assert torch.equal(getattr(other, kept)[name], weight)


def test_how_many_rows_are_computed_side_by_side_does_not_change_the_fit(random_model: Path):
    objective = HiddenStates(teacher=Shifted(), loss=HiddenMSE(projection="least_squares"))
    one, other = (job(objective, random_model, micro_tokens=some).memory["0.0.0.weight"] for some in (32, 512))
    assert torch.equal(one, other)


@pytest.mark.parametrize("method", ["full", "lora"])
def test_against_itself_a_fitted_projection_is_none(method: str, random_model: Path):
    """The untouched model against itself: nothing to do, though fewer positions are there than numbers."""
    found = job(HiddenStates(loss=HiddenMSE(projection="least_squares")), random_model, method, rows=ROWS)
    assert torch.equal(found.memory["0.0.0.weight"], torch.eye(32).double())
    parts = found.settings.objective(found.student.eval(), found.taught, padded(ROWS), 0.0, found.state.parts[0])
    assert parts["hidden_states"].abs().max() < 1e-20


@pytest.mark.parametrize("layer", [3, -3])
def test_a_layer_that_is_not_there_is_refused_with_both_sides_values(layer: int, random_model: Path):
    student = Student(load_model(random_model, "float64", "cpu"))
    with pytest.raises(
        ValueError, match=rf"no layer {layer} of the student: the student has 2 layers, the teacher 5; give 0 to 2"
    ):
        HiddenStates(layers=((layer, 1),)).check(student.sizes, {Untouched(): student.sizes._replace(layers=5)})
    HiddenStates(layers=((2, 5), (-2, -5), (0, 0))).check(student.sizes, {Untouched(): student.sizes._replace(layers=5)})
    HiddenStates(layers=((layer, 1),)).check(student.sizes, {})


def test_what_is_inside_another_objective_is_checked_too():
    sizes, inner = Sizes(32, 2, 4, 260), HiddenStates(layers=((9, 1),))
    for objective in (inner, NearUntouched(objective=inner), Weighted(objectives=("next_token", inner), weights=(1, 1))):
        with pytest.raises(ValueError, match="no layer 9 of the student"):
            objective.check(sizes, {Untouched(): sizes})


def test_widths_that_differ_are_refused_before_training_too():
    objective, student = HiddenStates(), other_model(0)
    taught = teacher_of(objective, other_model(hidden_size=48))
    with pytest.raises(ValueError, match="width 32 with the teacher's of width 48"):
        objective.start(student, taught)


class Mute(Untouched):
    """A teacher of the tests' own that gives no hidden states."""

    @property
    def gives(self) -> Any:
        return frozenset({"top_k"})


def test_a_teacher_without_hidden_states_is_refused():
    with pytest.raises(ValidationError, match=r"hidden_mse is computed from hidden, and the teacher .* gives top_k"):
        HiddenStates(teacher=Mute())
