"""Evaluators: what is measured of a model, before and after, on the same items.

To add one: a file here with one frozen class that gives `Evaluator.__call__`. `tests/contract/test_evaluators.py` enrols it.
"""

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from math import isfinite, log, nan, sqrt
from typing import Literal, NamedTuple

from pydantic import Field

from ..component import Component, contract
from ..engines import OpenEngine, Sampling
from ..reading import LeftOut
from ..records import Chat, Lang, Lineage, Parallel, Record, Row, Split, Text, digest, kept, split_of
from ..same_words import SameWords
from ..sources import BadInput, Languages, Source
from ..texts import words


class Item(Record):
    """One item's own result; before and after are joined by ``id``."""

    id: str
    value: float | None
    """None where the item does not count (too short to judge, for example)."""
    weight: float = 1.0
    """How much it counts: characters where the score is bits per character."""
    group: str = ""
    """What items share that are not independent (their page); they are resampled together. Empty: the id."""
    parts: tuple[float | None, ...] = ()
    """What a score is computed from that is no mean of values: passes by line and by word for a harmonic mean."""
    answered_in: str = ""
    """The language the answer was found to be in (ISO 639-3), ``mixed`` or ``unknown``; empty where none was looked for."""
    prompt: str = ""
    answer: str = ""
    reference: str = ""


Combine = Literal["mean", "harmonic", "chrf", "bleu"]
"""The weighted mean of the items' values; the harmonic mean of the means of their two parts; sacrebleu's corpus scores of their
answers against their references."""


class Score(Record):
    """A number about a model in one language."""

    name: str
    lang: Lang
    value: float
    unit: str
    higher_is_better: bool
    n: int
    """Items that count."""
    standard_error: float | None
    """Of ``value``, over items; None where one item or none counts."""
    combine: Combine = "mean"
    """How the items make the value; resampled items make another by the same rule."""
    headline: bool = False
    """Whether the report leads with it; only scores on text by people may."""
    note: str = ""
    """What a reader must know to read it right."""
    warning: str = ""
    """What casts doubt on it, in one sentence; it stands on top of the report."""
    items: tuple[Item, ...] = Field(default=(), repr=False)


ABOUT_THE_MEASURE = ("identifier_on_people",)
"""Scores that say how far a measurement is to be believed and nothing of the model: the same before and after."""


@contract
class Evaluator(Component):
    """A measurement."""

    @abstractmethod
    def __call__(self, engine: OpenEngine, languages: Sequence[Lang], heldout: Iterable[Row]) -> list[Score]:
        """Scores in each language (the rich one first), or none for a language it has no items for.

        ``heldout`` are the answered questions of the test split in every language, which no training row was made from.
        """

    def sizes(self, languages: Sequence[Lang]) -> dict[str, tuple[str, int]]:
        """Known before a run, of each score by name: its unit, and how many items of a language it has at most.

        Where an evaluator's scores are shares of ``items`` under names that begin with its own, this says so by itself.
        """
        items = dict(self).get("items")
        return {self.name(): ("share", items)} if isinstance(items, int) else {}

    def measures(self, lang: Lang) -> bool:
        """Whether it may have items in a language; False where it is known before a run that it has none."""
        return True

    def check(self, languages: Sequence[Lang]) -> None:
        """Finds what would stop a measurement, without a model: a missing file, a language without items."""


def finite(scores: Iterable[Score]) -> Iterator[Score]:
    """The same scores, each a number: as JSON nan would be an item that does not count.

    Raises:
        FloatingPointError: a score or an item of it is nan or without end, as those of a model are whose training diverged.
    """
    for score in scores:
        values = [("", score.value), *((f", item {item.id}", item.value) for item in score.items)]
        for where, value in values:
            if value is not None and not isfinite(value):
                raise FloatingPointError(
                    f"{score.name} in {score.lang}{where} is {value}: the model gives no probabilities; if it was just "
                    "trained, try a lower train.learning_rate"
                )
        yield score


def counted(values: Sequence[float | None]) -> tuple[float, float | None, int]:
    """`mean` of the items that have a value, and how many do; nan, which `finite` refuses, where all have failed."""
    found = [value for value in values if value is not None]
    value, error = mean(found)
    return value if found else nan, error, len(found)


def mean(values: Sequence[float]) -> tuple[float, float | None]:
    """The mean and its standard error (sample standard deviation over root n)."""
    n = len(values)
    centre = sum(values) / n if n else 0.0
    if n < 2:
        return centre, None
    return centre, sqrt(sum((v - centre) ** 2 for v in values) / (n - 1) / n)


def ratio(tops: Sequence[float], bottoms: Sequence[float]) -> tuple[float, float | None]:
    """Sum of tops over sum of bottoms (bits over characters), with the standard error of a ratio estimate."""
    n, bottom = len(tops), sum(bottoms)
    if not bottom:
        return 0.0, None
    value = sum(tops) / bottom
    if n < 2:
        return value, None
    centre = bottom / n
    spread = sum((t - value * b) ** 2 for t, b in zip(tops, bottoms, strict=True)) / (n - 1)
    return value, sqrt(spread / n) / centre


def bits(engine: OpenEngine, chats: Sequence[Chat | None], texts: Sequence[str]) -> list[float]:
    """-log2 of each text's probability, as the answer to its chat or (None) as plain text; all in one call."""
    return [-nats / log(2) for nats in engine.score(chats, texts)]


def likeliest(scores: Sequence[float], right: int) -> tuple[float | None, int | None]:
    """1 where the right option alone has the highest score, 1/k where it shares it with k - 1 others, else 0; the first best.

    None for both where a score is nan or without end: of such an item nothing is known, it has failed.
    """
    if not all(map(isfinite, scores)):
        return None, None
    best = [at for at, score in enumerate(scores) if score == max(scores)]
    return 1 / len(best) if right in best else 0.0, best[0]


def jackknife(leave_one_out: Sequence[float]) -> float | None:
    """The standard error of a statistic from its values with each item left out in turn."""
    n = len(leave_one_out)
    centre = sum(leave_one_out) / n if n else 0.0
    return sqrt((n - 1) / n * sum((v - centre) ** 2 for v in leave_one_out)) if n > 1 else None


class Strict(LeftOut):
    """For files of test items: nothing may be left out, or before and after would not be measured on the same."""

    def bad(self, at: object, reason: str, detail: str = "") -> None:
        raise BadInput(f"{self.name}, {self.unit} {at}: {reason}" + (f" ({detail})" if detail else "") + "; mend or remove it")


# What several evaluators measure on. Everything is chosen by hash, so that growing the data moves little and no language
# gets other items than the next where both have them.

HELDOUT = Sampling(max_tokens=96)
"""How held-out questions are answered; shared, so that an engine that keeps its answers is asked once."""


class Asked(NamedTuple):
    """A held-out question and the answer that a machine gave to it, both in one language."""

    id: str
    chat: Chat
    """The conversation up to the question."""
    answer: str
    lineage: Lineage


def heldout_chats(heldout: Iterable[Row], languages: Sequence[Lang], items: int) -> dict[Lang, list[Asked]]:
    """Up to ``items`` answered questions of each language; first those that every language has."""
    found: dict[Lang, dict[str, Asked]] = {lang: {} for lang in languages}
    for row in kept(heldout):
        if isinstance(row.payload, Chat) and row.payload.answer and row.payload.answer.lang == row.payload.question.lang:
            asked = Asked(row.lineage.question or row.id, row.payload.asked, row.payload.answer.text, row.lineage)
            found.get(row.payload.question.lang, {}).setdefault(asked.id, asked)
    return {lang: [rows[key] for key in choose(rows, list(found.values()), items)] for lang, rows in found.items()}


def choose(keys: Iterable[str], in_each: Sequence[Iterable[str]], items: int | None) -> list[str]:
    """Up to ``items`` of the keys in the order of their hashes, those that every language has before the rest."""
    common = set.intersection(*(set(each) for each in in_each if each)) if any(in_each) else set()
    return sorted(keys, key=lambda key: (key not in common, digest(key)))[:items]


def shares(
    name: str, lang: Lang, asked: Sequence[Asked], answers: Sequence[str], values: Sequence[float | None],
    higher_is_better: bool, note: str,
) -> list[Score]:  # fmt: skip
    """The mean of what the answers to held-out questions are worth in [0, 1]; no score where none of them counts."""
    counted = [value for value in values if value is not None]
    centre, error = mean(counted)
    items = tuple(
        Item(id=held.id, value=value, prompt=held.chat.question.text, answer=answer)
        for held, answer, value in zip(asked, answers, values, strict=True)
    )
    score = Score(
        name=name, lang=lang, value=centre, unit="share", higher_is_better=higher_is_better, n=len(counted),
        standard_error=error, note=note, items=items,
    )  # fmt: skip
    return [score] if counted else []


def heldout_rows(source: Source, languages: Sequence[Lang], split: Split) -> list[Row]:
    """A source's `Parallel` and `Text` rows of one split, none twice, and none of which a text stands in another split too.

    Manuals repeat themselves ("Open the settings"), and what was learned from one page must not be measured on the next. A
    text stands there too if `same_words.ALMOST` of its words do, in one text; case, punctuation and order are no difference.
    Titles stay in all the same: one only asks with them.
    """
    elsewhere: set[str] = set()
    here: dict[tuple[str, ...], Row] = {}
    for row in kept(source.read(Languages(languages[0], tuple(languages[1:])))):
        said = sides(row)
        if split_of(row.lineage.question) != split:
            elsewhere.update(said.values())
        elif said:
            page = row.lineage.question if note(row) == "title" else ""
            plain = (" ".join(words(text.casefold())) or text for text in said.values())
            here.setdefault((note(row), page, *said, *plain), row)
    own = SameWords((key, text) for key, row in here.items() for text in sides(row).values())
    repeated = {key for text in elsewhere for key in own.find(text)}
    return [row for key, row in here.items() if note(row) == "title" or key not in repeated]


def readable(source: Source, languages: Sequence[Lang]) -> None:
    """Finds what would stop the source, before a model is loaded."""
    source.check(Languages(languages[0], tuple(languages[1:])))


PROSE = ("", "paragraph")
"""The notes of rows that are running text."""


def note(row: Row) -> str:
    """What a `Parallel` row is (``title``, ``heading``, ``description``, ``paragraph``); empty for other rows."""
    return row.payload.note if isinstance(row.payload, Parallel) else ""


def sides(row: Row) -> dict[Lang, str]:
    """What a `Parallel` or `Text` row says, by language; nothing for another row."""
    said = row.payload
    if isinstance(said, Parallel):
        return {said.source_lang: said.source, said.target_lang: said.target}
    return {said.lang: said.text} if isinstance(said, Text) else {}
