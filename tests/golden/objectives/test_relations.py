from math import exp, log, sqrt
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from pydantic import ValidationError

from polydistill.batch import Batch, Tokens, padded
from polydistill.models import load_model
from polydistill.objectives.relations import Relations
from polydistill.student import Student
from polydistill.teachers import OpenTeacher
from polydistill.teachers.untouched import Untouched

ROWS = [Tokens([256, 10, 20, 30, 257], 2), Tokens([256, 11, 257], 2), Tokens([256, 13, 23, 33], 1)]


def model(seed: int, **config: Any) -> Student:
    return Student(tiny.random_model(seed, **config).double())


def teacher_of(objective: Relations, student: Student) -> dict[Untouched, OpenTeacher]:
    """Another model in the place of the untouched one."""
    return {Untouched(): Untouched().open(student, objective.asks()[Untouched()])}


def parts_of(objective: Relations, student: Student, teacher: Student, batch: Batch) -> dict[str, torch.Tensor]:
    taught = teacher_of(objective, teacher)
    return objective(student, taught, batch, 0.0, objective.start(student, taught))


def heads(model: Any, layer: int, projection: str, ids: list[int]) -> list[list[list[float]]]:
    """By head and token, what a projection of a layer makes of a row that runs alone."""
    block, kept = model.model.layers[layer - 1].self_attn, []
    handle = getattr(block, projection).register_forward_hook(lambda module, given, found: kept.append(found))
    with torch.no_grad():
        model(input_ids=torch.tensor([ids]))
    handle.remove()
    return kept[0][0].view(len(ids), -1, block.head_dim).transpose(0, 1).tolist()


def shares(values: list[list[float]], token: int) -> list[float]:
    powers = [
        exp(sum(a * b for a, b in zip(values[token], other, strict=True)) / sqrt(len(other))) for other in values[: token + 1]
    ]
    return [power / sum(powers) for power in powers]


def test_values_row_by_row_by_hand():
    """In plain floats, over all tokens of a row, the two heads of values once for each of four heads of queries."""
    student, teacher = model(0), model(3, hidden_size=48, num_hidden_layers=3)
    found = parts_of(Relations(student_layer=1, teacher_layer=2), student, teacher, padded(ROWS))["value_relations"]
    expected = []
    for row in ROWS:
        own, theirs = (heads(side.base, layer, "v_proj", row.ids) for side, layer in ((student, 1), (teacher, 2)))
        expected.append(
            sum(
                p * (log(p) - log(q)) / 4
                for head in (0, 0, 1, 1)
                for token in range(len(row.ids))
                for p, q in zip(shares(theirs[head], token), shares(own[head], token), strict=True)
            )
        )
    assert found.tolist() == pytest.approx(expected, rel=1e-5)
    assert min(expected) > 0.01


def test_attention_is_that_which_the_model_pays():
    """Against the attention weights that transformers returns, where it computes them."""
    student, teacher = model(0), model(3)
    found = parts_of(Relations(), student, teacher, padded(ROWS))["attention_relations"]
    for side in (student, teacher):
        side.base.set_attn_implementation("eager")
    for row, value in zip(ROWS, found.tolist(), strict=True):
        q, p = (
            side.base(input_ids=torch.tensor([row.ids]), output_attentions=True).attentions[-1][0].double()
            for side in (student, teacher)
        )
        assert torch.xlogy(p, p / q).nansum((1, 2)).mean().item() == pytest.approx(value, rel=1e-5)


def test_it_is_a_mean_over_all_tokens_of_the_rows():
    objective = Relations()
    assert [objective.counts(row) for row in ROWS] == [
        {"attention_relations": count, "value_relations": count} for count in (5.0, 3.0, 4.0)
    ]


@pytest.mark.parametrize(
    ("losses", "reached"),
    [
        (("attention_relations", "value_relations"), {"q_proj", "k_proj", "v_proj", "input_layernorm"}),
        (("attention_relations",), {"q_proj", "k_proj", "input_layernorm"}),
        (("value_relations",), {"v_proj", "input_layernorm"}),
    ],
)
def test_what_comes_after_the_layers_attention_learns_nothing(losses: tuple[str, ...], reached: set[str]):
    """Neither its output projection nor its feed-forward, the last norm and the head; all that is before it learns."""
    student = model(0, tie_word_embeddings=False)
    parts = parts_of(Relations(losses=losses), student, model(3), padded(ROWS))
    assert tuple(parts) == losses
    sum(part.sum() for part in parts.values()).backward()
    learns = {name.removeprefix("model.model."): p.grad is not None for name, p in student.named_parameters()}
    assert {name.split(".")[-2] for name, does in learns.items() if does and name.startswith("layers.1.")} == reached
    assert all(does for name, does in learns.items() if name.startswith(("embed_tokens", "layers.0.")))
    assert not any(does for name, does in learns.items() if name.startswith(("norm", "model.lm_head")))


def test_a_student_of_half_the_width_gets_near():
    student, teacher, batch = model(0, hidden_size=16, intermediate_size=32), model(3), padded(ROWS)
    objective = Relations()
    taught = teacher_of(objective, teacher)
    state = objective.start(student, taught)
    optimizer = torch.optim.AdamW(student.parameters(), lr=0.01)
    values = []
    for _ in range(60):
        loss = sum(part.sum() for part in objective(student, taught, batch, 0.0, state).values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        values.append(loss.item())
    assert values[-1] < 0.2 * values[0]


def test_another_number_of_heads_is_refused_before_training():
    objective, student, teacher = Relations(), model(0), model(3, num_attention_heads=8)
    taught = teacher_of(objective, teacher)
    with pytest.raises(ValueError, match="the student has 4 heads, the teacher 8"):
        objective.start(student, taught)


def test_a_layer_that_is_not_there_is_refused_with_both_sides_values(random_model: Path):
    sizes = Student(load_model(random_model, "float64", "cpu")).sizes
    teachers = {Untouched(): sizes._replace(layers=5)}
    for layer in (0, 6):
        with pytest.raises(
            ValueError, match=rf"no layer {layer} of the teacher: the student has 2 layers, the teacher 5; give 1"
        ):
            Relations(teacher_layer=layer).check(sizes, teachers)
    Relations(student_layer=-2, teacher_layer=5).check(sizes, teachers)


class Mute(Untouched):
    """A teacher of the tests' own that gives no relations."""

    @property
    def gives(self) -> Any:
        return frozenset({"dense", "hidden"})


def test_a_teacher_without_relations_is_refused():
    with pytest.raises(
        ValidationError, match=r"attention_relations is computed from relations, and the teacher .* gives dense, h"
    ):
        Relations(teacher=Mute())


def test_a_loss_that_is_named_twice_is_refused():
    with pytest.raises(ValidationError, match="give each once"):
        Relations(losses=("value_relations", "value_relations"))
