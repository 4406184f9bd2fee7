"""A student's hidden states, and their sums by row."""

from pathlib import Path

import pytest
import tiny
import torch

from polydistill.batch import Batch, Tokens, padded
from polydistill.engines import Sampling
from polydistill.models import load_model, load_tokenizer
from polydistill.student import Student
from polydistill.template import Template

ROWS = [Tokens([256, 10, 20, 30, 257], 2), Tokens([256, 11, 257], 2, rich=True), Tokens([256, 12, 22], 1)]


@pytest.fixture
def student(random_model: Path) -> Student:
    return Student(load_model(random_model, "float64", "cpu"))


def times(student: Student, calls: list[Batch]) -> int:
    """How often the model runs for these batches' logits."""
    found = []
    handle = student.base.get_decoder().register_forward_hook(lambda *given: found.append(1))
    for batch in calls:
        student(batch)
    handle.remove()
    return len(found)


def test_inside_once_the_states_of_a_batch_are_computed_once(student: Student):
    one, other = padded(ROWS), padded(ROWS[:2])
    with student.once():
        assert times(student, [one, other, one, other, one]) == 2
        with student.once():
            assert times(student, [one]) == 0
        assert times(student, [one, padded(ROWS)]) == 1, "an equal batch is another one"
    assert times(student, [one, one]) == 2


def test_once_changes_no_bit_and_forgets_after_an_error(student: Student):
    batch = padded(ROWS)

    def fails() -> None:
        with student.once():
            student(batch)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    with torch.no_grad():
        for weight in student.parameters():
            weight *= 2
        plain = student(batch)
        with student.once():
            assert torch.equal(student(batch), plain)
            assert torch.equal(student(batch), plain)


def test_values_are_summed_by_row():
    batch = padded([*ROWS, Tokens([256], 1)])
    assert batch.by_row(torch.tensor([1.0, 2.0, 4.0, 8.0, 16.0, 32.0])).tolist() == [7.0, 8.0, 48.0, 0.0]


def test_some_rows_of_a_batch():
    batch = padded(ROWS)
    assert batch.only(batch.rich).ids.tolist() == [[256, 11, 257, 0, 0]]
    assert batch.only(~batch.rich).targets.tolist() == [20, 30, 257, 12, 22]
    assert batch.only(batch.rich).positions is None


def test_sizes_have_the_same_names_whatever_a_family_calls_them():
    from transformers import GPT2Config, GPT2LMHeadModel

    model = GPT2LMHeadModel(GPT2Config(vocab_size=50, n_embd=8, n_layer=3, n_head=2, n_positions=16))
    assert Student(model).sizes == (8, 3, 2, 50)


def test_it_writes_no_padding_of_its_logits(tmp_path: Path):
    """Where its tokenizer is known: with 258 tokens, the last of which ends an answer, the others of 300 are padding."""
    folder = tiny.model_folder(tmp_path / "wide", vocab_size=300)
    template = Template(load_tokenizer(folder))
    sampling, model = Sampling(temperature=1.0, max_tokens=40), load_model(folder, "float64", "cpu")
    free, found = (
        Student(model, (257,), known).write([[256, 40]] * 4, sampling, [1, 2, 3, 4]) for known in (None, template)
    )  # fmt: skip
    assert max(id for answer in free for id in answer) >= 258
    assert max(id for answer in found for id in answer) <= 257
    assert all(len(answer) == 40 or answer[-1] == 257 for answer in found), "nor is an answer cut there"
