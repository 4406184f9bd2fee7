import math
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from polydistill import chunks
from polydistill.batch import Batch, Tokens, padded
from polydistill.engines import Engine
from polydistill.engines.transformers import Transformers
from polydistill.losses import Sizes
from polydistill.losses.forward_kl import ForwardKL
from polydistill.models import load_model
from polydistill.objectives import token_losses
from polydistill.objectives.word_level import WordLevel
from polydistill.signals import Dense, TeacherSignal
from polydistill.student import TOKENS, Student
from polydistill.teachers import OpenTeacher, Teacher
from polydistill.teachers.several import OpenSeveral, Several
from polydistill.teachers.shown_more import ShownMore
from polydistill.teachers.untouched import Untouched

ROWS = [Tokens([5, 0, 1], 1, kind="target spa"), Tokens([5, 1], 1, kind="rich eng")]
BATCH = padded(ROWS)
ONE = [[0.9, 0.1], [0.8, 0.2], [0.5, 0.5]]
OTHER = [[0.5, 0.5], [0.4, 0.6], [0.1, 0.9]]
"""What two teachers find likely, at the answer tokens 0 1 (first row) and 1 (second row)."""


class Told(OpenTeacher):
    """A teacher that says what it is told of each answer token of `BATCH`; its states are logits with something in front."""

    def __init__(self, probabilities: list[list[float]], extra: int = 0):
        logits = torch.tensor(probabilities, dtype=torch.double).log() + 3
        self.states = torch.cat([torch.full((3, extra), 7.0, dtype=torch.double), logits], 1)
        self.extra, self.asked, self.headed = extra, list[list[Tokens]](), list[int]()

    @property
    def sizes(self) -> Sizes:
        return Sizes(2 + self.extra, 1, 1, 2)

    def say(self, batch: Batch) -> TeacherSignal:
        self.asked.append(list(batch.rows))
        of = {id(row): places for row, places in zip(ROWS, ([0, 1], [2]), strict=True)}
        places = [place for row in batch.rows for place in of[id(row)]]
        return TeacherSignal(Dense(self.states[places], self.head))

    def head(self, states: torch.Tensor) -> torch.Tensor:
        self.headed.append(len(states))
        return states[:, self.extra :]


class Wide(Told):
    """A teacher of more tokens."""

    @property
    def sizes(self) -> Sizes:
        return Sizes(3, 1, 1, 3)


def several(settings: dict[str, Any], *probabilities: list[list[float]]) -> OpenSeveral:
    teachers = [Told(one, extra) for extra, one in enumerate(probabilities)]
    return OpenSeveral(Several(teachers=[Untouched()] * len(teachers), **settings), teachers)  # type: ignore[arg-type]


def close(found: torch.Tensor, expected: list[list[float]]) -> None:
    assert found.exp().tolist() == [pytest.approx(row, rel=1e-12) for row in expected]


@pytest.mark.parametrize(
    ("settings", "w"), [({}, 0.5), ({"weights": [3, 1]}, 0.75), ({"weights": [0.2, 0.2]}, 0.5), ({"weights": [0, 2]}, 0.0)]
)
def test_the_mixture_by_hand(settings: dict[str, Any], w: float):
    expected = [[w * a + (1 - w) * b for a, b in zip(one, other, strict=True)] for one, other in zip(ONE, OTHER, strict=True)]
    close(several(settings, ONE, OTHER).say(BATCH).logits, expected)


def test_it_is_no_softmax_of_mean_logits():
    mean_of_logits = [math.sqrt(0.9 * 0.5), math.sqrt(0.1 * 0.5)]
    other = [p / sum(mean_of_logits) for p in mean_of_logits]
    found = several({}, ONE, OTHER).say(BATCH).logits[0].exp().tolist()
    assert found == pytest.approx([0.7, 0.3])
    assert other == pytest.approx([0.75, 0.25], abs=1e-3)


def test_a_teacher_that_counts_nothing_is_not_asked():
    teacher = several({"weights": [0, 2]}, ONE, OTHER)
    teacher.say(BATCH)
    assert [told.asked for told in teacher.teachers] == [[], [ROWS]]


def test_by_language_each_row_has_its_own_teacher():
    teacher = several({"by_language": [["eng"], ["spa"]]}, ONE, OTHER)
    close(teacher.say(BATCH).logits, [*OTHER[:2], ONE[2]])
    assert [told.asked for told in teacher.teachers] == [[[ROWS[1]]], [[ROWS[0]]]]
    assert [told.headed for told in teacher.teachers] == [[1], [2]], "logits of these rows alone"
    close(teacher.say(BATCH.only(torch.tensor([False, True]))).logits, [ONE[2]])


def test_by_language_rows_without_a_teacher_stop_it_before_the_first_step():
    teacher = several({"by_language": [[], ["spa"]]}, ONE, OTHER)
    with pytest.raises(ValueError, match="rows learn eng, and by_language has a teacher for spa alone"):
        teacher.prepare(iter([BATCH]))


def test_each_teacher_prepares_for_the_rows_it_is_asked_of():
    teacher, seen = several({"by_language": [["eng"], ["spa"]]}, ONE, OTHER), [list[Batch](), list[Batch]()]
    for told, rows in zip(teacher.teachers, seen, strict=True):
        told.prepare = rows.extend  # type: ignore[method-assign]
    teacher.prepare(iter([BATCH]))
    assert [[batch.rows for batch in some] for some in seen] == [[(ROWS[1],)], [(ROWS[0],)]]


@pytest.mark.parametrize("temperature", [0.1, 1.0, 5.0])
def test_by_answer_who_finds_the_answer_likely_counts_more(temperature: float):
    """The first row's answer is 0 1: mean log-probabilities (ln 0.9 + ln 0.2) / 2 and (ln 0.5 + ln 0.6) / 2."""
    means = [[(math.log(0.9) + math.log(0.2)) / 2, math.log(0.5)], [(math.log(0.5) + math.log(0.6)) / 2, math.log(0.9)]]
    powers = [[math.exp(mean / temperature) for mean in row] for row in means]
    w = [one / (one + other) for one, other in zip(*powers, strict=True)]
    expected = [
        [w[row] * a + (1 - w[row]) * b for a, b in zip(ONE[at], OTHER[at], strict=True)] for at, row in enumerate((0, 0, 1))
    ]
    close(several({"by_answer": temperature}, ONE, OTHER).say(BATCH).logits, expected)


def test_by_answer_at_its_ends():
    close(several({"by_answer": 1e-3}, ONE, OTHER).say(BATCH).logits, OTHER)
    found = several({"by_answer": 1e9}, ONE, OTHER).say(BATCH).logits
    assert torch.allclose(found, several({}, ONE, OTHER).say(BATCH).logits, rtol=0, atol=1e-8)


@pytest.mark.parametrize("settings", [{}, {"weights": [1, 5]}, {"by_answer": 0.3}, {"by_language": [["eng"], ["spa"]]}])
def test_equal_teachers_are_one_whatever_they_count(settings: dict[str, Any]):
    close(several(settings, ONE, ONE).say(BATCH).logits, ONE)


@pytest.fixture
def student(random_model: Path) -> Student:
    return Student(load_model(random_model, "float64", "cpu"))


ANSWERS = padded([Tokens([256, 10, 20, 30, 257], 2), Tokens([256, 11, 257], 2), Tokens([256, 12, 22], 1)])


class Moved(Untouched):
    """A model of its own: the student's with other weights."""

    by: float

    def open(self, student: Student, wants: Any) -> OpenTeacher:
        import copy

        other = Student(copy.deepcopy(student.model))
        with torch.no_grad():
            torch.manual_seed(3)
            for weight in other.parameters():
                weight += self.by * torch.randn_like(weight)
        return super().open(other, wants)


def gradient(student: Student, *weighted: tuple[float, Teacher], most: int = 1 << 25) -> dict[str, torch.Tensor]:
    """Of the sum of weights times KL to each teacher, moved from the model the teachers were opened on."""
    student.zero_grad()
    opened = [(weight, teacher.open(student, TOKENS)) for weight, teacher in weighted]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunks, "LOGITS", most)
        for weight, teacher in opened:
            loss = token_losses(ForwardKL(), student, student.states(ANSWERS), teacher.say(ANSWERS))
            (weight * loss.sum()).backward()
    return {name: p.grad for name, p in student.named_parameters() if p.grad is not None}


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor], within: float = 1e-6) -> bool:
    """Coarse, because the model's norms compute in float32."""
    assert one.keys() == other.keys() != set()
    return all((one[name] - other[name]).norm() <= within * other[name].norm() for name in one)


def test_one_alone_is_itself(student: Student):
    one = Moved(by=0.1)
    assert same(gradient(student, (1.0, Several(teachers=[one]))), gradient(student, (1.0, one)))


def test_the_mean_of_divergences_and_the_divergence_to_the_mean_have_one_gradient(student: Student):
    """They differ by sum_k w_k KL(p_k || p), in which there is no student: the compensation identity."""
    one, other = Moved(by=0.1), Moved(by=0.3)
    mixed = Several(teachers=[one, other], weights=[1, 3])
    assert same(gradient(student, (1.0, mixed)), gradient(student, (0.25, one), (0.75, other)))
    assert not same(gradient(student, (1.0, mixed)), gradient(student, (0.75, one), (0.25, other)), within=0.1)
    said, parts = mixed.open(student, TOKENS), [teacher.open(student, TOKENS) for teacher in (one, other)]

    def differ() -> float:
        states, p = student.states(ANSWERS), said.say(ANSWERS)
        apart = [token_losses(ForwardKL(), student, states, part.say(ANSWERS)).sum().item() for part in parts]
        return 0.25 * apart[0] + 0.75 * apart[1] - token_losses(ForwardKL(), student, states, p).sum().item()

    before = differ()
    with torch.no_grad():
        for weight in student.parameters():
            weight += 0.05 * torch.randn_like(weight)
    assert before > 0.01
    assert differ() == pytest.approx(before, rel=1e-6)


def test_it_is_computed_a_part_of_the_positions_at_a_time(student: Student):
    """Two logits' worth of positions at a time: the same gradient, and nothing larger exists."""
    mixed, seen = Several(teachers=[Moved(by=0.1), Moved(by=0.3)]), list[int]()
    whole = gradient(student, (1.0, mixed))
    handle = student.base.get_output_embeddings().register_forward_hook(lambda m, given, found: seen.append(len(found)))
    parts = gradient(student, (1.0, mixed), most=2 * 260)
    handle.remove()
    assert same(parts, whole)
    assert set(seen) <= {1, 2, 4}, "4 are the positions that Student's own check looks at"
    dense = mixed.open(student, TOKENS).say(ANSWERS).dense
    assert dense.states.shape == (6, 2 + 2 * 32)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"weights": [1.0]}, "2 teachers and the weights"),
        ({"weights": [0.0, 0.0]}, "not all of them 0"),
        ({"by_language": [["spa"]]}, "2 teachers and 1 lists of languages"),
        ({"by_language": [["spa", "eng"], ["es"]]}, "two teachers are asked in spa"),
        ({"weights": [1, 1], "by_answer": 1.0}, "give one of these, or none"),
        ({"by_language": [["xx-nothing"], []]}, "is no language code"),
    ],
)
def test_what_cannot_be_meant_is_refused(settings: dict[str, Any], said: str):
    with pytest.raises(ValidationError) as error:
        Several(teachers=["untouched", "untouched"], **settings)
    assert said in str(error.value)


class Sparse(Untouched):
    @property
    def gives(self):
        return frozenset({"top_k"})


def test_a_teacher_without_all_logits_is_refused():
    with pytest.raises(ValidationError, match=r"a mixture is made of all logits, and .* gives"):
        Several(teachers=["untouched", Sparse()])


def test_what_compares_hidden_states_is_refused():
    assert Several(teachers=["untouched"]).gives == {"dense"}


def test_what_one_says_nothing_of_is_left_out():
    """The last token of three is padding to one of two teachers."""
    three = [[*row, 0.3] for row in OTHER]
    found = OpenSeveral(Several(teachers=["untouched", "untouched"]), [Told(ONE), Wide(three)])
    assert found.sizes.vocabulary == 2
    close(found.say(BATCH).logits, several({}, ONE, OTHER).say(BATCH).logits.exp().tolist())


class Other(Untouched):
    """A teacher that does not fit the student."""

    def check(self, student: Engine, wants: Any) -> None:
        raise ValueError(f"300 tokens and those of {student.name()}")


@pytest.mark.parametrize("teacher", [Several(teachers=["untouched", Other()]), ShownMore(teacher=Other())])
def test_a_teacher_that_does_not_fit_is_refused_before_anything_is_loaded(teacher: Teacher):
    with pytest.raises(ValueError, match="300 tokens and those of transformers"):
        teacher.check(Transformers(path="m"), TOKENS)


def test_it_serves_an_objective(student: Student):
    objective = WordLevel(teacher=Several(teachers=["untouched", Moved(by=0.2)], by_answer=1.0))
    taught = {teacher: teacher.open(student, wants) for teacher, wants in objective.asks().items()}
    parts = objective(student, taught, ANSWERS, 0.5, objective.start(student, taught))
    assert (parts["word_level"] > 0).all()
