"""Which languages Apertium's modes are for, and which Debian package holds which pair."""

import re
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from ..records import Lang

Pair = tuple[Lang, Lang]

SERBO_CROATIAN = {"HR": "hrv", "BS": "bos", "BA": "bos", "SR": "srp-Latn", "RS": "srp-Latn", "ME": "srp-Latn"}
"""What stands behind ``hbs_``."""

# Debian 12's packages; a name with ``>`` translates in that direction only.
_PACKAGES = """
afr-nld arg-cat bel-rus br>fr cat-ita cat-srd dan-nor en-gl eng-cat eng-spa eo-ca eo-en eo-es eo-fr es-gl es-pt es-ro eu>en
eu>es fr-es fra-cat fra-frp hbs-eng hbs-mkd hbs-slv ind-zlm isl>eng isl-swe mkd-bul mkd>eng nno-nob oc-ca oc-es oci-fra pol-szl
por-cat pt-gl rus-ukr spa-arg spa-ast spa-cat spa-ita srd-ita swe-dan swe-nor urd-hin
"""


def of_mode(mode: str) -> Pair | None:
    """The languages of a mode such as ``eng-spa``, ``es-pt_BR`` or ``eng-hbs_HR``; None for a variety without a code."""
    match = re.fullmatch(r"([a-z]{2,3})(?:_([A-Z]{2}))?-([a-z]{2,3})(?:_([A-Z]{2}))?", mode)
    if match is None:
        return None
    try:
        return _lang(match[1], match[2]), _lang(match[3], match[4])
    except ValueError:
        return None


def _lang(code: str, region: str | None) -> Lang:
    if code == "hbs":
        return Lang(SERBO_CROATIAN.get(region or "", "hbs"))
    return Lang(f"{code}-{region}" if region else code)


def packages() -> dict[Pair, str]:
    """The Debian package of each pair."""
    found = {}
    for name in _PACKAGES.split():
        left, one_way, right = re.fullmatch(r"(\w+)([->])(\w+)", name).groups()  # type: ignore[union-attr]
        for one in _all(left):
            for other in _all(right):
                found[one, other] = f"apertium-{left}-{right}"
                if one_way == "-":
                    found[other, one] = found[one, other]
    return found


def _all(code: str) -> list[Lang]:
    return [Lang(one) for one in ("hrv", "bos", "srp-Latn")] if code == "hbs" else [Lang(code)]


def modes(names: Iterable[str]) -> Mapping[Pair, str]:
    """The mode of each pair, from the names of all modes; the shortest name where several are for one pair."""
    found: dict[Pair, str] = {}
    for name in sorted(names, key=lambda name: (len(name), name)):
        pair = of_mode(name)
        if pair is not None and pair[0] != pair[1]:
            found.setdefault(pair, name)
    return found


def chain(pairs: Iterable[Pair], source: Lang, target: Lang, through: Sequence[Lang] = ()) -> list[Pair] | None:
    """The pairs that lead from source to target, None where none do.

    With ``through`` each leg is one pair. Without it the chain is the shortest one, among equals the first in alphabetical
    order. A region or script that no pair has is left out.
    """
    after: dict[Lang, list[Lang]] = {}
    for one, other in sorted(pairs):
        after.setdefault(one, []).append(other)
    start = _known(source, after)
    end = _known(target, {other for others in after.values() for other in others})
    if through:
        stops = [start, *(stop for stop in through if stop not in (start, end)), end]
        legs = list(pairwise(stops))
        return legs if all(there in after.get(here, ()) for here, there in legs) else None
    came: dict[Lang, Lang] = {}
    waiting = deque([start])
    while waiting and end not in came:
        here = waiting.popleft()
        for there in after.get(here, ()):
            if there not in came and there != start:
                came[there] = here
                waiting.append(there)
    legs = []
    while end in came:
        legs.append((came[end], end))
        end = came[end]
    return legs[::-1] or None


def to_install(present: Iterable[Pair], source: Lang, target: Lang, through: Sequence[Lang] = ()) -> list[str]:
    """The packages that complete a chain from source to target; empty where none do."""
    known, here = packages(), set(present)
    legs = chain({*known, *here}, source, target, through) or []
    return list(dict.fromkeys(known[leg] for leg in legs if leg not in here))


def _known(lang: Lang, known: Iterable[Lang]) -> Lang:
    plain = Lang(lang.alpha3)
    return plain if lang not in known and plain in known else lang
