"""More for the languages in which the student is farthest behind its teacher."""

from collections.abc import Mapping
from math import exp, isfinite, log
from typing import ClassVar

from .. import progress
from ..component import Fraction, Positive
from . import Measures, Sampler, divided, unmeasured

NOTHING = 1e-300
"""What a share of zero is taken for, so that it has a logarithm."""


class PerplexityGap(Sampler):
    """psi_i = r_i exp(S_i / T_i), share_i = alpha psi_i / sum_j psi_j + (1 - alpha) / N.

    S and T are the perplexities of student and teacher, r the shares before, N the number of languages. The first time, when
    there is no r, share_i = exp(S_i / T_i) / sum_j exp(S_j / T_j). A language gets at least (1 - alpha) / N; at ``alpha`` 0, or
    where all S_i / T_i are equal from the first time on, all get the same. Computed as a softmax of log r_i + S_i / T_i.
    Sizes matter only where they are zero.

    Paper: Liu et al. 2024, DDK, arXiv 2407.16154, equations 1 and 2.
    Departs: ratios above ``most_ratio`` are cut to it, which is said; exp of them would give all to one language.
    Checked: by hand on three languages: the first shares, one update, and where updates lead.
    """

    needs_measures: ClassVar[bool] = True

    alpha: Fraction = 0.5
    """How much of the shares follows the gap; the rest is the same for all. Of no meaning the first time."""
    most_ratio: Positive = 10.0
    """The largest S_i / T_i that counts; a student that does not know a language at all may be at 100."""

    def __call__(self, sizes: Mapping[str, float], measures: Measures | None = None) -> dict[str, float]:
        if measures is None:
            raise unmeasured(self)
        some = [name for name, size in sizes.items() if size]
        if not some:
            return divided(sizes)
        before = measures.shares or dict.fromkeys(some, 1.0)
        if absent := [
            name for name in some if name not in measures.student or name not in measures.teacher or name not in before
        ]:
            raise ValueError(f"{self.name()}: no measure of student and teacher, or no share before, for {', '.join(absent)}")
        log_psi = {name: log(max(before[name], NOTHING)) + self._ratio(name, measures) for name in some}
        highest = max(log_psi.values())
        shares = divided({name: exp(value - highest) for name, value in log_psi.items()})
        if measures.shares:
            shares = {name: self.alpha * share + (1 - self.alpha) / len(some) for name, share in shares.items()}
        return {name: shares.get(name, 0.0) for name in sizes}

    def _ratio(self, name: str, measures: Measures) -> float:
        student, teacher = measures.student[name], measures.teacher[name]
        if not (isfinite(student) and isfinite(teacher) and student > 0 and teacher > 0):
            raise ValueError(f"{self.name()}: perplexities in {name} are {student} and {teacher}; they are finite and above 0")
        ratio = student / teacher
        if ratio > self.most_ratio:
            progress.say_once(
                f"{self.name()}: the student's perplexity in {name} is {ratio:.3g} times its teacher's; it counts as "
                f"{self.most_ratio:g} times (most_ratio)"
            )
        return min(ratio, self.most_ratio)
