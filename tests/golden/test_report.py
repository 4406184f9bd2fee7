"""What the report says of numbers, in words and in a table."""

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import tiny_page
from rich.console import Console
from ruamel.yaml import YAML
from tiny_scores import answered, change, score

from polydistill.privacy.personal_count import Checked
from polydistill.provenance import NOT_STATED, Origin, Part, fenced
from polydistill.records import Lang
from polydistill.report import Report, ReportSettings, in_one, limits, print_table, render
from polydistill.stage import write_json
from polydistill.views.findings import Change, label, means, measured, table

ENG, SPA = Lang("eng"), Lang("spa")
SETTINGS = ReportSettings(rich=ENG, targets=(SPA,))


def test_the_table_fits_into_80_columns(tmp_path: Path):
    changes = [
        change("documentation_qa_bits", SPA, 2.0, 1.8, (-0.3, -0.1)),
        change("documentation_qa_bits", ENG, 1.0, 1.05, (-1.0, 1.1)),
    ]  # fmt: skip
    write_json(tmp_path / "scores.json", {
        "verdict": ["Spanish is [bold]better[/bold]."], "warnings": ["few items"],
        "mean_table": [["documentation QA bits, mean of 2 languages, bits/char ↓", "2.000", "1.800", "-9.0 % [-12.0, -6.0]"]],
        "tables": {SPA: [[f"{label(line.name)}, {line.unit}", *line.cells] for line in table(changes, ENG, SPA)]},
    })  # fmt: skip
    written = StringIO()
    print_table(Report(tmp_path), SETTINGS, Console(file=written, width=80))
    lines = written.getvalue().splitlines()
    assert lines[:2] == ["warning: few items", "Spanish is [bold]better[/bold]."]  # a name in brackets is no markup
    (at,) = (n for n, line in enumerate(lines) if "-10.0 %" in line)
    assert "+5.0 %" in lines[at]
    assert "[-15.0, -5.0]" in lines[at + 1]  # the interval stands below its difference
    assert "[-100.0, +110.0]" in lines[at + 1]
    (at,) = (n for n, line in enumerate(lines) if "-9.0 %" in line)
    assert lines[at].split()[-4:] == ["2.000", "1.800", "-9.0", "%"]
    assert "[-12.0, -6.0]" in lines[at + 1]
    assert max(map(len, lines)) <= 80


def test_a_report_says_whether_the_rich_language_was_kept(tmp_path: Path):
    write_json(tmp_path / "scores.json", {"verdict": ["x"], "kept": "not shown"})
    assert (Report(tmp_path).kept, Report(tmp_path).verdict) == ("not shown", ["x"])


def test_limits_are_said_of_what_was_measured():
    assert any("identifier" in limit for limit in limits([change("language_fidelity_lines", SPA, 1.0, 1.0, unit="share")]))
    assert not any("identifier" in limit for limit in limits([change("text_bits", SPA, 1.0, 1.0)]))


def test_the_page_says_how_many_strings_look_like_special_tokens(tmp_path: Path):
    page = tiny_page.write(tmp_path / "report.html").read_text("utf-8")
    assert "3 strings in the training rows look like special tokens; they were learned as plain text." in page


# The model card


def card(licence: str = "apache-2.0", name: str = "Tiny", **more: Any) -> str:
    changes = [
        change("documentation_qa_bits", SPA, 2.0, 1.8),
        Change(score("loops", ENG, 0.5, unit="share"), score("loops", ENG, 0.25, unit="share", n=38)),
    ]
    given = {
        "settings": SETTINGS, "verdict": ["Spanish is better."], "version": "0", "means": [],
        "personal": Checked([], ["Not checked."]),
        "tables": {SPA: table(changes, ENG, SPA)},
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


def test_the_card_of_several_targets_has_their_mean():
    pairs = [(answered("x", lang, [0.0] * 10), answered("x", lang, [1.0] * 10)) for lang in (SPA, Lang("cat"))]
    found = card(means=means(measured(pairs), (SPA, Lang("cat"))))
    (line,) = (line for line in found.splitlines() if line.startswith("| x, mean of 2 languages, % ↑ |"))
    assert line.startswith("| x, mean of 2 languages, % ↑ | 0.0 | 100.0 | +100.0 ")
    assert line.endswith(" | 20 |")
    assert "Mean of the target languages" not in card()


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
