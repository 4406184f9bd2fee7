"""What a comparison says of its arms, in words."""

from collections.abc import Sequence
from typing import NamedTuple

from ..arms import UNTOUCHED, told_once
from ..comparison import Compared, ComparisonSettings
from ..evaluators import Score
from ..records import Lang
from ..served import Served
from ..statistics.evidence import Difference, Seeds, kept
from .findings import Change, interval, label
from .verdict import Tone, doubted, few, leading, own, retained

STATES: dict[str, tuple[str, Tone]] = {
    "kept": ("kept within {margin}", "good"), "lost": ("has lost more than {margin}", "bad"),
    "not shown": ("not shown to be kept within {margin}", "bad"),
}  # fmt: skip
TONES: dict[str, Tone] = {"better": "good", "worse": "bad"}


class Said(NamedTuple):
    """A sentence of the verdict."""

    lang: str
    """The language it is about, in English."""
    score: str
    """The score it is about, as people read it; empty where it names it itself."""
    rest: str
    tone: Tone

    @property
    def text(self) -> str:
        """The whole of it."""
        return f"{self.lang}, {self.score}: {self.rest}" if self.score else self.rest


def keeps(settings: ComparisonSettings, found: Sequence[Compared]) -> dict[str, str]:
    """Of each arm, whether the rich language is ``kept``, ``lost`` or ``not shown``; empty where no margin was set."""
    states = {}
    for name in settings.names if settings.retain else ():
        change = retained([one.places[name].change for one in found], settings.rich, settings.retain)
        judged = change is not None and change.difference is not None
        states[name] = kept(change.difference, settings.retain.worse_by) if judged else "not shown"
    return states


def verdict(settings: ComparisonSettings, found: Sequence[Compared]) -> list[Said]:
    """What the leading arm gained over each control in each target, and what each arm cost the rich language."""
    said = []
    for lang in (*settings.targets, settings.rich):
        if one := _first(settings, found, lang):
            change = one.places[settings.lead].change
            told = f"{settings.lead} against {UNTOUCHED} {change.text} {change.interval}".rstrip()
            said.append(_about(one, f"{told}, {change.direction}.", TONES.get(change.direction, "plain")))
            if lang != settings.rich:
                said += [_against(settings, one, name) for name in settings.names if name != settings.lead]
    states, rich = keeps(settings, found), (settings.retain and settings.retain.language) or settings.rich
    beside = {name: f" ({words})" for name, words in together(settings, found).items()}
    for state, (words, tone) in STATES.items():
        if names := [f"{name}{beside.get(name, '')}" for name in states if states[name] == state]:
            within = words.format(margin=settings.retain.worse_by)
            said.append(Said(rich.english_name, "", f"{rich.english_name} {within}: {', '.join(names)}.", tone))
    return said


def together(settings: ComparisonSettings, found: Sequence[Compared]) -> dict[str, str]:
    """Of each arm that keeps the rich language over all its seeds, but not with each by itself, which seeds those are."""
    said = {}
    for name in [name for name, state in keeps(settings, found).items() if state == "kept"]:
        seeds = [seed for arm, seed in settings.arms if arm == name]
        alone = next((one.places[name].alone for one in found if one.places[name].alone), ())
        judged = zip(seeds, alone, strict=False)
        if doubtful := [str(seed) for seed, of in judged if kept(of, settings.retain.worse_by) != "kept"]:
            which = f"seed{'s' * (len(doubtful) > 1)} {', '.join(doubtful)}"
            said[name] = f"over {len(seeds)} seeds together; not shown by {which} alone"
    return said


def doubts(
    settings: ComparisonSettings, found: Sequence[Compared], measures: Sequence[Score], served: Sequence[Served]
) -> list[str]:
    """What casts doubt on the comparison, each thing once.

    ``measures`` are the scores about the measure, ``served`` the reload of each trained arm's folder, in their order.
    """
    folders = zip(settings.arms, served, strict=True)
    said = told_once({f"{name} (seed {seed})": [of.sentence] if doubted(of) else [] for (name, seed), of in folders})
    if len(settings.arms) == len(settings.names):
        said.append("one training seed an arm: another one would give other numbers; by how much is not measured here")
    said += [_overlapping(settings, one) for one in found if one.overlap]
    changes = {name: [one.places[name].change for one in found] for name in settings.names}
    said += [*own([Change(score, score) for score in measures]), *told_once({name: own(of) for name, of in changes.items()})]
    return [*said, *few(changes[settings.lead], settings.rich, settings.retain)]


def _overlapping(settings: ComparisonSettings, one: Compared) -> str:
    """How many items share text with what arms learned from, and which differences come out another way without those."""
    arms = {name: len(place.overlap) for name, place in one.places.items() if place.overlap}
    most = max(arms.values())
    said = f"{score_of(one)}: up to {most} of {len(one.untouched.items)} items share text with rows of {', '.join(arms)}"
    if not one.clean:
        return said
    turned = [name for name, of in one.clean.items() if _direction(of) != _direction(one.places[name].lead)]
    others = f"the difference from {', '.join(turned)} comes out another way" if turned else "no difference turns"
    return f"{said}; without them {others}"


def _direction(of: Difference | None) -> int:
    """1 better, -1 worse, 0 not shown."""
    return 0 if of is None or not of.shown else 1 if of.better > 0 else -1


def _first(settings: ComparisonSettings, found: Sequence[Compared], lang: Lang) -> Compared | None:
    of_lang = {one.untouched.name: one for one in found if one.untouched.lang == lang}
    first = leading([one.places[settings.lead].change for one in of_lang.values()])
    return of_lang[first.before.name] if first else None


def _about(one: Compared, rest: str, tone: Tone) -> Said:
    return Said(one.untouched.lang.english_name, label(one.untouched.name), rest, tone)


def score_of(one: Compared) -> str:
    """Which score it is."""
    return f"{one.untouched.lang.english_name}, {label(one.untouched.name)}"


def _against(settings: ComparisonSettings, one: Compared, control: str) -> Said:
    place = one.places[control]
    # In per cent of the untouched model, so that all differences of a score can be compared with one another.
    change = Change(one.untouched, one.untouched, place.lead)
    assert place.lead is not None
    direction, tone = "no difference shown", "plain"
    if place.lead.shown:
        direction = "better" if place.lead.better > 0 else "worse"
        tone = TONES[direction]
        if place.p_holm is not None and place.p_holm > 0.05:
            direction += f", but not beyond chance among so many comparisons (p {place.p_holm:.2f})"
            tone = "plain"
        if not _beyond_seeds(place.lead_seeds):
            direction += ", but other training seeds may turn it over"
            tone = "plain"
    told = f"{told_with_interval(change, place.lead.value)}{_over_seeds(place.lead_seeds, change)}"
    return _about(one, f"{settings.lead} against {control} {told}, {direction}.", tone)


def told_with_interval(change: Change, value: float) -> str:
    """A difference as people read it, with its unit and its interval."""
    unit = "" if change.unit == "%" else f" {change.unit}"
    return f"{change.told(value)}{unit} {change.interval}".rstrip()


def _beyond_seeds(seeds: Seeds | None) -> bool:
    """Whether the interval over seeds excludes no difference; one seed says nothing of it."""
    return seeds is None or seeds.low is None or seeds.high is None or not seeds.low <= 0 <= seeds.high


def _over_seeds(seeds: Seeds | None, change: Change) -> str:
    if seeds is None or seeds.low is None or seeds.high is None:
        return ""
    return f" (over seeds {interval(change.before.unit, change.before.value, seeds.low, seeds.high)})"
