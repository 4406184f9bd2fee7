"""`polydistill compare` on worlds where the truth is planted: own answers help, they do not, the rich language is lost."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import tiny
from typer.testing import CliRunner

from polydistill.cli import app
from polydistill.records import split_of

NOISE = ("on in over under near", "red blue green old new")


PAGE = (
    """<page xmlns="http://projectmallard.org/1.0/" id="{id}"><info><desc>{desc}</desc></info><title>{title}</title></page>"""
)


def backwards(text: str) -> str:
    return " ".join(word[::-1] for word in text.split())


def pages(folder: Path, sentences: tuple[str, ...], count: int = 24, langs: tuple[str, ...] = ("es",)) -> None:
    """Help pages of the test split that people described in these sentences, in English and in the toy language."""
    test = (number for number in range(1000) if split_of(f"page-guide/p{number}") == "test")
    for at, number in zip(range(count), test, strict=False):
        title, said = f"page {number}", f"{sentences[at % len(sentences)]} {number}"
        for lang, turned in (("C", str), *((lang, backwards) for lang in langs)):
            file = folder / lang / "guide" / f"p{number}.page"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(PAGE.format(id=number, desc=turned(said), title=turned(title)), "utf-8")


def world(folder: Path, spoken: tuple[str, ...], references: tuple[str, ...]) -> Path:
    """People describe things in some sentences, and the questions' reference answers are others."""
    plan = tiny.world(folder)
    pages(folder / "help", spoken)
    rows = [json.loads(line) for line in (folder / "questions.jsonl").read_text("utf-8").splitlines()]
    with (folder / "questions.jsonl").open("w", encoding="utf-8") as file:
        for number, row in enumerate(rows):
            file.write(json.dumps({**row, "answer": references[number % len(references)]}) + "\n")
    measured = f"[{{documentation_qa: {{generated: 1, pages: {{mallard: {{folder: {folder}/help, documents: [guide]}}}}}}}}]"
    text = plan.read_text("utf-8")
    plan.write_text(text[: text.index("evaluate:")] + f"evaluate: {{evaluators: {measured}}}\nreport: {{}}\n", "utf-8")
    return plan


QUICK = [
    "mix.builders=[{language_pairs: {rich: 0.3, target: 0.7, to_target: 0, to_rich: 0}}]", "mix.texts=[]", "mix.filters=[]",
    "mix.tokens=6000", "mix.repeat=4", "train.epochs=1", "train.batch_rows=2", "train.learning_rate=2.0e-2", "choose={}",
]  # fmt: skip


def compare(plan: Path, arms: str, *changes: str, seeds: int = 1) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["compare", str(plan), *QUICK, *changes, "--arms", arms, "--seeds", str(seeds)])
    return result.exit_code, result.output


def found(plan: Path, name: str = "tiny") -> dict:
    (file,) = (plan.parent / "runs").glob(f"compare-{name}-spa-*/comparison.json")
    return json.loads(file.read_text("utf-8"))


def of(comparison: dict, name: str, lang: str) -> dict:
    return next(score for score in comparison["scores"] if (score["name"], score["lang"]) == (name, lang))


@pytest.fixture(scope="module")
def helping(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plan of a world where own answers help. What one comparison of it has computed, the next one keeps."""
    return world(tmp_path_factory.mktemp("helping"), spoken=tiny.ANSWERS, references=NOISE)


def test_where_own_answers_help_they_are_found_to_help(helping: Path):
    code, output = compare(helping, "untouched,plan,plan-no_self_answers", "name=help")
    assert code == 0, output
    arms = of(found(helping, "help"), "documentation_qa_bits", "spa")["arms"]
    against = arms["plan-no_self_answers"]["lead_less_this"]
    assert against["high"] < 0  # fewer bits: better
    assert arms["plan-no_self_answers"]["p_holm"] < 0.05
    assert "plan against plan-no_self_answers" in output.replace("\n", " ")
    assert ", better." in output.replace("\n", " ")
    assert len(arms["plan"]["values"]) == 1


def test_where_own_answers_do_not_help_that_is_said(tmp_path: Path):
    plan = world(tmp_path, spoken=NOISE, references=NOISE)
    code, output = compare(plan, "plan,plan-no_self_answers")
    assert code == 0, output
    arms = of(found(plan), "documentation_qa_bits", "spa")["arms"]
    assert arms["plan-no_self_answers"]["lead_less_this"]["low"] > 0
    assert ", worse" in output.replace("\n", " ")


def test_a_lost_rich_language_is_called_out_and_ends_in_a_code_of_its_own(helping: Path):
    retain = "choose={retain: {score: documentation_qa_bits, worse_by: 2%}}"
    only_target = "mix.builders=[{language_pairs: {rich: 0, target: 1, to_target: 0, to_rich: 0}}]"
    code, output = compare(helping, "plan", retain, only_target, "name=lost")
    assert code == 3, output
    assert found(helping, "lost")["kept"] == {"plan": "lost"}
    assert "English has lost more than 2%: plan." in output.replace("\n", " ")


def test_two_targets_have_their_mean(tmp_path: Path):
    """The toy language under two names."""
    plan = world(tmp_path, spoken=tiny.ANSWERS, references=NOISE)
    pages(tmp_path / "help", tiny.ANSWERS, langs=("es", "ca"))
    program = tmp_path / "backwards.py"
    program.write_text("import sys\nfor line in sys.stdin:\n    print(' '.join(word[::-1] for word in line.split()))\n")
    translator = f"translate.translator={{command: {{program: [{sys.executable}, {program}]}}}}"
    code, output = compare(plan, "plan,plan-no_self_answers", "to=spa,cat", translator)
    assert code == 0, output
    (folder,) = (tmp_path / "runs").glob("compare-tiny-spa-cat-*")
    told = json.loads((folder / "comparison.json").read_text("utf-8"))
    mean = next(mean for mean in told["means"] if mean["name"] == "documentation_qa_bits")
    assert mean["languages"] == ["spa", "cat"]
    each = [of(told, "documentation_qa_bits", lang)["arms"] for lang in mean["languages"]]
    control = mean["arms"]["plan-no_self_answers"]["lead_less_this"]
    assert control["value"] == pytest.approx(sum(one["plan-no_self_answers"]["lead_less_this"]["value"] for one in each) / 2)
    assert control["groups"] == 24, "the same pages in both languages"
    assert control["n"] == 48
    assert control["high"] < 0
    assert "Mean of the target languages" in output
    named = "documentation QA bits, mean of 2 languages, bits/char ↓"
    assert f"| {named} | 48 |" in (folder / "comparison.md").read_text("utf-8")
    assert f'<th scope="row">{named}</th>' in (folder / "comparison.html").read_text("utf-8")


def test_arms_that_need_references_are_refused_where_there_are_none(tmp_path: Path):
    plan = tiny.world(tmp_path)
    code, output = compare(plan, "plan,translate_train")
    assert code == 2
    assert "translate_train: answer.by: there are no reference answers: file gives questions alone" in output


def test_an_arm_with_too_few_rows_is_refused_before_anything_is_trained(tmp_path: Path):
    plan = world(tmp_path, spoken=tiny.ANSWERS, references=NOISE)
    code, output = compare(plan, "plan,sft_en", "mix.repeat=1", "mix.tokens=4500")
    assert code == 2
    assert "error: every arm is to learn from 4,500 tokens, but the rows of " in output
    assert not list((tmp_path / "runs" / "stages").glob("train-*"))


def test_a_second_comparison_computes_nothing(helping: Path):
    runs = helping.parent / "runs"
    assert compare(helping, "plan,translate_train", "name=twice", seeds=2)[0] == 0
    arm = of(found(helping, "twice"), "documentation_qa_bits", "spa")["arms"]["plan"]
    assert len(set(arm["values"])) == 2
    assert arm["low"] < arm["mean"] < arm["high"]
    stages = {path: path.stat().st_mtime_ns for path in runs.glob("stages/*/manifest.json")}
    (folder,) = runs.glob("compare-twice-spa-*")
    assert (folder / "translate_train-seed-1" / "config.json").is_file()
    assert (folder / "comparison.html").is_file()
    assert compare(helping, "plan,translate_train", "name=twice", seeds=2)[0] == 0
    assert {path: path.stat().st_mtime_ns for path in runs.glob("stages/*/manifest.json")} == stages


@pytest.mark.slow
def test_a_kill_while_the_second_arm_trains_changes_nothing(tmp_path: Path):
    plan = world(tmp_path, spoken=tiny.ANSWERS, references=NOISE)
    runs, changes = tmp_path / "runs", [*QUICK, "train.checkpoint_minutes=0", "train.epochs=2", "mix.tokens=4000"]
    command = [sys.executable, "-m", "polydistill.cli", "compare", str(plan), *changes, "--arms", "plan,translate_train"]

    def second_arm_trains() -> bool:
        begun = {folder.parent for folder in runs.glob("stages/train-*/checkpoints")}
        return any(
            list(one.glob("checkpoints/step-???????")) and not (one / "manifest.json").exists() for one in begun
        ) and any(runs.glob("stages/train-*/manifest.json"))

    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    while process.poll() is None and not second_arm_trains():
        time.sleep(0.002)
    process.kill()
    _, errors = process.communicate()
    assert process.returncode == -signal.SIGKILL, errors
    found = []
    for folder in (runs, tmp_path / "whole"):
        done = subprocess.run([*command, f"runs={folder}"], capture_output=True, text=True, check=True)
        assert ("train: going on after step" in done.stderr) == (folder == runs)
        (file,) = folder.glob("compare-tiny-spa-*/comparison.json")
        found.append(file.read_text("utf-8").replace(str(folder), ""))
    assert found[0] == found[1]


def test_an_unknown_arm_gets_the_nearest_right_name(tmp_path: Path):
    code, output = compare(tiny.world(tmp_path), "plan,translate_trian")
    assert code == 2
    assert "no arm named 'translate_trian'; did you mean translate_train?" in output


def test_a_file_of_ones_own_is_an_arm(helping: Path, tmp_path: Path):
    (tmp_path / "slow.yaml").write_text("# A tenth of the learning rate\nchanges: [train.learning_rate=1.0e-3]\n")
    code, output = compare(helping, f"plan,{tmp_path / 'slow.yaml'}", "name=own")
    assert code == 0, output
    assert found(helping, "own")["arms"][str(tmp_path / "slow.yaml")]["says"] == "A tenth of the learning rate"
