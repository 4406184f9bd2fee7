"""Stage eight: what happened, in words, in a table, in a page and in numbers for other programs."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from . import __version__
from .choose import Model
from .component import Component, Count, Settings, words
from .evaluate import Evaluation
from .evaluators import Score
from .provenance import NOT_STATED, Part, as_text, fenced, origins, parts_of, seeds, settings_of
from .records import Lang
from .stage import Artifact, Rows, replacing, stage, workspace, write_json
from .train import Candidates

TOLD = {"language_fidelity_lines": "answers in the right language", "looping_answers": "answers that loop"}
"""Shares that the verdict names beside the leading score."""
SPELT = {"qa": "QA", "chrf": "chrF++", "bleu": "BLEU", "udhr": "UDHR"}


class ReportSettings(Settings):
    """What the report shows."""

    examples: Count = 24
    """Side-by-side answers of each score and language."""
    rich: Lang
    """The rich language."""
    targets: tuple[Lang, ...]
    """The target languages."""
    parts: tuple[Component, ...] = ()
    """The components whose licences the model card names: sources, translator, evaluators."""


class Change(NamedTuple):
    """One score before and after."""

    before: Score
    after: Score

    @property
    def better(self) -> float:
        """The difference, positive where the student is better."""
        return (self.after.value - self.before.value) * (1 if self.before.higher_is_better else -1)

    @property
    def text(self) -> str:
        """The difference as people read it: per cent of bits, points of shares and scores."""
        difference = self.after.value - self.before.value
        if self.before.unit.startswith("bits"):
            return f"{100 * difference / self.before.value:+.1f} %" if self.before.value else "-"
        return f"{difference * self.factor:+.1f}"

    @property
    def n(self) -> str:
        """Items that count; before and after, where that differs."""
        return " / ".join(str(n) for n in dict.fromkeys((self.before.n, self.after.n)))

    @property
    def factor(self) -> float:
        """Shares are shown in per cent."""
        return 100.0 if self.before.unit in ("share", "accuracy") else 1.0

    def shown(self, score: Score) -> str:
        """A value of this score as people read it."""
        return f"{score.value:.3f}" if score.unit.startswith("bits") else f"{score.value * self.factor:.1f}"


class Report(Artifact):
    """The finished report: ``report.html``, ``scores.json``, the model card and the table."""

    @property
    def page(self) -> Path:
        return self.folder / "report.html"

    @property
    def scores(self) -> dict[str, Any]:
        return json.loads((self.folder / "scores.json").read_text("utf-8"))

    @property
    def verdict(self) -> list[str]:
        """What happened, one sentence a language."""
        return self.scores["verdict"]


@stage(version=2)
def report(
    settings: ReportSettings, scores: Evaluation, mixture: Rows, candidates: Candidates, student: Model, *, out: Path
) -> Report:
    """Writes the report of a run."""
    changes = [Change(before, after) for before, after in scores.pairs()]
    said = verdict(changes, settings)
    funnel = json.loads((mixture.folder / "funnel.json").read_text("utf-8"))
    tables = {target: table(changes, settings.rich, target) for target in settings.targets}
    write_json(out / "scores.json", {
        "verdict": said, "scores": [as_numbers(change) for change in changes],
        "tables": {
            target: [[f"{label(line.name)}, {line.unit}", *line.cells] for line in lines] for target, lines in tables.items()
        },
        "funnel": funnel,
    })  # fmt: skip
    parts = parts_of(scores.base, settings.parts)
    shown = {"settings": settings, "verdict": said, "tables": tables, "funnel": funnel, "version": __version__}
    page = render(
        "report.html", **shown, examples=examples(changes, settings.rich, settings.examples),
        events=thinned(candidates.events()), about=in_one(parts),
    )  # fmt: skip
    with replacing(out / "report.html") as file:
        file.write(page)
    stages = [(name, result) for name, result, _ in workspace().finished if name != "measure"]
    top = {"model": scores.base, "rich": settings.rich, "targets": settings.targets}
    made_with = settings_of([*stages, ("evaluate", scores.before)], top)
    card = render(
        "model_card.md", **shown, about=scores.base.about(), parts=parts, origins=origins(mixture, scores.base),
        seeds=seeds(made_with), plan=fenced(made_with), not_stated=NOT_STATED,
    )  # fmt: skip
    with replacing(out / "README.md") as file:
        file.write(card)
    return Report(out)


def verdict(changes: Sequence[Change], settings: ReportSettings) -> list[str]:
    """One sentence a language, from headline scores and text bits, with their numbers."""
    found = []
    for lang in (*settings.targets, settings.rich):
        of_lang = [c for c in changes if c.before.lang == lang]
        lead = next((c for c in of_lang if c.before.headline), None) or next(
            (c for c in of_lang if c.before.name.startswith("text_bits")), None
        )
        if lead is None:
            found.append(f"{lang.english_name}: nothing measured on text by people.")
            continue
        noise = ((lead.before.standard_error or 0) ** 2 + (lead.after.standard_error or 0) ** 2) ** 0.5
        direction = "better" if lead.better > 0 else "worse"
        if abs(lead.better) < 1e-12:
            direction = "the same"
        sentence = (
            f"{lang.english_name}: {label(lead.before.name)} {lead.shown(lead.before)} to {lead.shown(lead.after)} "
            f"{lead.before.unit} ({lead.text}, {direction})"
        )
        others = [(c, TOLD[c.before.name]) for c in of_lang if c.before.name in TOLD]
        sentence += "".join(f"; {told} {c.shown(c.before)} to {c.shown(c.after)} %" for c, told in others)
        if lang == settings.rich and lead.better < -noise:
            sentence += f". {lang.english_name} has lost"
        found.append(sentence + ".")
    return found


def label(name: str) -> str:
    """A score's name as people read it: ``translation_from_spa_chrf`` as 'translation from Spanish chrF++'."""
    parts = name.split("_")
    return " ".join(
        Lang(part).english_name if before == "from" else SPELT.get(part, part)
        for before, part in zip(["", *parts], parts, strict=False)
    )


class Line(NamedTuple):
    """One line of a table: a score in the target beside the same score in the rich language."""

    name: str
    unit: str
    target: Change | None
    rich: Change | None

    @property
    def cells(self) -> list[str]:
        return [
            text
            for c in (self.target, self.rich)
            for text in ((c.shown(c.before), c.shown(c.after), c.text) if c else ("", "", ""))
        ]


def table(changes: Sequence[Change], rich: Lang, target: Lang) -> list[Line]:
    """The scores of one target language and of the rich one, side by side, in the order they were measured."""
    lines: dict[str, dict[Lang, Change]] = {}
    for change in changes:
        if change.before.lang in (rich, target):
            lines.setdefault(change.before.name, {})[change.before.lang] = change
    return [
        Line(name, _unit(next(iter(found.values())).before), found.get(target), found.get(rich))
        for name, found in lines.items()
    ]


def _unit(score: Score) -> str:
    unit = {"bits per character": "bits/char", "share": "%", "accuracy": "%"}.get(score.unit, score.unit)
    return f"{unit} {'↑' if score.higher_is_better else '↓'}"


def print_table(report: Report, settings: ReportSettings, console: Any) -> None:
    """The verdict and the table in the terminal, readable at 80 columns."""
    from rich.table import Table

    for sentence in report.verdict:
        console.print(sentence, soft_wrap=False, highlight=False)
    for target in settings.targets:
        shown = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
        shown.add_column("score", no_wrap=False, max_width=26)
        for lang in (target, settings.rich):
            for heading in (f"{lang} before", "after", "change"):
                shown.add_column(heading, justify="right", no_wrap=False)
        for line in report.scores["tables"][target]:
            shown.add_row(*line)
        console.print(shown)


def as_numbers(change: Change) -> dict[str, Any]:
    """A score before and after, for other programs."""
    keep = {"value", "n", "standard_error"}
    return {
        **change.before.model_dump(mode="json", include={"name", "lang", "unit", "higher_is_better", "headline", "note"}),
        "before": change.before.model_dump(include=keep), "after": change.after.model_dump(include=keep),
        "difference": change.after.value - change.before.value,
    }  # fmt: skip


class Example(NamedTuple):
    """One item with both answers."""

    score: str
    lang: Lang
    prompt: str
    before: str
    after: str
    reference: str


def examples(changes: Iterable[Change], rich: Lang, most: int) -> list[Example]:
    """Answers before and after, side by side: the first ones of each score that keeps them, no choosing."""
    found, seen = [], set()
    targets_first = sorted(changes, key=lambda change: change.before.lang == rich)
    for change in targets_first:
        shown = 0
        for before, after in zip(change.before.items, change.after.items, strict=True):
            key = (change.before.lang, before.prompt)
            if not before.answer or key in seen or shown == most:
                continue
            seen.add(key)
            shown += 1
            found.append(
                Example(
                    label(change.before.name), change.before.lang, before.prompt, before.answer, after.answer, before.reference
                )
            )
    return found


def thinned(events: list[dict[str, Any]], most: int = 200) -> list[dict[str, Any]]:
    """At most so many events, evenly."""
    return events[:: max(1, -(-len(events) // most))]


def in_one(parts: Iterable[Part]) -> dict[str, str]:
    """Parts with their licences by name; a name that several have is numbered."""
    found: dict[str, str] = {}
    for part in parts:
        same = sum(name == part.name or name.startswith(f"{part.name} (") for name in found)
        licence = f"licence {part.licence}" if part.licence else ""
        found[f"{part.name} ({same + 1})" if same else part.name] = "; ".join(filter(None, (part.what, licence)))
    return found


def render(name: str, **values: Any) -> str:
    """A shipped page. What comes from a model, from data or from settings is text in it, never markup."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    html = name.endswith(".html")
    pages = Environment(
        loader=PackageLoader("polydistill", "data/pages"), autoescape=html, undefined=StrictUndefined,
        finalize=None if html else lambda value: value if isinstance(value, Markup) else as_text(value),
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    pages.filters["label"] = label
    pages.filters["words"] = words
    return pages.get_template(name).render(**values)
