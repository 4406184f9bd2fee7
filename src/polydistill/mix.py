"""Stage four: what the student will see, how often, and why each row is there."""

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field, field_validator

from . import progress
from .builders import Filter, TrainingBuilder, texts_of
from .component import Count, Settings
from .engines import Engine
from .funnel import Funnel
from .reading import counting_skipped
from .records import Lang, Row, batches, kept, seed_of, split_of
from .samplers import Sampler, unmeasured
from .sources import BadInput, Languages, Source
from .stage import BESIDE, Rows, read_shard, replacing, stage, write_json, write_rows

if TYPE_CHECKING:
    from .template import Template

TOGETHER = 256
"""Rows whose tokens are counted at a time."""


class MixSettings(Settings):
    """What goes into the mixture."""

    builders: tuple[TrainingBuilder, ...]
    """What makes training rows; each has its shares of the tokens."""
    filters: tuple[Filter, ...] = ()
    """What keeps bad rows out, or rewrites them, in this order; the first reason counts."""
    texts: tuple[Source, ...] = ()
    """Authentic text by people: parallel or plain, for the builders that use it."""
    sampler: Sampler
    """How the shares of several target languages relate."""
    tokens: Count
    """Tokens of the mixture, prompts included, counted with the student's own tokenizer and template."""
    repeat: Count = 2
    """How often one row may stand in it at most, when there are too few for their share."""
    max_tokens: Count = 1024
    """Longer rows are left out."""
    seed: int = 0
    """Another seed, other rows in another order."""
    model: Engine
    """The student-to-be, for its tokenizer and chat template."""
    rich: Lang
    """The rich language."""
    targets: tuple[Lang, ...] = Field(min_length=1)
    """The target languages."""

    @field_validator("sampler")
    @classmethod
    def _needs_no_measures(cls, sampler: Sampler) -> Sampler:
        if sampler.needs_measures:
            raise unmeasured(sampler)
        return sampler

    @field_validator("builders")
    @classmethod
    def _groups_differ(cls, builders: tuple[TrainingBuilder, ...]) -> tuple[TrainingBuilder, ...]:
        made = Counter(group for builder in builders for group in builder.shares())
        twice = [group for group, times in made.items() if times > 1]
        if twice:
            raise ValueError(f"two builders make the rows '{twice[0]}', which have one share; give each builder once")
        return builders


@stage(version=1)
def mix(settings: MixSettings, answers: Rows, *others: Rows, out: Path) -> Rows:
    """The mixture in training order, with its funnel: rows in, rows out and why, in funnel.json.

    ``others`` are the translated rows and, where a builder needs them, the rivals (`answer.rivals`).
    """
    funnel = Funnel()
    with progress.line("mix", unit="rows") as seen:
        pool = out / BESIDE / "pool.jsonl"
        with replacing(pool) as file, counting_skipped() as skipped:
            for row in filtered(settings, answers, others, funnel):
                file.write(row.to_json() + "\n")
                seen.advance()
            funnel.left_out = skipped()
        candidates = out / BESIDE / "candidates.jsonl"
        template = template_of(settings.model)
        groups = build(settings, template, pool, candidates, funnel)
        chosen = choose_rows(settings, groups, funnel)
        with candidates.open("rb") as file:
            rows = write_rows(out, funnel.looked_at(template, (_read_at(file, *pick) for pick in chosen)))
        candidates.unlink()
    write_json(out / "funnel.json", funnel.summary())
    for sentence in funnel.sentences():
        progress.say(sentence)
    if not any(group["rows"] for group in funnel.groups.values()):
        raise BadInput(f"the mixture is empty: no row passed the filters ({dict(funnel.reasons)}); see {pool}")
    return rows


def pooled(settings: MixSettings, answers: Rows, others: Sequence[Rows]) -> Iterator[Row]:
    """Each question's rows one after the other, the rich language first, then the authentic texts."""
    streams = [_Peeked(iter(rows)) for rows in others]
    for row in answers:
        yield row
        for stream in streams:
            for following in stream.of(row.lineage.question):
                yield following if not row.rejected else following.reject("source_rejected")
    languages = Languages(settings.rich, settings.targets)
    for source in settings.texts:
        yield from source.read(languages)


class _Peeked:
    """Rows in the order of their questions, taken a question at a time."""

    def __init__(self, rows: Iterator[Row]):
        self.rows = rows
        self.following = next(rows, None)

    def of(self, question: str) -> Iterator[Row]:
        while self.following is not None and self.following.lineage.question == question:
            yield self.following
            self.following = next(self.rows, None)


def filtered(settings: MixSettings, answers: Rows, others: Sequence[Rows], funnel: Funnel) -> Iterator[Row]:
    """Training rows with their reasons. Filters see held-out rows first, so that they can keep them out of training."""

    def held_out(wanted: bool) -> Iterator[Row]:
        for row in pooled(settings, answers, others):
            if (split_of(row.lineage.question) != "train") == wanted:
                yield row

    rows: Iterable[Row] = chain(held_out(True), held_out(False))
    for one in settings.filters:
        rows = one(rows, (settings.rich, *settings.targets))
    rejected: set[str] = set()
    for row in rows:
        if split_of(row.lineage.question) != "train":
            funnel.read[f"held-out {row.payload.type} rows"] += 1
            continue
        funnel.read[f"{row.payload.type} rows"] += 1
        if row.rejected:
            funnel.reasons[row.rejected] += 1
            if row.payload.type == "chat" and row.payload.question.lang == settings.rich:
                rejected = {row.lineage.question}
        elif row.payload.type in ("chat", "preference") and row.lineage.question in rejected:
            row = row.reject("source_rejected")
            funnel.reasons["source_rejected"] += 1
        else:
            marks = (mark for mark in row.lineage.marks if mark.startswith("redacted_"))
            funnel.redacted.update(mark.removeprefix("redacted_") for mark in marks)
        yield row


def template_of(model: Engine) -> "Template":
    """The chat template of the student-to-be, with its tokenizer."""
    from .models import load_tokenizer
    from .template import Template

    folder, template_file = model.trainable()
    return Template(load_tokenizer(folder, template_file))


class Candidates:
    """The rows of one group in one language, 20 bytes each: the lower a row's priority, the sooner it is taken."""

    def __init__(self) -> None:
        self.priorities, self.places, self.tokens = array("Q"), array("Q"), array("I")

    def __len__(self) -> int:
        return len(self.places)

    def add(self, priority: int, place: int, tokens: int) -> None:
        self.priorities.append(priority)
        self.places.append(place)
        self.tokens.append(tokens)

    @cached_property
    def whole(self) -> int:
        """The tokens of all."""
        return sum(self.tokens)

    def in_order(self) -> Iterator[tuple[int, int]]:
        """(place in the candidates' file, tokens) of each."""
        for at in _order(self.priorities, self.places):
            yield self.places[at], self.tokens[at]


Groups = dict[tuple[str, str], Candidates]
"""By (group, target language)."""


def build(settings: MixSettings, template: "Template", pool: Path, candidates: Path, funnel: Funnel) -> Groups:
    """Every row the builders make, written one after the other; by (group, target language) where each lies."""
    groups: Groups = defaultdict(Candidates)
    place = 0
    with candidates.open("wb") as file:
        for builder in settings.builders:
            shares = builder.shares()
            made = (row for row in builder(kept(read_shard(pool))) if shares.get(row.lineage.builder))
            for rows in batches(made, TOGETHER):
                for row, tokens in zip(rows, template.lengths([row.payload for row in rows]), strict=True):
                    if tokens > settings.max_tokens:
                        funnel.reasons["too_many_tokens"] += 1
                        continue
                    group = (row.lineage.builder, target_of(row, settings))
                    groups[group].add(seed_of(settings.seed, group, row.id), place, tokens)
                    place += file.write(row.to_json().encode() + b"\n")
    return groups


def target_of(row: Row, settings: MixSettings) -> str:
    """The target language a training row serves; the rich one where it serves that alone."""
    langs = [lang for _, lang in texts_of(row) if lang != settings.rich]
    return langs[0] if langs else settings.rich


def choose_rows(settings: MixSettings, groups: Groups, funnel: Funnel) -> Iterator[tuple[int, int]]:
    """(place, time it is seen) of the mixture's rows, in training order: each group up to its share of the tokens.

    What a group cannot fill, even repeated, goes to the others in proportion.
    """
    share = shares_of(settings, groups)
    empty = empty_shares(settings, groups)
    most = {group: settings.repeat * rows.whole for group, rows in groups.items()}
    budget = fill(share, most, settings.tokens)
    places, times, order = array("Q"), array("I"), array("Q")
    for group, candidates in sorted(groups.items()):
        used = rows = 0
        for time in range(settings.repeat):
            for place, tokens in candidates.in_order():
                # A row is taken when at least half of it fits: shares come out right on average.
                if used + tokens / 2 <= budget[group]:
                    places.append(place)
                    times.append(time)
                    order.append(seed_of(settings.seed, "order", place, time))
                    used, rows = used + tokens, rows + 1
        wanted = round(share[group] * (1 - sum(empty.values())) * settings.tokens)
        funnel.groups[f"{group[0]} {group[1]}"] = {
            "candidates": len(candidates), "rows": rows, "tokens": used, "wanted": wanted,
        }  # fmt: skip
    for name, part in sorted(empty.items()):
        funnel.groups[name] = {"candidates": 0, "rows": 0, "tokens": 0, "wanted": round(part * settings.tokens)}
    return ((places[at], times[at]) for at in _order(order))


def shares_of(settings: MixSettings, groups: Groups) -> dict[tuple[str, str], float]:
    """The share of each (group, language): the builder's, divided among languages by the sampler."""
    shares = {name: share for builder in settings.builders for name, share in builder.shares().items()}
    found = {}
    for name in sorted({name for name, _ in groups}):
        sizes = {lang: float(rows.whole) for (n, lang), rows in groups.items() if n == name}
        found |= {(name, lang): shares[name] * part for lang, part in settings.sampler(sizes).items()}
    whole = sum(found.values())
    return {group: share / whole for group, share in found.items()}


def empty_shares(settings: MixSettings, groups: Groups) -> dict[str, float]:
    """The share of each group that should have rows and has none in any language."""
    shares = {name: share for builder in settings.builders for name, share in builder.shares().items() if share}
    made = {name for name, _ in groups}
    return {name: share / sum(shares.values()) for name, share in shares.items() if name not in made}


def fill(share: dict[tuple[str, str], float], most: dict[tuple[str, str], int], tokens: int) -> dict[tuple[str, str], float]:
    """Tokens of each group: its share of ``tokens``, at most what it has; the rest goes to the others in proportion."""
    budget, open_groups, left = {}, dict(share), float(tokens)
    while open_groups:
        whole = sum(open_groups.values())
        full = [g for g, s in open_groups.items() if s / whole * left >= most[g]]
        if not full:
            return budget | {g: s / whole * left for g, s in open_groups.items()}
        for group in full:
            budget[group] = float(most[group])
            del open_groups[group]
        left = tokens - sum(budget.values())
    return budget


def _order(*keys: "array[int]") -> Iterator[int]:
    """The places of the elements, lowest first; by the second key where they are equal by the first."""
    import numpy

    yield from numpy.lexsort([numpy.asarray(key) for key in reversed(keys)])


def _read_at(file: Any, place: int, time: int) -> Row:
    file.seek(place)
    row = Row.model_validate_json(file.readline())
    return row if not time else row.but(id=f"{row.id}#{time + 1}")
