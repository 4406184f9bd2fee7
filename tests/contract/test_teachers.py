"""What every teacher promises; a new file in teachers/ is enrolled by itself and needs one entry in EXAMPLES."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from peft import LoraConfig, get_peft_model
from tiny_endpoint import model_server

from polydistill.batch import Batch, Tokens, padded
from polydistill.component import find, names
from polydistill.models import load_model, load_tokenizer
from polydistill.signals import TeacherSignal, Wants
from polydistill.stage import Workspace
from polydistill.student import Student, log_likelihood
from polydistill.teachers import OpenTeacher
from polydistill.template import Template

EXAMPLES: dict[str, list[dict[str, Any]]] = {
    "cached": [{}, {"keeps": "sampled"}, {"keeps": "sampled", "temperature": 2.0, "n": 7}, {"keeps": "states"}],
    "endpoint": [{"engine": {"openai": {"base_url": "SERVER", "model": "tiny"}}, "k": 6}],
    "moving_average": [{}],
    "other_model": [{"model": {"transformers": {"path": "RANDOM", "dtype": "float64", "device": "cpu"}}}],
    "several": [{"teachers": ["untouched", "moving_average"]}, {"teachers": ["untouched", "untouched"], "by_answer": 0.5}],
    "shown_more": [{}],
    "untouched": [{}],
}
"""Settings to build each teacher with; RANDOM is the folder of a random model, SERVER where the same one is served."""
ROWS = [Tokens([256, 10, 20, 30, 257], 2), Tokens([256, 11, 257], 2, shown=[256, 40, 41]), Tokens([256, 12, 22], 1)]


def full(folder: Path) -> Student:
    return Student(load_model(folder, "float64", "cpu"), template=Template(load_tokenizer(folder))).train()


def adapters(folder: Path) -> Student:
    lora = LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM", lora_dropout=0.3)
    model = get_peft_model(load_model(folder, "float64", "cpu"), lora)
    return Student(model, template=Template(load_tokenizer(folder))).train()


class Case(NamedTuple):
    """A teacher, opened before its student moved."""

    teacher: OpenTeacher
    student: Student
    batch: Batch

    def says(self) -> list[torch.Tensor]:
        return numbers(self.teacher.say(self.batch))

    def train(self) -> None:
        """Moves whatever the student trains."""
        loss = -log_likelihood(self.student(self.batch), self.batch.targets).sum()
        loss.backward()
        for p in self.student.parameters():
            if p.grad is not None:
                p.data -= 0.05 * p.grad
                p.grad = None


@pytest.fixture(
    params=[
        (name, number, student)
        for name in names("teachers")
        for number in range(len(EXAMPLES.get(name, [0])))
        for student in (full, adapters)
    ],
    ids=lambda given: f"{given[0]}-{given[1]}-{given[2].__name__}",
)
def case(request: pytest.FixtureRequest, random_model: Path, space: Workspace) -> Case:
    name, number, student = request.param
    assert name in EXAMPLES, f"teachers/{name}.py has no entry in EXAMPLES of tests/contract/test_teachers.py; add one"
    settings = json.dumps(EXAMPLES[name][number]).replace("RANDOM", str(random_model))
    if "SERVER" in settings:
        settings = settings.replace("SERVER", request.getfixturevalue("server"))
    return opened(name, json.loads(settings), student, random_model)


@pytest.fixture(scope="module")
def server(random_model: Path) -> Iterator[str]:
    """The address of a server that runs the random model."""
    pytest.importorskip("httpx2", reason="polydistill[openai] is not installed")
    with model_server(random_model) as here:
        yield here.url


def opened(name: str, settings: dict[str, Any], make: Callable[[Path], Student], folder: Path) -> Case:
    student, batch = make(folder), padded(ROWS)
    teacher = find("teachers", name)(**settings).open(student, Wants(tokens=True))  # type: ignore[attr-defined]
    teacher.prepare([batch])
    return Case(teacher, student, batch)


def numbers(said: TeacherSignal) -> list[torch.Tensor]:
    """What a signal says of the next token, in whichever form it has."""
    return [said.logits] if said.dense else [*(said.top_k or ()), *(said.sampled or ())]


def same(some: list[torch.Tensor], others: list[torch.Tensor]) -> bool:
    return all(one.equal(other) for one, other in zip(some, others, strict=True))


def test_it_gives_a_form_that_it_says_it_gives(case: Case, request: pytest.FixtureRequest):
    name, number, _ = request.node.callspec.params["case"]
    settings = json.loads(json.dumps(EXAMPLES[name][number]).replace("SERVER", "http://localhost/v1"))
    said, gives = case.teacher.say(case.batch), find("teachers", name)(**settings).gives
    assert {form for form in ("dense", "top_k", "sampled") if getattr(said, form)} <= gives


def test_one_state_for_each_answer_token(case: Case):
    tokens = len(case.batch.targets)
    said = case.teacher.signal(case.batch)
    assert tokens == 6
    if said.dense:
        assert said.dense.states.shape[0] == tokens
        assert said.logits.shape == (tokens, 260)
    assert [len(one) for one in numbers(said)] in ([6], [6, 6])


def test_what_it_says_are_probabilities(case: Case):
    said = case.teacher.signal(case.batch)
    if said.dense:
        assert said.logits.isfinite().any(1).all()
    if said.top_k:
        assert (said.top_k.log_p.diff(dim=1) <= 0).all(), "the likeliest first"
        assert (said.top_k.log_p.exp().sum(1) < 1 + 1e-6).all()
    if said.sampled:
        assert (said.sampled.weights >= 0).all()
    for one in (said.top_k, said.sampled):
        assert one is None or (one.ids.min() >= 0 and one.ids.max() < 260)


def test_it_carries_no_gradient(case: Case):
    said = case.teacher.signal(case.batch)
    assert not any(one.requires_grad for one in numbers(said))
    if said.dense:
        assert not said.dense.states.requires_grad
        assert not said.dense.head(said.dense.states.clone().requires_grad_()).requires_grad


def test_the_same_batch_gives_the_same_signal(case: Case):
    before = case.says()
    torch.rand(3)
    assert same(case.says(), before)


def test_asking_it_leaves_the_student_as_it_was(case: Case):
    before = {name: (p.requires_grad, p.clone()) for name, p in case.student.named_parameters()}
    modes = {name: module.training for name, module in case.student.named_modules()}
    torch.manual_seed(3)
    own = case.student(case.batch)
    torch.manual_seed(3)
    state = torch.get_rng_state()
    case.says()
    assert torch.equal(torch.get_rng_state(), state), "what is drawn later is the same with and without it"
    assert torch.equal(case.student(case.batch), own)
    assert {name: module.training for name, module in case.student.named_modules()} == modes
    for name, p in case.student.named_parameters():
        assert (p.requires_grad, p.grad) == (before[name][0], None)
        assert torch.equal(p, before[name][1])


def test_it_stays_what_it_was_bit_for_bit(case: Case):
    before, own = case.says(), case.student.eval()(case.batch).detach()
    case.student.train()
    for _ in range(3):
        case.train()
        assert same(case.says(), before)
    with torch.no_grad():
        assert not torch.allclose(case.student.eval()(case.batch), own, atol=1e-3), "the student has moved"
