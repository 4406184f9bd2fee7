"""A comparison's page from values by hand, without any model."""

from pathlib import Path

from tiny_page import PLANTED
from tiny_scores import difference, score

from polydistill.comparison import Compared, ComparisonSettings, Place
from polydistill.records import Lang
from polydistill.retain import RetainSettings
from polydistill.served import Served
from polydistill.statistics.evidence import over_seeds
from polydistill.statistics.margin import Margin
from polydistill.views.comparison_report import html
from polydistill.views.comparison_verdict import doubts, verdict
from polydistill.views.findings import Change

ENG, SPA, ARB = Lang("eng"), Lang("spa"), Lang("arb")
SAYS = {
    "lift": "the plan as it is", "sft_en": "reference answers in English alone", f"{PLANTED}.yaml": f"own changes {PLANTED}",
}  # fmt: skip
"""Three arms, one of them of the user's own."""


def settings(seeds: int = 3, margin: str | None = "2%") -> ComparisonSettings:
    """The arms with so many seeds each."""
    return ComparisonSettings(
        arms=tuple((name, seed) for seed in range(seeds) for name in SAYS), says=SAYS, lead="lift", tokens=40_000, rich=ENG,
        targets=(SPA, ARB), retain=RetainSettings(score="text_bits", worse_by=Margin(margin)) if margin else None,
    )  # fmt: skip


def place(before: float, values: dict[str, list[float]], name: str, lang: Lang, of: str, **more: object) -> Place:
    """An arm on a score: every interval is 0.02 to either side."""
    untouched, seeds = score(of, lang, before, **more), over_seeds(values[name])
    after = untouched.model_copy(update={"value": seeds.mean})
    change = Change(untouched, after, difference(untouched, seeds.mean, seeds.mean - before - 0.02, seeds.mean - before + 0.02))
    if name == "lift":
        return Place(seeds, change, None, None)
    by_seed = [ours - theirs for ours, theirs in zip(values["lift"], values[name], strict=True)]
    less = over_seeds(by_seed).mean
    lead = difference(after, seeds.mean + less, less - 0.02, less + 0.02)
    return Place(seeds, change, lead, over_seeds(by_seed), p_holm=0.01)


def one(name: str, lang: Lang, before: float, *means: float, seeds: int = 3, **more: object) -> Compared:
    """A score over the arms, each seed 0.01 more than the one before it."""
    values = {arm: [mean + seed / 100 for seed in range(seeds)] for arm, mean in zip(SAYS, means, strict=True)}
    places = {arm: place(before, values, arm, lang, name, **more) for arm in SAYS}
    return Compared(score(name, lang, before, **more), places)


def compared(seeds: int = 3) -> list[Compared]:
    """English is kept by the second arm alone; the first one is better than both others in Spanish, and in Arabic than one."""
    return [
        one("qa_bits", SPA, 2.0, 1.5, 1.8, 1.9, seeds=seeds, headline=True, note=PLANTED),
        one("text_bits_toy", SPA, 3.0, 2.5, 2.9, 2.9, seeds=seeds),
        *(one(f"choice_{n}", SPA, 0.25, 0.5, 0.3, 0.3, seeds=seeds, unit="accuracy") for n in range(4)),
        one("text_bits_toy", ARB, 3.0, 2.9, 2.9, 3.5, seeds=seeds),
        one("text_bits_toy", ENG, 1.0, 1.01, 0.9, 1.5, seeds=seeds),
    ]


def write(file: Path, seeds: int = 3) -> Path:
    """Writes the page."""
    chosen, found = settings(seeds), compared(seeds)
    told = [seed for name, seed in chosen.arms if name == "lift"]
    arms = {name: {"says": says, "seeds": told, "tokens": [39_900, 40_100], "rows": [512]} for name, says in SAYS.items()}
    served = [Served(equal=8, of=8)] * len(chosen.arms)
    page = html(
        chosen, found, verdict(chosen, found), arms, warnings=[*doubts(chosen, found, [], served), PLANTED],
        about={"model": PLANTED}, plan=PLANTED,
    )  # fmt: skip
    file.write_text(page, "utf-8")
    return file
