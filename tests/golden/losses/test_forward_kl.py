from math import exp, log

import pytest
import torch

from polydistill.losses.forward_kl import ForwardKL


def by_hand(student: list[float], teacher: list[float], temperature: float) -> float:
    def probabilities(logits: list[float]) -> list[float]:
        powers = [exp(logit / temperature) for logit in logits]
        return [power / sum(powers) for power in powers]

    p, q = probabilities(teacher), probabilities(student)
    return temperature**2 * sum(p_v * (log(p_v) - log(q_v)) for p_v, q_v in zip(p, q, strict=True))


def test_two_tokens_by_hand():
    """p = (3/4, 1/4), q = (1/2, 1/2): log 2 less the entropy of p."""
    loss = ForwardKL()(torch.zeros(1, 2), torch.tensor([[log(3.0), 0.0]]))
    assert loss.tolist() == pytest.approx([log(2) + 0.75 * log(0.75) + 0.25 * log(0.25)], rel=1e-6)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0, 7.0])
def test_the_formula(temperature: float):
    student, teacher = [[0.3, -1.0, 2.0], [0.0, 4.0, 1.0]], [[1.0, 1.5, -0.5], [0.1, 3.5, 0.9]]
    found = ForwardKL(temperature=temperature)(torch.tensor(student).double(), torch.tensor(teacher).double())
    assert found.tolist() == pytest.approx([by_hand(q, p, temperature) for q, p in zip(student, teacher, strict=True)])


def test_it_is_torchs_kl_div():
    torch.manual_seed(0)
    student, teacher = torch.randn(5, 11).double(), torch.randn(5, 11).double()
    log_q, log_p = student.log_softmax(-1), teacher.log_softmax(-1)
    expected = torch.nn.functional.kl_div(log_q, log_p, log_target=True, reduction="none").sum(-1)
    assert torch.allclose(ForwardKL()(student, teacher), expected, rtol=1e-12)


def test_it_is_not_the_other_way_round():
    one, other = torch.tensor([[2.0, 0.0, 0.0]]), torch.tensor([[0.0, 3.0, 1.0]])
    assert ForwardKL()(one, other).item() != pytest.approx(ForwardKL()(other, one).item(), rel=0.01)


def test_a_high_temperature_tends_to_half_the_variance_of_the_differences():
    """T^2 KL tends to Var(z_p - z_q) / 2 over the vocabulary."""
    student, teacher = torch.tensor([[0.0, 1.0, 3.0]]).double(), torch.tensor([[2.0, 0.0, 1.0]]).double()
    expected = (teacher - student).var(correction=0) / 2
    assert ForwardKL(temperature=1e4)(student, teacher).item() == pytest.approx(expected.item(), rel=1e-3)
