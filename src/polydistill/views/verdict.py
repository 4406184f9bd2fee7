"""What a report says in words: a verdict with its numbers, and warnings."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Literal, NamedTuple

from ..records import Lang
from ..retain import Front, RetainSettings, named
from ..served import Served
from ..sources import BadInput
from ..statistics.evidence import kept
from .findings import Change, label

TOLD = {"language_fidelity_lines": "answers in the right language", "looping_answers": "answers that loop"}
"""Shares that the verdict names beside the leading score."""
FEW = 30
"""Fewer independent items than this make an interval rough, which is said."""

Tone = Literal["good", "bad", "plain"]


class Sentence(NamedTuple):
    """A sentence of the verdict, and how it is to be taken."""

    text: str
    tone: Tone


def verdict(
    changes: Sequence[Change], rich: Lang, targets: Sequence[Lang], retain: RetainSettings | None = None,
    front: Front | None = None,
) -> list[Sentence]:  # fmt: skip
    """One sentence a language: the headline score, else text bits, with its interval; the rich language's is a test of loss.

    ``front`` is what the student was chosen from: that it is the untouched model comes first.
    """
    found = [Sentence(front.unchanged, "bad")] if front and front.unchanged else []
    for lang in (*targets, rich):
        of_lang = [c for c in changes if c.before.lang == lang]
        lead = leading(of_lang)
        if lead is None:
            found.append(
                Sentence(
                    f"{lang.english_name}: no documentation QA and no text bits, which lead where measured; see the table.",
                    "plain",
                )
            )
            continue
        found.append(_of_language(lang, lead, of_lang, rich if retain is None else None))
    if retain is not None:
        found.append(_retained(changes, rich, retain))
    return found


def leading(changes: Sequence[Change]) -> Change | None:
    """The score that a language's verdict is about."""
    return next((c for c in changes if c.before.headline), None) or next(
        (c for c in changes if c.before.name.startswith("text_bits")), None
    )


def _of_language(lang: Lang, lead: Change, of_lang: Sequence[Change], watched: Lang | None) -> Sentence:
    said = (
        f"{lang.english_name}: {label(lead.before.name)} {lead.shown(lead.before)} to {lead.shown(lead.after)} "
        f"{lead.before.unit} ({lead.text}{f' {lead.interval}' if lead.interval else ''}, {lead.direction})"
    )
    said += "".join(
        f"; {TOLD[c.before.name]} {c.shown(c.before)} to {c.shown(c.after)} %" for c in of_lang if c.before.name in TOLD
    )
    tone: Tone = {"better": "good", "worse": "bad"}.get(lead.direction, "plain")  # type: ignore[assignment]
    if lang == watched and lead.difference is not None:
        most_lost = -lead.difference.low if lead.before.higher_is_better else lead.difference.high
        if lead.direction == "worse":
            said += f". {lang.english_name} has lost"
        elif most_lost > 0:
            said += f". A loss of {lead.told(most_lost).lstrip('+-')}{'' if lead.unit == '%' else ' points'} is not excluded"
    return Sentence(said + ".", tone)


def retained(changes: Sequence[Change], rich: Lang, retain: RetainSettings) -> Change | None:
    """The change that must stay within the margin; None where it was not measured, or several begin with its name."""
    of_lang = {c.before.name: c for c in changes if c.before.lang == (retain.language or rich)}
    with suppress(BadInput):
        return of_lang[named(retain.score, of_lang, "choose.retain.score")]
    return None


def kept_or_lost(changes: Sequence[Change], rich: Lang, retain: RetainSettings | None) -> str:
    """``kept``, ``lost`` or ``not shown`` by the test of non-inferiority; empty where no margin was set."""
    if retain is None:
        return ""
    change = retained(changes, rich, retain)
    return "not shown" if change is None or change.difference is None else kept(change.difference, retain.worse_by)


def _retained(changes: Sequence[Change], rich: Lang, retain: RetainSettings) -> Sentence:
    change, found = retained(changes, rich, retain), kept_or_lost(changes, rich, retain)
    lang = (retain.language or rich).english_name
    if change is None:
        return Sentence(f"{lang}: {label(retain.score)}, which was to be kept, was not measured by one score.", "bad")
    numbers = f"{label(change.before.name)} {change.text} {change.interval}".rstrip()
    return {
        "kept": Sentence(f"{lang} kept: {numbers}, so it has lost no more than {retain.worse_by}.", "good"),
        "lost": Sentence(f"{lang} lost more than {retain.worse_by}: {numbers}.", "bad"),
        "not shown": Sentence(
            f"{lang} not shown to be kept: {numbers}, a loss beyond {retain.worse_by} is not excluded.", "bad"
        ),
    }[found]


def warnings(
    changes: Sequence[Change], rich: Lang, retain: RetainSettings | None = None, served: Served | None = None
) -> list[str]:
    """What casts doubt on the scores, each thing once: a folder that answers otherwise than it did when it was measured,
    the scores' own warnings, too few items, overlap with training rows."""
    folder = [served.sentence] if served and doubted(served) else []
    return [*folder, *own(changes), *few(changes, rich, retain), *overlapping(changes)]


def own(changes: Sequence[Change]) -> list[str]:
    """The scores' own warnings, each once."""
    found = []
    for c in changes:
        # What is about the measure says itself what it is about.
        where = "" if c.about_the_measure else f"{of(c)}: "
        found += [where + said for said in (c.before.warning, c.after.warning) if said]
    return list(dict.fromkeys(found))


def few(changes: Sequence[Change], rich: Lang, retain: RetainSettings | None) -> list[str]:
    """Where there are too few items for the margin, or for an interval."""
    found = []
    change = retained(changes, rich, retain) if retain else None
    if retain and change and change.difference:
        n, least = change.difference.n, change.difference.smallest
        if least is None or least > retain.worse_by.of(change.difference.before, change.difference.unit):
            shown = f"show a loss in 80 % of cases from {change.told(least).lstrip('+')} on" if least else "show none"
            found.append(f"{of(change)}: too few items for a margin of {retain.worse_by}; {n} items {shown}")
    rough = [f"{of(c)} ({c.difference.groups})" for c in changes if c.difference and c.difference.groups < FEW]
    return found + ([f"fewer than {FEW} independent items, so the interval is rough: {'; '.join(rough)}"] if rough else [])


def overlapping(changes: Sequence[Change]) -> list[str]:
    """Where items share text with training rows."""
    found = []
    for c in changes:
        if c.overlap:
            clean = f"; without them {c.shown(c.clean[0])} to {c.shown(c.clean[1])}" if c.clean else ""
            found.append(f"{of(c)}: {len(c.overlap)} of {len(c.before.items)} items share text with training rows{clean}")
    return found


def doubted(served: Served) -> bool:
    """Whether it is not shown that the folder answers as it was measured."""
    return served.equal < served.of or not served.of or bool(served.faults)


def of(change: Change) -> str:
    """Which score it is."""
    return f"{change.before.lang.english_name}, {label(change.before.name)}"
