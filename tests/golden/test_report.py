"""What the report says of numbers, in words and in a table."""

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from ruamel.yaml import YAML

from polydistill.evaluators import Item, Score
from polydistill.provenance import NOT_STATED, Origin, Part, fenced
from polydistill.records import Lang
from polydistill.report import (
    Change,
    Report,
    ReportSettings,
    as_numbers,
    examples,
    in_one,
    label,
    print_table,
    render,
    table,
    thinned,
    verdict,
)
from polydistill.stage import write_json

ENG, SPA, CAT = Lang("eng"), Lang("spa"), Lang("cat")
SETTINGS = ReportSettings(rich=ENG, targets=(SPA,))


def score(
    name: str, lang: Lang, value: float, unit: str = "bits per character", error: float | None = 0.01, **more: Any
) -> Score:
    given = {"higher_is_better": not unit.startswith("bits"), "n": 40, **more}
    return Score(name=name, lang=lang, value=value, unit=unit, standard_error=error, **given)


def change(name: str, lang: Lang, before: float, after: float, **more: Any) -> Change:
    return Change(score(name, lang, before, **more), score(name, lang, after, **more))


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


# The verdict


def test_the_headline_leads_in_the_target_and_loss_is_said_in_the_rich_language():
    changes = [
        change("text_bits_udhr", SPA, 3.0, 2.9), change("documentation_qa_bits", SPA, 2.0, 1.8, headline=True),
        change("looping_answers", SPA, 0.5, 0.1, unit="share"), change("text_bits_udhr", ENG, 1.0, 1.05),
    ]  # fmt: skip
    assert verdict(changes, SETTINGS) == [
        "Spanish: documentation QA bits 2.000 to 1.800 bits per character (-10.0 %, better); answers that loop 50.0 to 10.0 %.",
        "English: text bits UDHR 1.000 to 1.050 bits per character (+5.0 %, worse). English has lost.",
    ]


def test_a_loss_within_its_noise_is_none():
    (_, said) = verdict(
        [change("text_bits_udhr", SPA, 3.0, 2.9), change("text_bits_udhr", ENG, 1.0, 1.014, error=0.01)], SETTINGS
    )
    assert "has lost" not in said
    (_, said) = verdict(
        [change("text_bits_udhr", SPA, 3.0, 2.9), change("text_bits_udhr", ENG, 1.0, 1.015, error=0.01)], SETTINGS
    )
    assert said.endswith("English has lost.")  # sqrt(2) standard errors


def test_what_stayed_as_it_was_is_said_so():
    assert "(+0.0 %, the same)" in verdict([change("text_bits_udhr", SPA, 3.0, 3.0)], SETTINGS)[0]


def test_a_language_without_scores_on_text_by_people_has_no_verdict():
    changes = [change("fit_to_machine_translation", SPA, 3.0, 2.0)]
    assert verdict(changes, SETTINGS)[0] == "Spanish: nothing measured on text by people."


# The table


def test_the_table_has_target_and_rich_language_side_by_side():
    changes = [
        change("looping_answers", ENG, 0.2, 0.1, unit="share", higher_is_better=False), change("text_bits_udhr", SPA, 3.0, 2.4),
        change("text_bits_udhr", ENG, 1.0, 1.0), change("text_bits_udhr", CAT, 9.0, 9.0),
    ]  # fmt: skip
    lines = table(changes, ENG, SPA)
    assert [(line.name, line.unit, line.cells) for line in lines] == [
        ("looping_answers", "% ↓", ["", "", "", "20.0", "10.0", "-10.0"]),
        ("text_bits_udhr", "bits/char ↓", ["3.000", "2.400", "-20.0 %", "1.000", "1.000", "+0.0 %"]),
    ]


def test_the_table_fits_into_80_columns(tmp_path: Path):
    lines = table([change("documentation_qa_bits", SPA, 2.0, 1.8), change("documentation_qa_bits", ENG, 1.0, 1.05)], ENG, SPA)
    write_json(tmp_path / "scores.json", {
        "verdict": ["Spanish is better."],
        "tables": {SPA: [[f"{label(line.name)}, {line.unit}", *line.cells] for line in lines]},
    })  # fmt: skip
    written = StringIO()
    print_table(Report(tmp_path), SETTINGS, Console(file=written, width=80))
    said = written.getvalue()
    assert "Spanish is better." in said
    assert "-10.0 %" in said
    assert "+5.0 %" in said
    assert max(map(len, said.splitlines())) <= 80


# Numbers, examples, pages


def test_numbers_for_other_programs():
    found = as_numbers(change("text_bits_udhr", SPA, 3.0, 2.4, note="x"))
    assert found["difference"] == pytest.approx(-0.6)
    assert found["before"] == {"value": 3.0, "n": 40, "standard_error": 0.01}
    assert (found["name"], found["lang"], found["note"], found["higher_is_better"]) == ("text_bits_udhr", "spa", "x", False)


def answers(name: str, lang: Lang, *said: tuple[str, str]) -> Change:
    items = [
        tuple(Item(id=prompt, value=1.0, prompt=prompt, answer=f"{when} {answer}") for prompt, answer in said) for when in "ba"
    ]
    return Change(*(score(name, lang, 0.5, unit="share", items=some) for some in items))


def test_examples_are_the_first_ones_targets_first_and_each_question_once():
    changes = [
        answers("looping_answers", ENG, ("q1", "one"), ("q2", "two")),
        answers("looping_answers", SPA, ("p1", "uno"), ("p2", "dos")),
        answers("language_fidelity_lines", SPA, ("p1", "uno"), ("p3", "tres")),
    ]  # fmt: skip
    found = examples(changes, ENG, 1)
    assert [(e.lang, e.prompt, e.before, e.after) for e in found] == [
        (SPA, "p1", "b uno", "a uno"), (SPA, "p3", "b tres", "a tres"), (ENG, "q1", "b one", "a one"),
    ]  # fmt: skip


def test_events_are_thinned_evenly():
    assert [event["step"] for event in thinned([{"step": n} for n in range(10)], most=4)] == [0, 3, 6, 9]
    assert len(thinned([{"step": n} for n in range(1000)])) == 200
    assert thinned([]) == []


def test_what_a_model_wrote_is_no_markup():
    evil = "<script>alert(1)</script>"
    one = score("x", SPA, 1.0, items=(Item(id="1", value=1.0, prompt=evil, answer=evil, reference=evil),))
    found = [Change(one, one)]
    page = render(
        "report.html", settings=SETTINGS, verdict=[evil], tables={SPA: table(found, ENG, SPA)},
        examples=examples(found, ENG, 3), funnel={"read": {}, "rejected": {}, "groups": {}}, events=[],
        about={"model name": evil}, version="0",
    )  # fmt: skip
    assert evil not in page
    assert "&lt;script&gt;" in page


# The model card


def card(licence: str = "apache-2.0", name: str = "Tiny", **more: Any) -> str:
    changes = [
        change("documentation_qa_bits", SPA, 2.0, 1.8),
        Change(score("loops", ENG, 0.5, unit="share"), score("loops", ENG, 0.25, unit="share", n=38)),
    ]
    given = {
        "settings": SETTINGS, "verdict": ["Spanish is better."], "tables": {SPA: table(changes, ENG, SPA)}, "version": "0",
        "funnel": {"read": {"chat rows": 9, "parallel rows": 3}, "rejected": {"loop": 2}, "groups": {
            "rich eng": {"rows": 4, "tokens": 70},
        }},
        "about": {"name": name}, "parts": [Part("model", name, licence), Part("source file", "path q.jsonl", NOT_STATED)],
        "origins": [(Origin("file", "the model itself", "Apertium 3"), 4)], "seeds": {"answer": 5, "train": 7},
        "plan": fenced({"train": {"seed": 7}}), "not_stated": NOT_STATED,
    }  # fmt: skip
    return render("model_card.md", **{**given, **more})


def head(of: str) -> dict[str, Any]:
    return YAML(typ="safe").load(of.split("---\n")[1])


def test_the_card_holds_data_lineage_licences_settings_scores_and_seeds():
    found = card()
    assert head(found)["license"] == "apache-2.0"
    assert head(found)["language"] == ["en", "es"]
    for line in (
        "# Tiny, lifted in Spanish", "Spanish is better.",
        "| documentation QA bits, bits/char ↓ | 2.000 | 1.800 | -10.0 % | 40 | | | | |",
        "| loops, % ↑ | | | | | 50.0 | 25.0 | -25.0 | 40 / 38 |",
        "| model | Tiny | apache-2.0 |", "| source file | path q.jsonl | not stated |",
        "The licence at the top is the one that the base model states.",
        "| 4 | file | the model itself | Apertium 3 |", "Read: 9 chat rows, 3 parallel rows.", "Left out: loop 2.",
        "Training rows by kind: rich eng 4 (70 tokens).",
    ):  # fmt: skip
        assert line in found.splitlines(), line
    assert "Seeds: answer 5, train 7." in found
    assert "```yaml\ntrain:\n  seed: 7\n```" in found


def test_a_base_model_without_a_licence_gives_none():
    found = card(licence=NOT_STATED)
    assert "license" not in head(found)
    assert "The base model states no licence." in found
    assert "may bind as well" in found


@pytest.mark.parametrize("evil", ["x\n---\n# y", 'mit"\ntags: [z]', "a: b # c", "<script>|`[a](b)`"])
def test_no_name_is_markup_in_the_card(evil: str):
    found = card(licence=evil, name=evil, verdict=[evil], origins=[(Origin(evil, evil, evil), 1)])
    assert head(found) == {**head(card()), "license": evil}
    assert [line for line in found.splitlines() if line.startswith("#")][1:] == [
        line for line in card().splitlines() if line.startswith("#")
    ][1:]
    assert found.count("\n---\n") == 1
    assert "<script>" not in found.partition("\n---\n")[2]


def test_parts_of_one_name_are_numbered():
    one, two, model = Part("source file", "a.tsv", "mit"), Part("source file", "b.tsv"), Part("model", "Tiny", "mit")
    assert in_one([model, one, two, two]) == {
        "model": "Tiny; licence mit", "source file": "a.tsv; licence mit", "source file (2)": "b.tsv",
        "source file (3)": "b.tsv",
    }  # fmt: skip
