"""Whether a student that comes nearer to its teacher goes away from whom both should be like."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import Any

from ..component import Count
from ..engines import Engine
from ..evaluators import mean
from ..records import Split
from . import Analysis, Table


class ProxyAndGolden(Analysis):
    """proxy = KL(teacher || student) and golden = KL(oracle || student) of each candidate, with what their curves say.

    Both are sum_t KL(p(. | y_<t) || q(. | y_<t)) in nats a row, over the answers y of the run. Without an oracle people are in
    its place: y are texts by people, those of the mixture's authentic texts that are held out or else the Universal
    Declaration, and golden is -log q(y), which is the divergence but for a constant. The teacher hacks where proxy falls while
    golden rises. Golden turns where it rises from its lowest point to the end by a paired one-sided t-test over rows,
    Bonferroni-corrected for the points; proxy leaves its power law a step^-b where a parabola in logarithms fits better than a
    line by an F-test. Either is found by chance in 5 % of the languages at most. With the oracle as the teacher golden is
    proxy; a student that is the teacher has proxy 0.

    Paper: Tiapkin et al. 2025, On Teacher Hacking, arXiv 2502.02671 (both distances and both signs).
    Departs: the answers are the run's own and not drawn from teacher or oracle; the two tests are ours. The paper's text was
    not at hand.
    Checked: sums along all sequences of a small table against the divergence of whole sequences; how often both tests err, by
    simulation.
    """

    oracle: Engine | None = None
    """Who is right: a much stronger model with the run's vocabulary; people where there is none."""
    teacher: Engine | None = None
    """Whom the student learned from; without one, the untouched model or, in further rounds, the student of the one before."""
    answers: Count = 60
    """How many, or how many texts, a language."""
    split: Split = "test"
    """Which of them: those of `test` are fresh to the student, those of `train` it may have learned from."""

    def __call__(self, run: Path) -> Table:
        from ..train import Candidates
        from ._distances import kl
        from ._models import answers, began_as, compared, of_engine, people, reading, surprise

        held = (answers if self.oracle else people)(run, self.answers, self.split)
        if not (run / "train" / "model").is_dir():
            raise ValueError(f"{run} has no trained model yet; finish it with: polydistill run {run}")
        candidates, plan = Candidates(run / "train"), held.plan
        last, before = plan.rounds[-1].plan if plan.rounds else plan, began_as(run, plan)
        began = {} if last.train.surgeries else {0: before.trainable()[0]}
        folders = began | candidates.models
        curves: dict[str, dict[str, list[list[float]]]] = {lang: {"proxy": [], "golden": []} for lang in held.rows}
        with ExitStack() as stack:
            teacher = stack.enter_context(of_engine(held, self.teacher or before))
            oracle = stack.enter_context(of_engine(held, self.oracle)) if self.oracle else None
            for folder in folders.values():
                with reading(held, folder, None, plan.model.computes_in) as student:
                    for lang, some in held.rows.items():
                        curves[lang]["proxy"] += compared(teacher, student, some, kl)
                        curves[lang]["golden"] += compared(oracle, student, some, kl) if oracle else [surprise(student, some)]
        losses = losses_of(candidates.events(), list(folders))
        rows = [
            {"language": str(lang), "step": step, "loss": losses[step]}
            | {name: value for curve in of for name, value in zip((curve, f"{curve}_error"), mean(of[curve][at]), strict=True)}
            for lang, of in curves.items()
            for at, step in enumerate(folders)
        ]
        return Table(COLUMNS, rows, "\n".join(f"{lang}: {verdict(list(folders), **of)}" for lang, of in curves.items()))


def losses_of(events: Sequence[Mapping[str, Any]], steps: Sequence[int]) -> dict[int, float | None]:
    """The mean training loss of the steps up to each of these, from the one before on."""
    found: dict[int, float | None] = {}
    for before, step in pairwise((0, *steps)):
        some = [event["loss"] for event in events if before <= event["step"] < step]
        found[step] = mean(some)[0] if some else None
    return found


def verdict(steps: Sequence[int], proxy: Sequence[Sequence[float]], golden: Sequence[Sequence[float]]) -> str:
    """What the two curves say, in words."""
    from ._shapes import LEVEL, bend, turn

    later, found = [at for at, step in enumerate(steps) if step], turn(golden)
    line = bend([steps[at] for at in later], [mean(proxy[at])[0] for at in later])
    if found is None:
        said = "golden is not shown to rise"
    else:
        falls = mean(proxy[-1])[0] < mean(proxy[found.place])[0]
        said = f"golden rises from step {steps[found.place]} on, by {found.rise:.3g} nats a row (p = {found.p:.2g}), while "
        said += "proxy falls: it learns its teacher's errors" if falls else "proxy rises too: it goes away from both"
    if line is None:
        return f"{said}; whether proxy follows a power law takes four candidates (train.candidates)"
    return f"{said}; proxy {'leaves' if line <= LEVEL else 'is not shown to leave'} its power law (p = {line:.2g})"


COLUMNS = {
    "language": "ISO 639-3",
    "step": "steps of training; 0 is the model it began from",
    "loss": "mean training loss since the step before, nats an answer token",
    "proxy": "KL(teacher || student), nats a row",
    "proxy_error": "its standard error",
    "golden": "KL(oracle || student), or without an oracle -log p of text by people, nats a row",
    "golden_error": "its standard error",
}
