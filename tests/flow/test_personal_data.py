"""Planted mail addresses, numbers and accounts: `redact` keeps them from the student, the report shows none of them."""

import json
from contextlib import suppress
from typing import Any, NamedTuple

import pytest
import tiny

from polydistill.endings import AfterStage
from polydistill.flow import run
from polydistill.mix import template_of
from polydistill.plan import read_plan
from polydistill.stage import Rows, Workspace, working

PLANTED = ("ana.diaz@mail.org", "(212) 736-5000", "4111 1111 1111 1111", "DE89 3704 0044 0532 0130 00", "612 345 678")
"""The last in the national format of the target language."""
STAND_INS = ("<mail>", "<phone>", "<card>", "<iban>")
CHANGES = (
    "answer.by=references", "mix.tokens=9000", "mix.repeat=1", "train.epochs=1", "choose.scales=[1.0]",
    "evaluate.evaluators=[loops]",
    "mix.builders=[language_pairs, code_switch, translation_rows, completion_rows, plain_text]",
)  # fmt: skip


class Planted(NamedTuple):
    mixtures: dict[str, Rows]
    """By whether it was made with the filter: ``redacted`` and ``plain``."""
    answers: Rows
    plan: str


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    folder = tmp_path_factory.mktemp("planted")
    path = tiny.world(folder, taught=False)
    with (folder / "questions.jsonl").open("w", encoding="utf-8") as file:
        for number in range(24):
            said = PLANTED[number % len(PLANTED)]
            question = f"Where is the house {number}? It is near {said}. Who sees the moon?"
            file.write(json.dumps({"question": question, "answer": f"the cat likes {said} and a tree {number}."}) + "\n")
    lines = (folder / "parallel.tsv").read_text("utf-8").splitlines()
    said = [f"{PLANTED[number % len(PLANTED)]}" for number in range(len(lines))]
    mixed = [f"{one} {more}\t{other} {more}" for (one, other), more in zip((x.split("\t") for x in lines), said, strict=True)]
    (folder / "parallel.tsv").write_text("\n".join(mixed) + "\n", "utf-8")
    mixtures = {}
    for name, filters in (("plain", "[]"), ("redacted", "[redact]")):
        plan = read_plan(str(path), [*CHANGES, f"mix.filters={filters}"])
        space = Workspace(plan.runs, until="mix")
        with working(space), suppress(AfterStage):
            run(plan)
        found = {stage: result for stage, result, _ in space.finished}
        mixtures[name] = found["mix"]
    return Planted(mixtures, found["answer"], str(path))


def learned(planted: Planted, name: str) -> str:
    """Every training token of a mixture, as text."""
    template = template_of(read_plan(planted.plan).model)
    return "\n".join(template.tokenizer.decode(template.training(row.payload)[0]) for row in planted.mixtures[name])


def test_what_was_planted_reaches_no_training_token(planted: Planted):
    plain, redacted = learned(planted, "plain"), learned(planted, "redacted")
    assert [one for one in PLANTED if one in plain] == list(PLANTED), (
        "these tests need them to reach a student without the filter"
    )
    assert [one for one in PLANTED if one in redacted] == []
    assert [one for one in STAND_INS if one not in redacted] == []
    files = b"".join(path.read_bytes() for path in planted.mixtures["redacted"].folder.rglob("*") if path.is_file())
    assert [one for one in PLANTED if one.encode() in files] == [], "not in the pool beside it either"


def test_each_row_says_what_was_taken_out_and_the_funnel_counts(planted: Planted):
    groups = set()
    for row in planted.mixtures["redacted"]:
        groups.add(row.lineage.builder)
        if any(one in row.to_json() for one in STAND_INS):
            assert any(mark.startswith("redacted_") for mark in row.lineage.marks), row.id
    assert "code_switch_sentence" in groups, "pieces still go with their sources"
    funnel = {name: json.loads((rows.folder / "funnel.json").read_text("utf-8")) for name, rows in planted.mixtures.items()}
    assert set(funnel["redacted"]["redacted"]) == {"mail", "phone", "card", "iban"}
    assert all(funnel["redacted"]["redacted"].values())
    assert "redacted" not in funnel["plain"]
    assert funnel["plain"]["read"] == funnel["redacted"]["read"]


@pytest.mark.slow
def test_the_report_counts_them_and_shows_none(planted: Planted):
    assert sum(any(one in row.to_json() for one in PLANTED) for row in planted.answers) == len(planted.answers)
    plan = read_plan(planted.plan, [*CHANGES, "mix.filters=[redact]"])
    with working(Workspace(plan.runs)):
        folder = run(plan).folder
    counted = json.loads((folder / "scores.json").read_text("utf-8"))["personal data"]["found"]
    assert {(line["of"], line["whose"]) for line in counted} == {("answers", "given"), ("questions", "given")}
    assert all(line["found"] >= 4 and line["texts"] == 24 for line in counted)
    for name in ("report.html", "README.md", "scores.json"):
        written = (folder / name).read_text("utf-8")
        assert [one for one in PLANTED if one in written] == [], name
        assert "ersonal data" in written
    assert "Taken out of the training rows: " in (folder / "README.md").read_text("utf-8")


def test_a_run_without_any_says_so(lifted: Any):
    found = lifted.report.scores["personal data"]
    assert {(line["of"], line["whose"], line["texts"]) for line in found["found"]} == {
        ("answers", "the model's own", 40), ("questions", "given", 40)
    }  # fmt: skip
    assert not any(line["found"] or line["reserved"] for line in found["found"])
    assert "Checked: 40 answers (the model's own) and 40 questions (given) in English before translation" in found["checked"][0]
    assert any(sentence.startswith("Not checked") for sentence in found["checked"])
    assert found["checked"][0] in (lifted.report.folder / "README.md").read_text("utf-8")
