"""Time and memory of every loss over a vocabulary, forward and backward, beside the plain formula in torch and beside peers.

    python benchmarks/losses.py --vocabulary 49152 262144
    python benchmarks/losses.py --peers OTHER_PYTHON --kdflow FOLDER --losses forward_kl jensen_shannon
    python benchmarks/losses.py --device cuda --bfloat16

Student and teacher are heads over random hidden states: 576 wide for 49,152 tokens, 640 wide for 262,144. What is measured is
from the hidden states to the gradients of the mean loss for the student's states and head. ``torch`` is the formula as one
writes it down, over all logits at once; ``ours`` is what training runs, `objectives.token_losses`. All sides compute the same
number: one whose loss or gradients are off by more than a thousandth is marked with an asterisk.

Every measurement is a process of its own, which computes a first time to warm up and then once for the measurement. The sides
take turns; times and memory are medians over the repetitions, ratios are medians of those to ``torch`` within a repetition.
Memory is the peak above what there is before: models, states, libraries. It includes both gradients, which every side has to
give. On a CPU (Linux) it is the resident set as the kernel counts it, so it includes what an allocator keeps in pieces; on a
GPU it is what torch has allocated.

``--peers`` is a Python with trl and liger-kernel (``--no-deps`` where there is no GPU), ``--kdflow`` a checkout of
github.com/songmzhang/KDFlow. They may be left out.
"""

import argparse
import ctypes
import json
import math
import platform
import re
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, kl_div

Loss = Callable[[nn.Linear, Tensor, nn.Linear, Tensor], Tensor]
"""The mean loss, of the student's head and states and the teacher's."""
WIDTHS = {49_152: 576, 262_144: 640}
OURS = ("torch", "ours")
PEERS = ("trl", "trl_chunked", "liger", "liger_compiled", "kdflow")
COMPILED = ("liger_compiled", "kdflow")

# The formulas


def divergence(log_p: Tensor, log_q: Tensor) -> Tensor:
    return kl_div(log_q, log_p, reduction="none", log_target=True).sum(-1)


def mixture(log_p: Tensor, log_q: Tensor, share: float) -> Tensor:
    return torch.logaddexp(log_p + math.log(share), log_q + math.log(1 - share))


def adaptive(p: Tensor, q: Tensor) -> Tensor:
    gaps = (p.exp() - q.exp()).detach().abs()
    likely, order = p.exp().sort(-1, descending=True)
    in_head = likely.cumsum(-1) - likely < 0.5
    head = gaps.gather(-1, order).where(in_head, 0).sum(-1)
    share = head / gaps.sum(-1)
    return share * divergence(p, q) + (1 - share) * divergence(q, p)


def top_64(p: Tensor, q: Tensor) -> Tensor:
    ids = p.topk(64).indices
    return divergence(*(with_the_rest(some.gather(-1, ids)) for some in (p, q)))


def with_the_rest(log_p: Tensor) -> Tensor:
    return torch.cat([log_p, torch.log1p(-log_p.exp().sum(-1, keepdim=True))], -1)


FORMULAS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "adaptive_kl": adaptive,
    "forward_kl": divergence,
    "jensen_shannon": lambda p, q: (divergence(p, mixture(p, q, 0.5)) + divergence(q, mixture(p, q, 0.5))) / 2,
    "reverse_kl": lambda p, q: divergence(q, p),
    "skew_kl": lambda p, q: divergence(p, mixture(p, q, 0.1)),
    "skew_reverse_kl": lambda p, q: divergence(q, mixture(q, p, 0.1)),
    "symmetric_kl": lambda p, q: (divergence(p, q) + divergence(q, p)) / 2,
    "top_k": top_64,
    "total_variation": lambda p, q: (p.exp() - q.exp()).abs().sum(-1) / 2,
}
"""By log-probabilities of teacher and student; each loss with its default settings."""
OF_LOGITS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "mse_logits": lambda p, q: (q - p).var(-1, correction=0),
    "soft_cross_entropy": lambda p, q: cross_entropy(q, p.softmax(-1), reduction="none"),
}
"""By logits. A loss in neither table is computed by itself, over all logits at once."""


def with_torch(name: str) -> Loss:
    def computed(head: nn.Linear, states: Tensor, teacher: nn.Linear, taught: Tensor) -> Tensor:
        with torch.no_grad():
            p = teacher(taught).log_softmax(-1) if name in FORMULAS else teacher(taught)
        if name in FORMULAS:
            return FORMULAS[name](p, head(states).log_softmax(-1)).mean()
        if name in OF_LOGITS:
            return OF_LOGITS[name](p, head(states)).mean()
        loss, learned = found(name, head, teacher)
        return loss(head(states), p, *learned).mean()

    return computed


# Ours


def found(name: str, head: nn.Linear, teacher: nn.Linear) -> Any:
    """A loss of ours and what it learns."""
    from polydistill.component import find
    from polydistill.losses import Sizes

    torch.manual_seed(1)
    loss = find("losses", name)()
    sizes = (Sizes(one.in_features, 1, 1, one.out_features) for one in (head, teacher))
    return loss, tuple(module.to(head.weight.device) for module in loss.start(*sizes))


def with_ours(name: str) -> Loss:
    from polydistill.chunks import at_a_time
    from polydistill.objectives import token_losses
    from polydistill.signals import Dense, TeacherSignal

    def computed(head: nn.Linear, states: Tensor, teacher: nn.Linear, taught: Tensor) -> Tensor:
        loss, learned = found(name, head, teacher)
        student: Any = SimpleNamespace(
            head=head, head_parameters=[head.weight], positions_at_a_time=at_a_time(head.out_features)
        )
        return token_losses(loss, student, states, TeacherSignal(Dense(taught, teacher)), learned).mean()

    return computed


# Peers

BETA = {"forward_kl": 0.0, "jensen_shannon": 0.5, "reverse_kl": 1.0}
KDFLOW = {
    "adaptive_kl": "akl", "forward_kl": "kl", "jensen_shannon": "jsd", "reverse_kl": "rkl", "skew_kl": "skl",
    "skew_reverse_kl": "srkl", "total_variation": "tvd",
}  # fmt: skip


def with_trl(name: str) -> Loss:
    """All logits at once: what its GKD trainer computes."""
    from trl.experimental.gkd import GKDTrainer

    def computed(head: nn.Linear, states: Tensor, teacher: nn.Linear, taught: Tensor) -> Tensor:
        with torch.no_grad():
            p = teacher(taught)
        return GKDTrainer.generalized_jsd_loss(head(states), p, beta=BETA[name])

    return computed


def with_trl_chunked(name: str) -> Loss:
    """In tiles: what its distillation trainer computes."""
    from trl.kernels.chunked_divergence import ChunkedDivergenceFunction

    def computed(head: nn.Linear, states: Tensor, teacher: nn.Linear, taught: Tensor) -> Tensor:
        sides = states, head.weight, None, taught, teacher.weight, None
        return ChunkedDivergenceFunction.apply(*sides, BETA[name], 1.0, 1.0, None, 1.0, None)[0].mean()

    return computed


def with_liger(name: str, compiled: bool) -> Loss:
    """In chunks of positions, in torch; its fused kernels need Triton."""
    from liger_kernel.chunked_loss import LigerFusedLinearJSDLoss

    def computed(head: nn.Linear, states: Tensor, teacher: nn.Linear, taught: Tensor) -> Tensor:
        loss = LigerFusedLinearJSDLoss(weight_hard_loss=0.0, weight_soft_loss=1.0, beta=BETA[name], compiled=compiled)
        labels = torch.zeros(len(states), dtype=torch.long, device=states.device)
        return loss(states, head.weight, taught, teacher.weight, labels)

    return computed


def with_kdflow(name: str, folder: str) -> Loss:
    """All logits at once, compiled."""
    sys.path.insert(0, folder)
    from kdflow.loss import LOSS_DICT

    def computed(head: nn.Linear, states: Tensor, teacher: nn.Linear, taught: Tensor) -> Tensor:
        with torch.no_grad():
            p = teacher(taught)
        return LOSS_DICT[KDFLOW[name]](head(states), p).mean()

    return computed


def side(name: str, loss: str, kdflow: str) -> Loss:
    return {
        "torch": with_torch, "ours": with_ours, "trl": with_trl, "trl_chunked": with_trl_chunked,
        "liger": partial(with_liger, compiled=False), "liger_compiled": partial(with_liger, compiled=True),
        "kdflow": partial(with_kdflow, folder=kdflow),
    }[name](loss)  # fmt: skip


def has(name: str, loss: str) -> bool:
    return name in OURS or loss in (KDFLOW if name == "kdflow" else BETA)


# One measurement


def resident(which: str, where: str = "self/status") -> int:
    """Bytes."""
    return int(re.search(rf"{which}:\s+(\d+) kB", Path("/proc", where).read_text())[1]) * 1024


@contextmanager
def measured(device: str) -> Iterator[dict[str, float]]:
    """Seconds, and bytes at the peak above what there was before."""
    result: dict[str, float] = {}
    if device == "cuda":
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
    else:
        ctypes.CDLL(None).malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5")
        before = resident("VmRSS")
    started = time.perf_counter()
    yield result
    if device == "cuda":
        torch.cuda.synchronize()
    result["seconds"] = time.perf_counter() - started
    result["bytes"] = (torch.cuda.max_memory_allocated() if device == "cuda" else resident("VmHWM")) - before


def measure(of: str, loss: str, vocabulary: int, asked: argparse.Namespace) -> dict[str, float]:
    width, device = WIDTHS.get(vocabulary, 640), asked.device
    if device == "cpu":
        room = int(resident("VmSize") + resident("MemAvailable", "meminfo") - 1e9)
        resource.setrlimit(resource.RLIMIT_AS, (room, room))
    torch.manual_seed(0)
    head, teacher = (nn.Linear(width, vocabulary, bias=False, device=device) for _ in range(2))
    for weight in (head.weight, teacher.weight):
        nn.init.normal_(weight, std=2 / width**0.5)
    teacher.requires_grad_(False)
    states, taught = (torch.randn(asked.tokens, width, device=device) for _ in range(2))
    computed = side(of, loss, asked.kdflow)

    def once(tokens: int) -> tuple[Tensor, Tensor]:
        head.weight.grad, own = None, states[:tokens].detach().requires_grad_()
        with torch.autocast(device, torch.bfloat16, enabled=asked.bfloat16):
            value = computed(head, own, teacher, taught[:tokens])
        value.backward()
        return value.detach(), own.grad

    once(asked.tokens if device == "cuda" or of in COMPILED else 256)
    head.weight.grad = None
    with measured(device) as result:
        value, gradient = once(asked.tokens)
    return result | {"loss": value.item(), "states": gradient.norm().item(), "head": head.weight.grad.norm().item()}


# All of them


def run(of: str, loss: str, vocabulary: int, asked: argparse.Namespace) -> dict[str, float] | str:
    """A measurement in a process of its own, or what went wrong."""
    python = sys.executable if of in OURS or of == "kdflow" else asked.peers
    command = [python, __file__, *sys.argv[1:], "--one", of, loss, str(vocabulary)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        return (done.stderr.strip().splitlines() or [f"ended with {done.returncode}"])[-1]
    return json.loads(done.stdout.strip().splitlines()[-1])


def agree(one: dict[str, float], other: dict[str, float]) -> bool:
    return all(abs(one[key] / other[key] - 1) < 1e-3 for key in ("loss", "states", "head"))


def table(vocabulary: int, losses: list[str], sides: list[str], asked: argparse.Namespace) -> None:
    print(f"\n{asked.tokens:,} tokens x {vocabulary:,}, width {WIDTHS.get(vocabulary, 640)}\n")
    print("| loss | | seconds | MB | times torch's seconds | times torch's memory |\n|---|---|---|---|---|---|")
    for loss in losses:
        runs: dict[str, list[Any]] = {name: [] for name in sides if has(name, loss)}
        for _ in range(asked.repetitions):
            for name, results in runs.items():
                results.append(run(name, loss, vocabulary, asked))
        for name, results in runs.items():
            print(f"| {loss} | {name}{' | '.join(line(results, runs['torch']))} |", flush=True)


def line(results: list[Any], of_torch: list[Any]) -> list[str]:
    """A mark, seconds, MB and the two ratios."""
    if wrong := next((one for one in results if isinstance(one, str)), None):
        return ["", wrong, "", "", ""]
    seconds, memory = (statistics.median(one[key] for one in results) for key in ("seconds", "bytes"))
    found = [f"{seconds:.2f}", f"{memory / 1e6:,.0f}"]
    if any(isinstance(one, str) for one in of_torch):
        return ["", *found, "", ""]
    pairs = list(zip(results, of_torch, strict=True))
    ratios = [statistics.median(one[key] / other[key] for one, other in pairs) for key in ("seconds", "bytes")]
    return ["" if all(agree(*pair) for pair in pairs) else "*", *found, *(f"{ratio:.2f}" for ratio in ratios)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vocabulary", type=int, nargs="+", default=list(WIDTHS))
    parser.add_argument("--tokens", type=int, default=2048)
    parser.add_argument("--losses", nargs="+", help="all of logits otherwise")
    parser.add_argument("--sides", nargs="+", choices=OURS + PEERS, help="all that there are otherwise")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--bfloat16", action="store_true", help="under autocast; float32 otherwise")
    parser.add_argument("--peers", default="", help="a Python that has trl and liger-kernel")
    parser.add_argument("--kdflow", default="", help="a checkout of KDFlow")
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        of, loss, vocabulary = asked.one
        print(json.dumps(measure(of, loss, int(vocabulary), asked)))
        return
    there = [*OURS, *(PEERS[:-1] if asked.peers else ()), *(PEERS[-1:] if asked.kdflow else ())]
    sides = ["torch", *(name for name in asked.sides or there if name != "torch")]
    from polydistill.component import find, names
    from polydistill.losses import LogitsLoss

    losses = asked.losses or [name for name in names("losses") if issubclass(find("losses", name), LogitsLoss)]
    where = torch.cuda.get_device_name() if asked.device == "cuda" else f"{torch.get_num_threads()} threads"
    print(f"{platform.machine()}, {where}, torch {torch.__version__}, {'bfloat16' if asked.bfloat16 else 'float32'}")
    for vocabulary in asked.vocabulary:
        table(vocabulary, losses, sides, asked)


if __name__ == "__main__":
    main()
