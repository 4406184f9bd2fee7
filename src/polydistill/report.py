"""Stage eight: what happened, in words, in a table, in a page and in numbers for other programs."""

import json
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from . import __version__
from .choose import Model
from .component import Component, Count, Settings, words
from .evaluate import Evaluation
from .privacy.personal import phone_regions
from .privacy.personal_count import checked, hidden
from .privacy.visible import visible
from .provenance import NOT_STATED, Part, as_text, author, fenced, origins, parts_of, seeds, settings_of, yaml_text
from .records import Lang
from .retain import RetainSettings
from .stage import BESIDE, Artifact, Rows, replacing, stage, workspace, write_json
from .storage.files import file_digest
from .template import known_as
from .train import Candidates
from .views.findings import FLIPS, Change, as_numbers, label, means, measured, table
from .views.verdict import kept_or_lost, verdict, warnings


class ReportSettings(Settings):
    """What the report shows."""

    examples: Count = 100
    """Side-by-side answers of each score and language."""
    rich: Lang
    """The rich language."""
    targets: tuple[Lang, ...]
    """The target languages."""
    retain: RetainSettings | None = None
    """What the rich language may lose, as the choice of the student has it."""
    parts: tuple[Component, ...] = ()
    """The components whose licences the model card names: sources, translator, evaluators."""


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

    @property
    def kept(self) -> str:
        """Whether the rich language is ``kept`` within its margin, ``lost`` or ``not shown``; empty where none was set."""
        return self.scores["kept"]


@stage(version=6)
def report(
    settings: ReportSettings, scores: Evaluation, mixture: Rows, candidates: Candidates, student: Model, *, out: Path
) -> Report:
    """Writes the report of a run."""
    changes = measured(scores.pairs(), mixture)
    said = verdict(changes, settings.rich, settings.targets, settings.retain, student.front)
    served = scores.reloaded.found
    doubts = warnings(changes, settings.rich, settings.retain, served)
    funnel = json.loads((mixture.folder / "funnel.json").read_text("utf-8"))
    tables = {target: table(changes, settings.rich, target) for target in settings.targets}
    over_targets = means(changes, settings.targets)
    answers = next((Rows(result.folder) for name, result, _ in workspace().finished if name == "answer"), None)
    personal = checked(answers, author(scores.base), settings.rich, settings.targets)
    write_json(out / "scores.json", {
        "verdict": [sentence.text for sentence in said], "warnings": doubts,
        "kept": kept_or_lost(changes, settings.rich, settings.retain), "scores": [as_numbers(change) for change in changes],
        "tables": {
            target: [[f"{label(line.name)}, {line.unit}", *line.cells] for line in lines] for target, lines in tables.items()
        },
        "means": [mean.as_numbers() for mean in over_targets],
        "mean_table": [[mean.title, *mean.cells] for mean in over_targets],
        "funnel": funnel, "personal data": personal.as_numbers(), "reloaded": served.model_dump(mode="json"),
    })  # fmt: skip
    parts = parts_of(scores.base, settings.parts)
    stages = [(name, result) for name, result, _ in workspace().finished if name not in ("measure", "served")]
    top = {"model": scores.base, "rich": settings.rich, "targets": settings.targets}
    made_with = settings_of([*stages, ("evaluate", scores.before)], top)
    shown = {
        "settings": settings, "tables": tables, "means": over_targets, "funnel": funnel, "version": __version__,
        "seeds": seeds(made_with), "personal": personal,
    }  # fmt: skip
    page = html(
        changes, candidates.events(), student, **shown, verdict=said, warnings=doubts, served=served,
        about=in_one(parts), plan=yaml_text(made_with),
    )  # fmt: skip
    with replacing(out / "report.html") as file:
        file.write(page)
    card = render(
        "model_card.md", **shown, verdict=[sentence.text for sentence in said], about=scores.base.about(), parts=parts,
        origins=origins(mixture, scores.base), plan=fenced(made_with), not_stated=NOT_STATED,
    )  # fmt: skip
    with replacing(out / "README.md") as file:
        file.write(card)
    return Report(out)


def html(changes: Sequence[Change], events: list[dict[str, Any]], student: Model | None, **shown: Any) -> str:
    """The page, with every chart that there are numbers for."""
    from .views import figures as draw
    from .views.html_page import page
    from .views.side_by_side import TEXTS, examples, farthest, lengths

    settings, funnel = shown["settings"], shown["funnel"]
    found: dict[str, draw.Figure] = {}
    cards = draw.cards(changes, found)
    found |= draw.confusions(changes) | draw.data(funnel)
    flips, lines = draw.flips(changes)
    stages = made_by(events)
    rows = {stage.name: Rows(stage.path) for stage in stages if stage.name in ("answer", "translate")}
    translated = lengths(rows["answer"], rows["translate"]) if len(rows) == 2 else []
    seconds = {stage.name: stage.seconds for stage in stages if stage.seconds is not None}
    more = {
        "kept": settings.retain and draw.rich_kept(changes, settings.rich, settings.retain), "flips": flips,
        "candidates": student and draw.candidates(student.front), "ratios": draw.ratios(translated) if translated else None,
        "stages": draw.stages(seconds) if seconds else None,
    }  # fmt: skip
    found |= {name: figure for name, figure in more.items() if figure} | draw.losses(events)
    regions = phone_regions((settings.rich, *settings.targets))
    mask = cache(lambda text: hidden(text, regions))
    shown_answers = examples(changes, settings.rich, settings.examples)
    for row in shown_answers.rows:
        row.update({name: mask(row[name]) for name in TEXTS})
    far = [each._replace(source=mask(each.source), target=mask(each.target)) for each in farthest(translated)]
    langs = {settings.rich, *settings.targets, *(change.before.lang for change in changes)}
    data = {
        "answers": shown_answers.rows, "flips": lines,
        "labels": {change.before.name: label(change.before.name) for change in changes},
        "langs": {str(lang): {"name": lang.english_name, "tag": lang.bcp47} for lang in sorted(langs)},
    }  # fmt: skip
    return page(
        "report.html", found, data, cards=cards, stages=stages, far=far, flip_names=FLIPS,
        examples=shown_answers,
        choice=student.front.sentence if student else "", template=template_of(student),
        has_clean=any(change.clean for change in changes), limits=limits(changes), **shown,
    )  # fmt: skip


class Made(NamedTuple):
    """A finished stage."""

    name: str
    path: Path
    seconds: float | None
    """None where nothing was noted, or the work was divided among processes."""
    peak_gb: float | None
    tokens: int | None
    """Tokens trained on."""
    digest: str

    @property
    def folder(self) -> str:
        """Named by its settings and its inputs."""
        return self.path.name


def made_by(events: Iterable[dict[str, Any]]) -> list[Made]:
    """The stages of the open run so far, in order; the two measurements apart."""
    found, tokens = [], sum(event.get("tokens", 0) for event in events)
    for name, result, _ in workspace().finished:
        file = result.folder / BESIDE / "about.json"
        about = json.loads(file.read_text("utf-8")) if file.is_file() else {}
        if name == "measure":
            name = "measure after" if any(one.name == "measure before" for one in found) else "measure before"
        trained = tokens or None if name == "train" else None
        found.append(Made(name, result.folder, about.get("seconds"), about.get("peak_gb"), trained, result.digest))
    return found


def template_of(student: Model | None) -> dict[str, str] | None:
    """The chat template that the student is served with, and its digest."""
    file = student and student.model / "chat_template.jinja"
    if not file or not file.is_file():
        return None
    text = file.read_text("utf-8")
    return {"text": text, "digest": file_digest(file), "known": known_as(text) or "not known"}


def limits(changes: Sequence[Change]) -> list[str]:
    """What a reader must not conclude, in plain words."""
    fidelity = [change for change in changes if change.before.name.startswith("language_fidelity")]
    return [
        "An interval says what other items of the same kind would show, nothing about other kinds of questions.",
        "One training seed: another one would give other numbers; by how much is not measured here.",
        "Of twenty scores that do not change one is coloured by chance; scores.json has p adjusted by Holm over languages.",
        *(["Languages of answers are what an identifier makes of them; it errs, too."] if fidelity else []),
        "A difference that is not shown is not the same as no difference.",
    ]


def print_table(report: Report, settings: ReportSettings, console: Any) -> None:
    """The verdict and the tables in the terminal, readable at 80 columns; intervals stand below their differences."""
    from rich.table import Table

    for sentence in report.scores["warnings"]:
        console.print(visible(f"warning: {sentence}"), soft_wrap=False, highlight=False, markup=False)
    for sentence in report.verdict:
        console.print(visible(sentence), soft_wrap=False, highlight=False, markup=False)
    tables = [((f"{target} ", f"{settings.rich} "), report.scores["tables"][target]) for target in settings.targets]
    means = [(("",), report.scores["mean_table"])] if report.scores["mean_table"] else []
    for sides, lines in (*tables, *means):
        shown = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
        shown.add_column("score", no_wrap=False, max_width=22)
        for side in sides:
            for heading in (f"{side}before", "after", "change"):
                shown.add_column(heading, justify="right", no_wrap=heading == "change")
        for line in lines:
            shown.add_row(*(visible(cell).replace(" [", "\n\\[") for cell in line))
        console.print(shown)


def in_one(parts: Iterable[Part]) -> dict[str, str]:
    """Parts with their licences by name; a name that several have is numbered."""
    found: dict[str, str] = {}
    for part in parts:
        same = sum(name == part.name or name.startswith(f"{part.name} (") for name in found)
        licence = f"licence {part.licence}" if part.licence else ""
        found[f"{part.name} ({same + 1})" if same else part.name] = "; ".join(filter(None, (part.what, licence)))
    return found


def render(name: str, **values: Any) -> str:
    """A shipped page in Markdown. What comes from a model, from data or from settings is text in it, never markup."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    pages = Environment(
        loader=PackageLoader("polydistill", "data/pages"), undefined=StrictUndefined,
        finalize=lambda value: value if isinstance(value, Markup) else as_text(value), trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    pages.filters |= {"label": label, "words": words}
    return pages.get_template(name).render(**values)
