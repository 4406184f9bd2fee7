"""Scores before and after as data: texts, intervals, flips, the clean part, the table."""

import pytest
from tiny_scores import answered, change, score

from polydistill.records import Chat, Lang, Lineage, Row, Turn
from polydistill.views.findings import Change, as_numbers, label, means, measured, table

ENG, SPA, CAT = Lang("eng"), Lang("spa"), Lang("cat")


@pytest.mark.parametrize(
    ("unit", "before", "after", "shown", "text", "better"),
    [
        ("bits per character", 2.0, 1.5, ("2.000", "1.500"), "-25.0 %", True),
        ("bits per character", 1.0, 1.02, ("1.000", "1.020"), "+2.0 %", False),
        ("share", 0.88, 0.95, ("88.0", "95.0"), "+7.0", True),
        ("accuracy", 0.5, 0.25, ("50.0", "25.0"), "-25.0", False),
        ("chrF++", 15.3, 18.2, ("15.3", "18.2"), "+2.9", True),
        ("bits per character", 0.0, 1.0, ("0.000", "1.000"), "-", False),
    ],
)
def test_a_change_as_people_read_it(unit: str, before: float, after: float, shown: tuple[str, str], text: str, better: bool):
    found = change("x", SPA, before, after, unit=unit)
    assert (found.shown(found.before), found.shown(found.after)) == shown
    assert found.text == text
    assert (found.better > 0) == better


@pytest.mark.parametrize(
    ("unit", "before", "after", "within", "interval", "direction"),
    [
        ("bits per character", 2.0, 1.5, (-0.7, -0.3), "[-35.0, -15.0]", "better"),  # in per cent of 2.0
        ("bits per character", 2.0, 2.1, (0.02, 0.2), "[+1.0, +10.0]", "worse"),
        ("share", 0.5, 0.6, (0.05, 0.15), "[+5.0, +15.0]", "better"),
        ("share", 0.5, 0.6, (-0.05, 0.15), "[-5.0, +15.0]", "no difference shown"),
        ("chrF++", 20.0, 18.0, (-3.5, -0.5), "[-3.5, -0.5]", "worse"),
        ("share", 0.5, 0.5, (0.0, 0.0), "[+0.0, +0.0]", "the same"),
        ("bits per character", 0.0, 1.0, (0.5, 1.5), "", "worse"),  # no per cent of nothing
    ],
)
def test_an_interval_is_in_the_unit_of_its_difference(unit, before, after, within, interval: str, direction: str):
    found = change("x", SPA, before, after, within, unit=unit)
    assert (found.interval, found.direction) == (interval, direction)


def test_without_items_there_is_no_interval():
    found = change("x", SPA, 2.0, 1.5)
    assert (found.interval, found.direction) == ("", "better")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("documentation_qa_bits", "documentation QA bits"),
        ("translation_from_spa_chrf", "translation from Spanish chrF++"),
        ("translation_from_por-BR_bleu", "translation from Portuguese (Brazil) BLEU"),
        ("text_bits_udhr", "text bits UDHR"),
        ("text_bits_toy", "text bits toy"),  # a label of one's own, also where it is some language's code
        ("looping_answers", "looping answers"),
    ],
)
def test_a_scores_name_as_people_read_it(name: str, said: str):
    assert label(name) == said


# Flips


def test_flips_are_right_or_wrong_in_the_scores_own_direction():
    before, after = answered("x", SPA, [0, 1, 1, 0]), answered("x", SPA, [1, 0, 1, 0])
    assert Change(before, after).flips() == {"0": "gained", "1": "lost", "2": "both", "3": "neither"}
    loops = [one.model_copy(update={"higher_is_better": False}) for one in (before, after)]
    assert Change(*loops).flips() == {"0": "lost", "1": "gained", "2": "neither", "3": "both"}


def test_an_item_that_does_not_count_on_one_side_is_no_flip():
    assert Change(answered("x", SPA, [0, None, 1]), answered("x", SPA, [1, 1, None])).flips() == {"0": "gained"}


def test_only_yes_no_scores_have_flips():
    assert Change(answered("x", SPA, [0, 0.5]), answered("x", SPA, [1, 1])).flips() == {}
    chrf = [answered("x", SPA, [0, 1], combine="chrf") for _ in "ba"]
    assert Change(*chrf).flips() == {}


# What is measured


def test_every_score_gets_its_difference_and_p_within_its_family_of_languages():
    worse, better = [0.0] * 30 + [1.0] * 10, [1.0] * 40
    pairs = [(answered("x", lang, worse), answered("x", lang, better)) for lang in (SPA, CAT)]
    pairs += [(answered("y", SPA, worse), answered("y", SPA, better)), (score("z", SPA, 1.0), score("z", SPA, 2.0))]
    x_spa, x_cat, y, z = measured(pairs)
    assert x_spa.difference is not None
    assert x_spa.difference.value == pytest.approx(0.75)
    assert x_spa.difference.gained == 30
    p = 2 * 0.5**30  # exact McNemar: 30 of 30 discordant items one way
    assert x_spa.p_holm == x_cat.p_holm == pytest.approx(2 * p)  # two languages
    assert y.p_holm == pytest.approx(p)  # a family of one
    assert (z.difference, z.p_holm) == (None, None)


def row(text: str) -> Row:
    turns = (Turn(role="user", text=text, lang=SPA), Turn(role="assistant", text="no", lang=SPA))
    return Row(id="r", lineage=Lineage(question="r"), payload=Chat(turns=turns))


def test_the_clean_part_leaves_out_what_was_trained_on():
    seen = "one two three four five six seven eight nine ten"
    sides = []
    for values in ([0, 1, 0, 0], [1, 1, 1, 0]):
        of = answered("x", SPA, values)
        items = (of.items[0].model_copy(update={"prompt": f"{seen}?"}), *of.items[1:])
        sides.append(of.model_copy(update={"items": items}))
    (found,) = measured([tuple(sides)], [row(f"so: {seen} eleven")])
    assert found.overlap == ("0",)
    assert found.clean is not None
    assert [part.value for part in found.clean] == pytest.approx([1 / 3, 2 / 3])
    assert as_numbers(found)["clean"] == {"before": pytest.approx(1 / 3), "after": pytest.approx(2 / 3), "n": 3}
    assert as_numbers(found)["overlap"] == ["0"]
    (found,) = measured([tuple(sides)], [row("something else altogether, and long enough to have a run of ten words")])
    assert (found.overlap, found.clean) == ((), None)
    assert as_numbers(found)["clean"] == {"before": 0.25, "after": 0.75, "n": 4}  # all of it


def test_nothing_clean_is_no_number():
    of = answered("x", SPA, [1]).items[0].model_copy(update={"prompt": "one two three four five six seven eight nine ten"})
    one = answered("x", SPA, [1]).model_copy(update={"items": (of,)})
    (found,) = measured([(one, one)], [row(of.prompt)])
    assert found.overlap == ("0",)
    assert as_numbers(found)["clean"] is None


def test_numbers_for_other_programs():
    found = as_numbers(change("text_bits_udhr", SPA, 3.0, 2.4, (-0.8, -0.4), note="x"))
    assert found["difference"] == pytest.approx(-0.6)
    assert found["before"] == {"value": 3.0, "n": 40, "standard_error": 0.01}
    assert (found["name"], found["lang"], found["note"], found["higher_is_better"]) == ("text_bits_udhr", "spa", "x", False)
    told = ("low", "high", "p", "smallest", "groups", "gained", "lost", "p_holm")
    assert [found[name] for name in told] == [-0.8, -0.4, 0.03, 0.1, 40, 0, 0, None]
    without = as_numbers(change("text_bits_udhr", SPA, 3.0, 2.4))
    assert [without[name] for name in told] == [None] * 8
    assert without.keys() == found.keys()


def test_what_is_about_the_measure_is_in_no_family_and_in_no_table():
    values = [0.0] * 30 + [1.0] * 10
    known = answered("identifier_on_people", SPA, values)
    (found,) = measured([(known, answered("identifier_on_people", SPA, [1.0] * 40))])
    assert found.about_the_measure
    assert (found.difference, found.p_holm, found.flips()) == (None, None, {})
    assert table([found], ENG, SPA) == []


def test_without_items_that_count_there_is_no_value():
    assert change("x", SPA, 0.0, 0.0, n=0).shown(score("x", SPA, 0.0, n=0)) == "not measurable"


# Means over languages


def test_the_mean_of_the_targets_that_have_a_score_and_not_of_the_rich_language():
    pairs = [
        (answered(name, lang, [0.0] * 10), answered(name, lang, [1.0] * right + [0.0] * (10 - right)))
        for name, lang, right in (("x", SPA, 8), ("x", CAT, 6), ("x", ENG, 1), ("y", SPA, 5))
    ]
    (found,) = means(measured(pairs), (SPA, CAT))
    assert (found.name, found.langs) == ("x", (SPA, CAT))
    assert found.title == "x, mean of 2 languages, % ↑"
    before, after, gained = found.cells
    assert (before, after, gained[:5]) == ("0.0", "70.0", "+70.0")
    assert (found.difference.n, found.difference.groups) == (20, 10)  # each question in both languages
    assert gained[5:] == f" [{100 * found.difference.low:+.1f}, {100 * found.difference.high:+.1f}]"
    told = found.as_numbers()
    assert (told["name"], told["languages"], told["value"]) == ("x", ["spa", "cat"], pytest.approx(0.7))


def test_one_target_has_no_mean():
    pairs = [(answered("x", lang, [0.0, 1.0]), answered("x", lang, [1.0, 1.0])) for lang in (SPA, ENG)]
    assert means(measured(pairs), (SPA,)) == []
    assert means([change("x", SPA, 1.0, 2.0), change("x", CAT, 1.0, 2.0)], (SPA, CAT)) == [], "without items none can be told"


# The table


def test_the_table_has_target_and_rich_language_side_by_side():
    changes = [
        change("looping_answers", ENG, 0.2, 0.1, unit="share", higher_is_better=False),
        change("text_bits_udhr", SPA, 3.0, 2.4, (-0.9, -0.3)), change("text_bits_udhr", ENG, 1.0, 1.0),
        change("text_bits_udhr", CAT, 9.0, 9.0),
    ]  # fmt: skip
    assert [(line.name, line.unit, line.cells) for line in table(changes, ENG, SPA)] == [
        ("looping_answers", "% ↓", ["", "", "", "20.0", "10.0", "-10.0"]),
        ("text_bits_udhr", "bits/char ↓", ["3.000", "2.400", "-20.0 % [-30.0, -10.0]", "1.000", "1.000", "+0.0 %"]),
    ]
