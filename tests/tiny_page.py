"""A report's page in eleven scripts, with scripts of the other kind planted in every text, without any model."""

from pathlib import Path
from typing import Any

from tiny_scores import score

from polydistill.evaluators import Item, Score
from polydistill.privacy.personal_count import Checked, Line
from polydistill.records import Lang
from polydistill.report import ReportSettings, html
from polydistill.retain import RetainSettings
from polydistill.served import Served
from polydistill.stage import Workspace, working
from polydistill.statistics.margin import Margin
from polydistill.views.findings import means, measured, table
from polydistill.views.verdict import verdict, warnings

TEXTS = {Lang(code): text for code, text in {
    "eng": "The quick brown fox.", "arb": "(مرحبا بالعالم).", "heb": "(שלום עולם).", "hin": "नमस्ते क्षत्रिय दुनिया।",
    "ben": "ওহে বিশ্ব, শ্রদ্ধা।", "tam": "வணக்கம் கொடு உலகம்.", "tha": "สวัสดีชาวโลกที่น้ำ", "khm": "សួស្តី​ពិភពលោក",
    "amh": "ሰላም ልዑል።", "zho": "你好，世界。", "rus": "Привет, мир.",
}.items()}  # fmt: skip
"""A sentence in each script, with marks above and below, conjuncts and brackets at its ends."""
LANGS = list(TEXTS)
RICH, TARGETS = LANGS[0], tuple(LANGS[1:])
RUNS = "window.planted = (window.planted || 0) + 1"
PLANTED = (
    f"</script><script>{RUNS}</script><img src=x onerror='{RUNS}'><svg onload='{RUNS}'></svg><a href='javascript:{RUNS}'>x</a>"
)
TURNED = "abc\u202edef"


def answered(name: str, lang: Lang, right: int, each: int, **more: Any) -> Score:
    """A yes/no score whose first ``right`` items are right."""
    word = "new" if right > each // 2 else "old"
    items = tuple(
        Item(
            id=f"{n}", value=float(n < right), answered_in=lang if n < right else "eng", prompt=f"{n}: {TEXTS[lang]} {PLANTED}",
            answer=f"{TEXTS[lang]} {word} {TURNED} {TEXTS[lang] * 8}", reference=PLANTED if n == 1 else "",
        )
        for n in range(each)
    )  # fmt: skip
    given = {"unit": "share", "higher_is_better": True, "n": each, "items": items, **more}
    return score(name, lang, right / each, **given)


def write(file: Path, each: int = 4) -> Path:
    """Writes the page with so many answers of each language."""
    name = "language_fidelity_lines"
    pairs = [
        (answered(name, lang, each // 4, each, note=PLANTED), answered(name, lang, each - 1, each)) for lang in LANGS
    ]  # fmt: skip
    changes = measured(pairs)
    settings = ReportSettings(
        rich=RICH, targets=TARGETS, examples=each, retain=RetainSettings(score="language_fidelity", worse_by=Margin("5 points"))
    )
    groups = {f"target {PLANTED}": {"candidates": 9, "rows": 5, "tokens": 70, "wanted": 80}}
    with working(Workspace(file.parent / "runs")):
        page = html(
            changes, [{"step": n, "loss": 3 - n / 10, "tokens": 9} for n in range(9)], None, settings=settings, version="0",
            tables={lang: table(changes, RICH, lang) for lang in TARGETS[:2]},
            means=means(changes, TARGETS[:2]), seeds={"train": 0}, about={PLANTED: PLANTED},
            funnel={"read": {"chat rows": 9}, "rejected": {PLANTED: 2}, "groups": groups, "special strings": 3},
            plan=PLANTED,
            personal=Checked([Line("answers", PLANTED, 1, "mail", 1, 1, 0, (PLANTED,))], [PLANTED]),
            served=Served(equal=7, of=8, differing=(PLANTED,), faults=(PLANTED,)),
            verdict=verdict(changes, RICH, TARGETS, settings.retain), warnings=[*warnings(changes, RICH), PLANTED],
        )  # fmt: skip
    file.write_text(page, "utf-8")
    return file
