"""Stage four: what the student will see, how often, and why each row is there."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from pydantic import Field, field_validator

from . import progress
from .builders import Filter, TrainingBuilder, texts_of
from .component import Count, Settings
from .engines import Engine
from .reading import counting_skipped
from .records import Lang, Row, kept, seed_of, split_of
from .samplers import Sampler
from .sources import BadInput, Languages, Source
from .stage import BESIDE, Rows, read_shard, replacing, stage, write_json, write_rows


class MixSettings(Settings):
    """What goes into the mixture."""

    builders: tuple[TrainingBuilder, ...]
    """What makes training rows; each has its shares of the tokens."""
    filters: tuple[Filter, ...] = ()
    """What keeps bad rows out, in this order; the first reason counts."""
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

    @field_validator("builders")
    @classmethod
    def _groups_differ(cls, builders: tuple[TrainingBuilder, ...]) -> tuple[TrainingBuilder, ...]:
        made = Counter(group for builder in builders for group in builder.shares())
        twice = [group for group, times in made.items() if times > 1]
        if twice:
            raise ValueError(f"two builders make the rows '{twice[0]}', which have one share; give each builder once")
        return builders


@stage(version=1)
def mix(settings: MixSettings, answers: Rows, translated: Rows, *, out: Path) -> Rows:
    """The mixture in training order, with its funnel: rows in, rows out and why, in funnel.json."""
    funnel = Funnel()
    with progress.line("mix", unit="rows") as seen:
        pool = out / BESIDE / "pool.jsonl"
        with replacing(pool) as file, counting_skipped() as skipped:
            for row in filtered(settings, answers, translated, funnel):
                file.write(row.to_json() + "\n")
                seen.advance()
            funnel.left_out = skipped()
        candidates = out / BESIDE / "candidates.jsonl"
        groups = build(settings, pool, candidates, funnel)
        chosen = choose_rows(settings, groups, funnel)
        with candidates.open("rb") as file:
            rows = write_rows(out, (_read_at(file, *pick) for pick in chosen))
        candidates.unlink()
    write_json(out / "funnel.json", funnel.summary())
    for sentence in funnel.sentences():
        progress.say(sentence)
    if not chosen:
        raise BadInput(f"the mixture is empty: no row passed the filters ({dict(funnel.reasons)}); see {pool}")
    return rows


class Funnel:
    """Rows in, rows out, and why."""

    def __init__(self) -> None:
        self.read: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.left_out: dict[str, int] = {}
        """What the sources skipped under ``on_error: skip``, by reason."""
        self.groups: dict[str, dict[str, int]] = {}

    def summary(self) -> dict[str, Any]:
        found = {"read": dict(self.read), "rejected": dict(self.reasons), "groups": self.groups}
        return found | ({"left out": self.left_out} if self.left_out else {})

    def sentences(self) -> list[str]:
        lost = ", ".join(f"{reason} {count}" for reason, count in self.reasons.most_common()) or "none"
        made = ", ".join(f"{name} {group['rows']} ({group['tokens']} tokens)" for name, group in self.groups.items())
        said = [f"mix: read {', '.join(f'{n} {what}' for what, n in self.read.items())}; out: {lost}", f"mix: {made}"]
        if empty := [name for name, group in self.groups.items() if not group["candidates"]]:
            people = self.read["parallel rows"] + self.read["text rows"]
            give = "" if people else "; give text by people: mix.texts='[{parallel: {path: pairs.tsv}}]'"
            said.append(f"mix: no rows for {', '.join(empty)}: their share of the tokens went to the others{give}")
        return said


def pooled(settings: MixSettings, answers: Rows, translated: Rows) -> Iterator[Row]:
    """Each question's rows one after the other, the rich language first, then the authentic texts."""
    translations = iter(translated)
    following = next(translations, None)
    for row in answers:
        yield row
        while following is not None and following.lineage.question == row.lineage.question:
            yield following if not row.rejected else following.reject("source_rejected")
            following = next(translations, None)
    languages = Languages(settings.rich, settings.targets)
    for source in settings.texts:
        yield from source.read(languages)


def filtered(settings: MixSettings, answers: Rows, translated: Rows, funnel: Funnel) -> Iterator[Row]:
    """Training rows with their reasons. Filters see held-out rows first, so that they can keep them out of training."""

    def held_out(wanted: bool) -> Iterator[Row]:
        for row in pooled(settings, answers, translated):
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
        elif row.payload.type == "chat" and row.lineage.question in rejected:
            row = row.reject("source_rejected")
            funnel.reasons["source_rejected"] += 1
        yield row


Pick = tuple[int, int, int]
"""(priority, place in the candidates' file, tokens)."""


def build(settings: MixSettings, pool: Path, candidates: Path, funnel: Funnel) -> dict[tuple[str, str], list[Pick]]:
    """Every row the builders make, written one after the other; by (group, target language) where each lies."""
    from .template import Template

    folder, template_file = settings.model.trainable()
    from .models import load_tokenizer

    template = Template(load_tokenizer(folder, template_file))
    groups: dict[tuple[str, str], list[Pick]] = defaultdict(list)
    place = 0
    with candidates.open("wb") as file:
        for builder in settings.builders:
            shares = builder.shares()
            for row in builder(kept(read_shard(pool))):
                if not shares.get(row.lineage.builder):
                    continue
                tokens = len(template.training(row.payload)[0])
                if tokens > settings.max_tokens:
                    funnel.reasons["too_many_tokens"] += 1
                    continue
                group = (row.lineage.builder, target_of(row, settings))
                groups[group].append((seed_of(settings.seed, group, row.id), place, tokens))
                place += file.write(row.to_json().encode() + b"\n")
    return groups


def target_of(row: Row, settings: MixSettings) -> str:
    """The target language a training row serves; the rich one where it serves that alone."""
    langs = [lang for _, lang in texts_of(row) if lang != settings.rich]
    return langs[0] if langs else settings.rich


def choose_rows(settings: MixSettings, groups: dict[tuple[str, str], list[Pick]], funnel: Funnel) -> list[tuple[int, int]]:
    """(place, time it is seen) of the mixture's rows, in training order: each group up to its share of the tokens.

    What a group cannot fill, even repeated, goes to the others in proportion.
    """
    share = shares_of(settings, groups)
    empty = empty_shares(settings, groups)
    most = {group: settings.repeat * sum(tokens for _, _, tokens in picks) for group, picks in groups.items()}
    budget = fill(share, most, settings.tokens)
    chosen: list[tuple[int, int]] = []
    for group, picks in sorted(groups.items()):
        picks.sort()
        used = rows = 0
        for time in range(settings.repeat):
            for _, place, tokens in picks:
                # A row is taken when at least half of it fits: shares come out right on average.
                if used + tokens / 2 <= budget[group]:
                    chosen.append((place, time))
                    used, rows = used + tokens, rows + 1
        wanted = round(share[group] * (1 - sum(empty.values())) * settings.tokens)
        funnel.groups[f"{group[0]} {group[1]}"] = {"candidates": len(picks), "rows": rows, "tokens": used, "wanted": wanted}
    for name, part in sorted(empty.items()):
        funnel.groups[name] = {"candidates": 0, "rows": 0, "tokens": 0, "wanted": round(part * settings.tokens)}
    return sorted(chosen, key=lambda pick: seed_of(settings.seed, "order", *pick))


def shares_of(settings: MixSettings, groups: dict[tuple[str, str], list[Pick]]) -> dict[tuple[str, str], float]:
    """The share of each (group, language): the builder's, divided among languages by the sampler."""
    shares = {name: share for builder in settings.builders for name, share in builder.shares().items()}
    found = {}
    for name in sorted({name for name, _ in groups}):
        sizes = {lang: float(sum(tokens for _, _, tokens in picks)) for (n, lang), picks in groups.items() if n == name}
        found |= {(name, lang): shares[name] * part for lang, part in settings.sampler(sizes).items()}
    whole = sum(found.values())
    return {group: share / whole for group, share in found.items()}


def empty_shares(settings: MixSettings, groups: dict[tuple[str, str], list[Pick]]) -> dict[str, float]:
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


def _read_at(file: Any, place: int, time: int) -> Row:
    file.seek(place)
    row = Row.model_validate(json.loads(file.readline()))
    return row if not time else row.but(id=f"{row.id}#{time + 1}")
