import math
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from polydistill import chunks
from polydistill.component import find
from polydistill.losses import LogitsLoss
from polydistill.objectives import token_losses
from polydistill.signals import Dense, Draws, Spans, Support, TeacherSignal
from polydistill.spans import LEAST, coarse, span_losses, with_the_rest

KL: LogitsLoss = find("losses", "forward_kl")()  # type: ignore[assignment]
Q = [[0.5, 0.2, 0.2, 0.1], [0.1, 0.6, 0.2, 0.1], [0.25, 0.25, 0.25, 0.25]]
P = [[0.3, 0.4, 0.3], [0.2, 0.2, 0.6], [0.7, 0.2, 0.1], [0.1, 0.1, 0.8]]
"""Probabilities of the next token at three positions of a student with four tokens, and at four of a teacher with three."""


def same(logits: torch.Tensor) -> torch.Tensor:
    return logits


def student(**more: Any) -> Any:
    return SimpleNamespace(head=same, head_parameters=[], **more)


def spans(own: list[int], of: list[int], alike: list[bool], own_targets: list[int], targets: list[int], **more: Any) -> Spans:
    """The teacher P, whose tokens 0 and 2 are the student's 1 and 0."""
    given = {"states": torch.tensor(P).double().log(), "head": same, "outcomes": torch.tensor([[1, 0], [0, 2]]), **more}
    return Spans(
        targets=torch.tensor(targets), of=torch.tensor(of), own=torch.tensor(own), own_targets=torch.tensor(own_targets),
        alike=torch.tensor(alike, dtype=torch.bool), widths=(4, 3), **given,
    )  # fmt: skip


def losses(said: Spans) -> list[float]:
    return span_losses(KL, student(), torch.tensor(Q).double().log(), said).tolist()


def kl(p: list[float], q: list[float]) -> float:
    return sum(a * math.log(a / b) for a, b in zip(p, q, strict=True) if a)


def test_one_token_against_one_is_compared_over_what_both_can_name():
    """The student's 1 and 0 are the teacher's 0 and 2; of the others it has two, the teacher one."""
    said = spans([0, 1, 2], [0, 1, 2], [True] * 3, [0, 0, 0], [0, 0, 0], states=torch.tensor(P[:3]).double().log())
    expected = [kl([p[0], p[2], p[1]], [q[1], q[0], q[2] + q[3]]) for p, q in zip(P[:3], Q, strict=True)]
    assert losses(said) == pytest.approx(expected)


def test_a_merged_span_has_the_product_of_its_tokens_probabilities():
    """TRL #4765: sums of probabilities, or the first token's alone, are no probability of the span.

    Two tokens of the student against three of the teacher, then one of each; the first span's loss stands at its last token.
    """
    said = spans([0, 0, 1], [0, 0, 0, 1], [False, True], [2, 1, 0], [0, 2, 0, 2])
    q, p = 0.2 * 0.6, 0.3 * 0.6 * 0.7
    alike = kl([0.1, 0.8, 0.1], [0.25, 0.25, 0.5])
    assert losses(said) == pytest.approx([0, kl([p, 1 - p], [q, 1 - q]), alike])


def test_one_token_against_two_and_two_against_one():
    said = spans([0, 1, 1], [0, 0, 1], [False, False], [3, 0, 1], [1, 0, 0], states=torch.tensor(P[:3]).double().log())
    first, second = kl([0.4 * 0.2, 1 - 0.08], [0.1, 0.9]), kl([0.7, 0.3], [0.1 * 0.25, 1 - 0.025])
    assert losses(said) == pytest.approx([first, 0, second])


def test_a_row_that_is_not_aligned_is_left_out():
    said = spans([-1, 0, 0], [0, 0], [False], [0, 1, 1], [0, 2], states=torch.tensor(P[:2]).double().log())
    p, q = 0.3 * 0.6, 0.6 * 0.25
    assert losses(said) == pytest.approx([0, 0, kl([p, 1 - p], [q, 1 - q])])


def test_where_no_row_is_aligned_nothing_is_learned():
    states = torch.tensor(Q).double().log().requires_grad_()
    said = spans([-1, -1, -1], [], [], [0, 0, 0], [], states=torch.zeros(0, 3))
    found = span_losses(
        KL, student(), states, said._replace(targets=torch.zeros(0, dtype=torch.long), of=torch.zeros(0, dtype=torch.long))
    )
    assert found.tolist() == [0, 0, 0]
    (gradient,) = torch.autograd.grad(found.sum(), states)
    assert gradient.abs().max() == 0


def test_anything_else_is_all_others_together():
    found = coarse(torch.tensor([Q[0]]).log(), torch.tensor([3, 0]))
    assert found.exp()[0].tolist() == pytest.approx([0.1, 0.5, 0.4])
    assert with_the_rest(torch.tensor([0.2, 0.9]).log()).exp().flatten().tolist() == pytest.approx([0.2, 0.8, 0.9, 0.1])


def test_where_nothing_else_can_be_said_all_stays_finite():
    assert coarse(torch.tensor([Q[0]]).log(), torch.tensor([0, 1, 2, 3]))[0, 4] == LEAST
    assert coarse(torch.tensor([[0.0, -1e5]]), torch.tensor([0]))[0, 1] == LEAST
    certain = torch.tensor([0.0, -1e-30]).requires_grad_()
    found = with_the_rest(certain)
    assert found[:, 1].tolist() == [pytest.approx(LEAST), pytest.approx(LEAST, abs=20)]
    assert torch.isfinite(torch.autograd.grad(found.sum(), certain)[0]).all()


# Limits


WIDTH, VOCABULARY, TOKENS = 6, 9, 7


def two_heads() -> tuple[nn.Linear, nn.Linear, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    one, other = (nn.Linear(WIDTH, VOCABULARY, bias=False).double() for _ in range(2))
    states, theirs = (2 * torch.randn(TOKENS, WIDTH).double() for _ in range(2))
    return one, other.requires_grad_(False), states.requires_grad_(), theirs


@pytest.mark.parametrize("name", ["forward_kl", "reverse_kl", "jensen_shannon", "total_variation", "skew_kl"])
def test_a_vocabulary_in_another_order_is_the_same_vocabulary(name: str):
    """Where both can name every token and all spans are of one, it is the loss of the whole distributions."""
    loss: Any = find("losses", name)()
    head, other, states, theirs = two_heads()
    order = torch.randperm(VOCABULARY)
    whole = loss(head(states), other(theirs))
    of = torch.arange(TOKENS)
    said = Spans(
        theirs, lambda some: other(some)[:, order], of, of, of, of, torch.ones(TOKENS, dtype=torch.bool),
        torch.stack([order, torch.arange(VOCABULARY)]), (VOCABULARY, VOCABULARY),
    )  # fmt: skip
    learner: Any = SimpleNamespace(head=head, head_parameters=[head.weight], positions_at_a_time=3)
    found = token_losses(loss, learner, states, TeacherSignal(spans=said))
    assert torch.allclose(found, whole)
    for one, another in zip(
        torch.autograd.grad(found.sum(), [states, head.weight]),
        torch.autograd.grad(whole.sum(), [states, head.weight]),
        strict=True,
    ):
        assert torch.allclose(one, another)
    # What both can name less of tells them apart less.
    less = token_losses(loss, learner, states, TeacherSignal(spans=said._replace(outcomes=said.outcomes[:, :4])))
    assert (less <= whole + 1e-12).all()
    assert (less < whole - 1e-3).any()


@pytest.mark.parametrize("most", [1, 2, 100])
def test_in_chunks_it_is_the_same(most: int, monkeypatch: pytest.MonkeyPatch):
    """And so are all gradients: against the same formulas written plainly, whatever a span counts."""
    head, other, states, theirs = two_heads()
    own, of = torch.tensor([0, 0, 1, -1, -1, 2, 3]), torch.tensor([0, 1, 2, 2, 3, 3, 3])
    alike = torch.tensor([False, True, False, False])
    targets, other_targets = torch.tensor([1, 2, 3, 4, 5, 6, 7]), torch.tensor([8, 0, 1, 2, 3, 4, 5])
    outcomes = torch.tensor([[0, 3, 4], [1, 0, 8]])
    said = Spans(theirs, other, other_targets, of, own, targets, alike, outcomes, (VOCABULARY, VOCABULARY))
    monkeypatch.setattr(chunks, "LOGITS", most * VOCABULARY)
    learner: Any = SimpleNamespace(head=head, head_parameters=[head.weight])
    found = span_losses(KL, learner, states, said)
    log_q, log_p = head(states).log_softmax(-1), other(theirs).log_softmax(-1)

    def two(log: torch.Tensor) -> torch.Tensor:
        return torch.stack([log, torch.log(1 - log.exp())])[None]

    plain = torch.zeros(TOKENS).double()
    plain[1] = KL(two(log_q[0, 1] + log_q[1, 2]), two(log_p[0, 8]))[0]
    q, p = log_q[2].exp(), log_p[1].exp()
    merged = [torch.cat([some[ids], 1 - some[ids].sum(0, keepdim=True)]) for some, ids in ((q, outcomes[0]), (p, outcomes[1]))]
    plain[2] = KL(merged[0].log()[None], merged[1].log()[None])[0]
    plain[5] = KL(two(log_q[5, 6]), two(log_p[2, 1] + log_p[3, 2]))[0]
    plain[6] = KL(two(log_q[6, 7]), two(log_p[4, 3] + log_p[5, 4] + log_p[6, 5]))[0]
    assert torch.allclose(found, plain)
    counts = torch.arange(TOKENS).double()
    inputs = [states, head.weight]
    for one, another in zip(
        torch.autograd.grad((counts * found).sum(), inputs), torch.autograd.grad((counts * plain).sum(), inputs), strict=True
    ):
        assert torch.allclose(one, another)
    assert one.abs().max() > 0


def test_a_student_with_more_logits_than_its_teacher_is_cut():
    head, other, states, theirs = two_heads()
    narrow = Dense(theirs, lambda some: other(some)[:, :5])
    learner: Any = SimpleNamespace(head=head, head_parameters=[head.weight], positions_at_a_time=3)
    found = token_losses(KL, learner, states, TeacherSignal(narrow))
    assert torch.allclose(found, KL(head(states)[:, :5], other(theirs)[:, :5]))


def test_it_is_cut_as_well_where_the_teachers_likeliest_or_drawn_tokens_alone_are_known():
    """By hand: q is what is left of softmax over the first three of four tokens, and the others together one outcome."""
    loss: Any = find("losses", "soft_cross_entropy")()
    states, ids = torch.tensor([[0.2, 0.2, 0.1, 0.5]]).double().log(), torch.tensor([[1, 2]])
    top_k = TeacherSignal(top_k=Support(ids, torch.tensor([[0.6, 0.1]]).double().log()))
    sampled = TeacherSignal(sampled=Draws(ids, torch.tensor([[0.75, 0.25]])))
    learner: Any = student(positions_at_a_time=3)
    likeliest, drawn = (token_losses(loss, learner, states, said, vocabulary=3).item() for said in (top_k, sampled))
    assert likeliest == pytest.approx(-0.6 * math.log(0.4) - 0.1 * math.log(0.2) - 0.3 * math.log(0.4))
    assert drawn == pytest.approx(-0.75 * math.log(0.4) - 0.25 * math.log(0.2))
