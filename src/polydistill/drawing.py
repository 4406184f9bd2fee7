"""Rows drawn by language as training goes, more of those in which the student is behind its teacher."""

import math
import random
from collections.abc import Callable, Mapping, Sequence

import torch

from .batch import Tokens, micro_batches, padded
from .records import seed_of
from .samplers import Measures
from .state import State
from .student import Student
from .teachers import OpenTeacher
from .training import DrawSettings

Measure = Callable[[Sequence[Tokens]], Mapping[str, tuple[float, float]]]
"""(nats of the student, of the teacher) of the answers of rows, by language."""


class Drawing(State):
    """Which rows each step learns from.

    It remembers the shares of the running interval, and how far each language's rows had been used when it began: the rows of
    a step follow from these, so that a stop changes nothing.
    """

    def __init__(self, settings: DrawSettings, rows: Sequence[Tokens], batch_rows: int, seed: int):
        super().__init__()
        self.settings, self.rows, self.batch_rows, self.seed = settings, rows, batch_rows, seed
        self.langs = sorted({row.lang for row in rows})
        orders = {lang: [at for at, row in enumerate(rows) if row.lang == lang] for lang in self.langs}
        for lang, order in orders.items():
            random.Random(seed_of(seed, "drawing", lang)).shuffle(order)
        if few := [lang for lang, order in orders.items() if len(order) < 2]:
            raise ValueError(f"train.draws: the mixture has one row alone in {', '.join(few)}; none can be held out")
        cut = {lang: min(settings.held, max(1, len(order) // 10)) for lang, order in orders.items()}
        self.held = {lang: [rows[at] for at in order[: cut[lang]]] for lang, order in orders.items()}
        self.free = {lang: order[cut[lang] :] for lang, order in orders.items()}
        self.register_buffer("shares", torch.zeros(len(self.langs), dtype=torch.double))
        self.register_buffer("used", torch.zeros(len(self.langs), dtype=torch.long))
        self.register_buffer("interval", torch.zeros((), dtype=torch.long))

    @property
    def sizes(self) -> dict[str, float]:
        """Rows of each language that can be learned."""
        return {lang: float(len(order)) for lang, order in self.free.items()}

    def chosen(self, number: int, steps: int, measure: Measure) -> list[int]:
        """The numbers of the rows of a step."""
        interval = number // self.settings.every
        if interval > int(self.interval):
            now = torch.tensor(list(self.counts(int(self.interval), steps).values()))
            self.used += now.to(self.used.device)
            self.shares.copy_(torch.tensor(list(self.found(measure).values()), dtype=torch.double))
            self.interval.fill_(interval)
        order = self.order(interval, steps)
        at = (number - interval * self.settings.every) * self.batch_rows
        return order[at : at + self.batch_rows]

    def counts(self, interval: int, steps: int) -> dict[str, int]:
        """How many rows of each language an interval has: its share, rounded so that they add up."""
        shares = dict(zip(self.langs, self.shares.tolist(), strict=True))
        if not sum(shares.values()):
            whole = sum(self.sizes.values())
            shares = {lang: size / whole for lang, size in self.sizes.items()}
        total = min(self.settings.every, steps - interval * self.settings.every) * self.batch_rows
        exact = {lang: share * total for lang, share in shares.items()}
        found = {lang: math.floor(count) for lang, count in exact.items()}
        for lang in sorted(exact, key=lambda lang: found[lang] - exact[lang])[: total - sum(found.values())]:
            found[lang] += 1
        return found

    def order(self, interval: int, steps: int) -> list[int]:
        """The numbers of an interval's rows: those of each language go on where they were, and begin again at their end."""
        order = [
            self.free[lang][at % len(self.free[lang])]
            for (lang, count), used in zip(self.counts(interval, steps).items(), self.used.tolist(), strict=True)
            for at in range(used, used + count)
        ]
        random.Random(seed_of(self.seed, "interval", interval)).shuffle(order)
        return order

    def found(self, measure: Measure) -> dict[str, float]:
        """The shares after what is measured of the rows that are held out."""
        nats = {lang: (0.0, 0.0) for lang in self.langs}
        nats |= measure([row for rows in self.held.values() for row in rows])
        tokens = {lang: sum(row.learned for row in rows) for lang, rows in self.held.items()}
        student, teacher = ({lang: math.exp(nats[lang][side] / tokens[lang]) for lang in self.langs} for side in (0, 1))
        before = dict(zip(self.langs, self.shares.tolist(), strict=True)) if self.shares.any() else {}
        return self.settings.sampler(self.sizes, Measures(student, teacher, before))


@torch.no_grad()
def measured(
    student: Student, teacher: OpenTeacher, rows: Sequence[Tokens], micro_tokens: int, rank: int = 0, ranks: int = 1
) -> dict[tuple[str, int], float]:
    """By language and side (0 the student, 1 the teacher): nats of the answers of every ``ranks``-th lot of rows, summed."""
    sums = {(row.lang, side): 0.0 for row in sorted(rows, key=lambda row: row.lang) for side in (0, 1)}
    was_training = student.model.training
    student.eval()
    try:
        for micro in list(micro_batches(list(rows), micro_tokens))[rank::ranks]:
            batch = padded(micro).to(student.device)
            said = teacher.say(batch)
            assert said.dense is not None
            both = student.log_likelihoods(batch), said.dense.log_likelihoods(batch.targets)
            for side, tokens in enumerate(both):
                for row, value in zip(micro, batch.by_row(-tokens.double()).tolist(), strict=True):
                    sums[row.lang, side] += value
    finally:
        student.train(was_training)
    return sums
