"""What every objective promises; a new file in objectives/ is enrolled by itself and needs one entry in EXAMPLES."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from tiny_rows import ENG, chat, text

from polydistill.batch import Batch, Tokens, padded
from polydistill.component import find, names
from polydistill.models import load_model, load_tokenizer
from polydistill.objectives import Objective, Taught
from polydistill.state import State
from polydistill.student import Student
from polydistill.template import Template

PROGRESS = 0.4


EXAMPLES: dict[str, list[dict[str, Any]]] = {
    "next_token": [{}],
    "near_untouched": [
        {"objective": "next_token", "weight": 2.0},
        {"objective": "next_token", "weight": 2.0, "loss": "clipped_kl"},
    ],
    "word_level": [{}, {"toward": "cosine"}, {"loss": {"top_k": {"k": 3}}}],
    "sampled_text": [
        {"objective": "word_level", "sampling": {"temperature": 1.0, "max_tokens": 8}},
        {"objective": "next_token", "writer": "untouched", "share": 0.6, "sampling": {"temperature": 1.0, "max_tokens": 8}},
    ],
    "corrected_text": [{"objective": "word_level", "sampling": {"temperature": 1.0, "max_tokens": 8}}],
    "preferred": [{"beta": 0.5}],
    "span_relations": [{"span": 2}],
    "two_tasks": [{"share": 0.3}],
    "hidden_states": [
        {"layers": [[-1, -1]]},
        {"loss": {"hidden_l1": {"projection": "learned"}}, "layers": [[1, 2], [2, 2]]},
        {"loss": {"hidden_cosine": {"projection": "least_squares"}}},
    ],
    "relations": [{}, {"losses": ["value_relations"], "student_layer": 1, "teacher_layer": 2}],
    "weighted": [
        {"objectives": ["next_token", "word_level", "word_level"], "weights": [1.0, 0.5, 0.25]},
        {
            "objectives": ["next_token", {"sampled_text": {"objective": "next_token", "sampling": {"max_tokens": 8}}}],
            "weights": [1.0, 0.5],
        },
    ],
}
"""Settings to build each objective with; its parts must be above zero for a student that has learned something."""

KINDS = ("target", "rationale")
SAID = [
    ("Why?", "So."), ("What is bread made of?", "Mostly flour and water."), ("Who was it?", "Me"),
    ("And then what came?", "Rain, for days."), ("a", "b"), ("When?", "At night, they say."), ("How so?", "It is long"),
    ("Where do all rivers run?", "Down."),
]  # fmt: skip


class Case(NamedTuple):
    """An objective with a student that has moved since its teachers were opened, and rows of tokens."""

    objective: Objective
    student: Student
    taught: Taught
    state: State
    rows: list[Tokens]

    def padded(self, rows: list[Tokens]) -> Batch:
        """Rows as the objective looks at them, side by side."""
        return padded(self.objective.rewritten(self.student, self.taught, rows, PROGRESS, self.state))

    def parts(self, batch: Batch) -> dict[str, torch.Tensor]:
        return self.objective(self.student, self.taught, batch, PROGRESS, self.state)

    def gradients(self, *batches: Batch) -> tuple[dict[str, float], dict[str, torch.Tensor]]:
        """Parts and gradients, summed over the batches."""
        self.student.zero_grad()
        found: dict[str, float] = {}
        for batch in batches:
            parts = self.parts(batch)
            sum(part.sum() for part in parts.values()).backward()
            for name, part in parts.items():
                found[name] = found.get(name, 0.0) + part.sum().item()
        return found, {name: p.grad.clone() for name, p in self.student.named_parameters() if p.grad is not None}


@pytest.fixture(
    scope="module",
    params=[(name, number) for name in names("objectives") for number in range(len(EXAMPLES.get(name, [0])))],
    ids=str,
)
def case(request: pytest.FixtureRequest, random_model: Path) -> Case:
    name, number = request.param
    assert name in EXAMPLES, f"objectives/{name}.py has no entry in EXAMPLES of tests/contract/test_objectives.py; add one"
    objective = find("objectives", name)(**EXAMPLES[name][number])
    template, model = Template(load_tokenizer(random_model)), load_model(random_model, "float64", "cpu")
    payloads = [chat("q", ENG, *said, ended=len(said[1]) != 10).payload for said in SAID]
    payloads[4] = text("t", "Plain text, all of which is learned.").payload
    rows = [
        Tokens(*template.training(payload), number % 3 > 0, f"{KINDS[number % 2]} eng", str(number))
        for number, payload in enumerate(payloads)
    ]
    rows = [row._replace(rejected=row.answered([*b"other", 257]) if int(row.id) % 3 else None) for row in rows]
    student = Student(model).train()
    taught = {teacher: teacher.open(student, wants) for teacher, wants in objective.asks().items()}
    state = objective.start(student, taught).double()
    state.begin(rows)
    with torch.no_grad():
        torch.manual_seed(1)
        for weight in student.parameters():
            weight += 0.02 * torch.randn_like(weight)
    return Case(objective, student, taught, state, rows)


def equal(
    one: tuple[dict[str, float], dict[str, torch.Tensor]], other: tuple[dict[str, float], dict[str, torch.Tensor]]
) -> None:
    assert one[0] == pytest.approx(other[0], rel=1e-12)
    assert one[1].keys() == other[1].keys() != set()
    for name, gradient in one[1].items():
        assert torch.allclose(gradient, other[1][name], rtol=1e-9, atol=1e-11), name


def test_parts_are_named_and_in_nats_a_row(case: Case):
    parts = case.parts(case.padded(case.rows))
    assert tuple(parts) == case.objective.parts != ()
    for name, part in parts.items():
        assert name.isidentifier()
        assert part.shape == (len(case.rows),)
        assert torch.isfinite(part).all()
        assert part.sum() > 0
        assert part.dtype == torch.float64, "in the student's own precision where that is more than float32"


def test_eight_at_once_equal_two_times_four(case: Case):
    equal(case.gradients(case.padded(case.rows)), case.gradients(case.padded(case.rows[:4]), case.padded(case.rows[4:])))


def test_padded_equals_unpadded(case: Case):
    equal(case.gradients(case.padded(case.rows)), case.gradients(*(case.padded([row]) for row in case.rows)))


def test_what_stands_in_the_padding_says_nothing(case: Case):
    batch = case.padded(case.rows)
    other = batch._replace(ids=torch.where(batch.attend.bool(), batch.ids, 99))
    assert not torch.equal(batch.ids, other.ids)
    equal(case.gradients(batch), case.gradients(other))


def test_prompt_and_padding_get_no_gradient(case: Case):
    """Of the last hidden states only those that predict a token of an answer get one; none with relations of all tokens."""
    batch, runs = case.padded(case.rows), []

    def keep(module: Any, given: Any, settings: Any, found: Any) -> None:
        found.last_hidden_state.retain_grad()
        runs.append((settings["input_ids"], found.last_hidden_state))

    handle = case.student.base.get_decoder().register_forward_hook(keep, with_kwargs=True)
    try:
        case.gradients(batch)
    finally:
        handle.remove()
    assert runs
    for ids, states in runs:
        (answers,) = {id(one): one.answers for one in looked_at(batch) if torch.equal(one.ids, ids)}.values()
        predicts = torch.zeros_like(answers)
        predicts[:, :-1] = answers[:, 1:]
        if case.objective.wants().relations:
            assert states.grad is None, "they come from within a layer"
            continue
        gradient = states.grad.abs().sum(-1)
        assert (gradient[~predicts] == 0).all()
        assert (gradient[predicts] > 0).float().mean() > 0.4, "the last token of a span has no neighbour in it"


def test_padding_is_not_looked_at(case: Case):
    """Of the embeddings that go into the first layer none of a padding token gets a gradient."""
    batch, runs = case.padded(case.rows), []

    def keep(module: Any, given: Any, found: torch.Tensor) -> None:
        found.retain_grad()
        runs.append((given[0], found))

    handle = case.student.base.get_input_embeddings().register_forward_hook(keep)
    try:
        case.gradients(batch)
    finally:
        handle.remove()
    assert runs
    for ids, embedded in runs:
        (there,) = {id(one): one.attend.bool() for one in looked_at(batch) if torch.equal(one.ids, ids)}.values()
        gradient = embedded.grad.abs().sum(-1)
        assert (gradient[~there] == 0).all()
        assert (gradient[there] > 0).any()


def looked_at(batch: Batch) -> list[Batch]:
    """What an objective may make of a batch."""
    written = [batch.as_written()] if any(row.written for row in batch.rows) else []
    return [batch, *written, batch.only(batch.paired()).as_rejected()]


def tensors(signal: Any) -> list[torch.Tensor]:
    """Every tensor of a signal."""
    if isinstance(signal, torch.Tensor):
        return [signal]
    parts = signal.values() if isinstance(signal, Mapping) else signal if isinstance(signal, tuple) else ()
    return [tensor for part in parts for tensor in tensors(part)]


def test_the_teachers_get_no_gradient(case: Case):
    assert case.taught.keys() == case.objective.asks().keys()
    for teacher in case.taught.values():
        signal = teacher.signal(case.padded(case.rows))
        assert tensors(signal)
        assert not any(tensor.requires_grad for tensor in tensors(signal))
        if signal.dense:
            assert not signal.dense.head(signal.dense.states.clone().requires_grad_()).requires_grad


def test_what_it_asks_of_the_student_is_all_that_it_uses(case: Case):
    """Inside `Student.once` a batch goes through the model once, for what the objective said that it wants."""
    batch, runs = case.padded(case.rows), []

    def keep(module: Any, given: Any, settings: Any, found: Any) -> None:
        runs.append(settings["input_ids"] is batch.ids)

    handle = case.student.base.get_decoder().register_forward_hook(keep, with_kwargs=True)
    with case.student.once(case.objective.wants()):
        case.parts(batch)
        case.parts(batch)
    handle.remove()
    assert runs
    assert sum(runs) <= 1


def test_a_part_of_the_batch_says_the_same_of_its_rows(case: Case):
    """Rows do not see each other: what is summed by kind of row is that kind's own."""
    whole, some = case.parts(case.padded(case.rows)), case.parts(case.padded(case.rows[2:5]))
    for name, part in some.items():
        assert part.tolist() == pytest.approx(whole[name][2:5].tolist(), rel=1e-9)


def test_which_rows_are_rich_matters_only_where_it_is_said(case: Case):
    all_rich, none = (case.padded([row._replace(rich=rich) for row in case.rows]) for rich in (True, False))
    one, other = case.gradients(all_rich), case.gradients(none)
    assert (one[0] == other[0]) is not case.objective.looks_at_rich


def test_the_same_batch_gives_the_same_parts(case: Case):
    one, other = case.parts(case.padded(case.rows)), case.parts(case.padded(case.rows))
    assert {name: part.tolist() for name, part in one.items()} == {name: part.tolist() for name, part in other.items()}


def test_the_gradient_is_that_of_the_sum_of_the_parts(case: Case):
    """By finite differences along the gradient itself; coarse ones, because the model's norms compute in float32.

    Unless a target is the student's own, which is held still.
    """
    batch, step = case.padded(case.rows[:3]), 1e-4
    _, gradients = case.gradients(batch)
    norm = sum(gradient.pow(2).sum() for gradient in gradients.values()).sqrt().item()
    weights = {name: p for name, p in case.student.named_parameters() if name in gradients}

    def moved(by: float) -> float:
        with torch.no_grad():
            for name, p in weights.items():
                p += by * gradients[name] / norm
            value = sum(part.sum().item() for part in case.parts(batch).values())
            for name, p in weights.items():
                p -= by * gradients[name] / norm
        return value

    is_its = (moved(step) - moved(-step)) / (2 * step) == pytest.approx(norm, rel=1e-3)
    assert is_its is not case.objective.own_target
