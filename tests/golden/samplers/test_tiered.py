import pytest
from pydantic import ValidationError

from polydistill.samplers.tiered import Tiered

CARD = {
    "en": (803526736124, 0.3259), "ru": (147791898098, 0.0602), "zh": (132770494630, 0.0483), "de": (89223707856, 0.0363),
    "es": (87303083105, 0.0353), "fr": (77419639775, 0.0313), "ja": (66054364513, 0.0269), "it": (41930465338, 0.0171),
    "pt": (36586032444, 0.0297), "el": (28762166159, 0.0233), "ko": (20002244535, 0.0811), "fi": (16804309722, 0.0681),
    "id": (15423541953, 0.0125), "tr": (12413166065, 0.0101), "ar": (12248607345, 0.0099), "vi": (11199121869, 0.0091),
    "th": (10842172807, 0.044), "bg": (9703797869, 0.0393), "ca": (7075834775, 0.0287), "hi": (3448390110, 0.014),
    "et": (3286873851, 0.0133), "bn": (1627447450, 0.0066), "ta": (1476973397, 0.006), "ur": (1351891969, 0.0055),
    "sw": (907516139, 0.0037), "te": (689316485, 0.0028), "eu": (105304423, 0.0043), "my": (101358331, 0.003),
    "ht": (86584697, 0.0035), "qu": (3236108, 0.0001),
}  # fmt: skip
"""Tokens and shares of the XGLM models' training data, from their model card (facebook/xglm-564M)."""
TIERS = {2: "pt el id tr ar vi", 10: "ko fi th bg ca hi et bn ta ur sw te", 100: "eu ht qu"}
OUTSIDE = {0.9: "zh", 73: "my"}


def error(tiers: dict[float, str]) -> tuple[float, str]:
    """The largest difference from the card, and where."""
    from polydistill.records import Lang

    sampler = Tiered(tiers=[{"languages": langs.split(), "times": times} for times, langs in tiers.items()])
    shares = sampler({Lang(lang): tokens for lang, (tokens, _) in CARD.items()})
    return max((abs(shares[Lang(lang)] - stated), lang) for lang, (_, stated) in CARD.items())


def test_the_published_mixture_of_thirty_languages():
    assert len(CARD) == 30
    assert sum(stated for _, stated in CARD.values()) == pytest.approx(0.9999)
    assert error(TIERS | OUTSIDE)[0] < 2.5e-4
    assert error({**TIERS, 100: "eu ht qu my"}) == (pytest.approx(0.0052, abs=5e-5), "zh")
    assert error({})[0] > 0.1


def test_shares_by_hand():
    """A hundred tokens of the one count as a thousand of the other."""
    sizes = {"eng": 600.0, "spa": 200.0, "eus": 2.0}
    tiers = [{"languages": ["eu"], "times": 100}, {"languages": ["es"], "times": 2}]
    assert Tiered(tiers=tiers)(sizes) == pytest.approx({"eng": 0.5, "spa": 1 / 3, "eus": 1 / 6})


def test_tiers_that_are_all_alike_say_nothing():
    sizes = {"eng": 600.0, "spa": 200.0}
    assert Tiered(tiers=[{"languages": ["eng", "spa"], "times": 10}])(sizes) == Tiered()(sizes) == {"eng": 0.75, "spa": 0.25}


def test_a_language_in_two_tiers_is_refused():
    for tiers in ([("es", "spa")], [("es",), ("ca", "spa")]):
        with pytest.raises(ValidationError, match="spa stands in two tiers, or twice in one"):
            Tiered(tiers=[{"languages": languages, "times": 2} for languages in tiers])
