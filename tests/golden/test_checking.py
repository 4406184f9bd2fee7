"""Everything that would stop a run is found before it begins, without weights."""

import re
from pathlib import Path

import pytest
import tiny
from tiny_plan import GOOD, runnable

from polydistill.plan import read_plan

OPENAI = "{openai: {base_url: 'http://localhost:1/v1', model: a}}"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "plan.yaml").write_text(GOOD)
    return tmp_path / "plan.yaml"


def test_everything_that_would_stop_the_run_is_found_without_weights(path: Path, random_model: Path):
    plan = read_plan(str(path), ["translate.translator={dictionary: {path: words.tsv, source: eng, target: cat}}"])
    model, source, translator = plan.check()
    assert model.startswith("model: no model at m")
    assert source.startswith("ask.source: ")
    assert "questions.jsonl" in source
    assert translator == "translate.translator: words.tsv is a dictionary from eng to cat, not from eng to spa"
    assert runnable(path, str(random_model)).check() == []


def test_a_broken_row_deep_in_any_file_is_found_before_the_run(tmp_path: Path, path: Path, random_model: Path):
    (tmp_path / "pairs.jsonl").write_text('{"source": "a", "target": "b"}\n' * 9 + '{"source": 1, "target": "b"}\n')
    plan = runnable(path, str(random_model), f"mix.texts=[{{parallel: {{path: {tmp_path}/pairs.jsonl}}}}]")
    broken = "".join(f'{{"question": "{n}"}}\n' for n in range(30)) + '{"question": "b\n{}\n'
    (tmp_path / "questions.jsonl").write_text(broken)
    questions, pairs = plan.check()
    assert questions.startswith(f"ask.source: {tmp_path}/questions.jsonl, line 31: broken JSON")
    assert pairs.startswith(f"mix.texts[0]: {tmp_path}/pairs.jsonl, line 10: not text")


def test_what_the_error_for_a_model_without_a_template_advises_works(path: Path, tmp_path: Path):
    base = tiny.model_folder(tmp_path / "base", template=None)
    (problem,) = runnable(path, str(base)).check()
    advised = re.search(r"model\.template=", problem)[0] + re.search(r"`(\w+)` is shipped", problem)[1]
    assert runnable(path, str(base), advised).check() == []


@pytest.mark.parametrize("where", ["model", "mix.model", "train.model", "choose.model"])
def test_an_engine_that_cannot_be_trained_is_found(path: Path, random_model: Path, where: str):
    first = runnable(path, str(random_model), f"{where}={OPENAI}").check()[0]
    assert first.startswith(f"{where}: the engine openai can answer but not be trained; give a transformers model")


def test_a_sections_own_model_is_looked_at(path: Path, random_model: Path):
    own = "{transformers: {path: absent}}"
    for where in ("ask", "answer", "mix", "train", "choose"):
        (problem,) = runnable(path, str(random_model), f"{where}.model={own}").check()
        assert problem.startswith(f"{where}.model: no model at absent")
    (problem,) = runnable(path, str(random_model), f"ask.model={OPENAI}", "ask.source=self_ask").check()
    assert problem.startswith("ask.model: a model behind an endpoint cannot write the user's turn itself")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("mix.builders=[]", "mix: no builder has a share of the training tokens; give at least one"),
        ("mix.builders=[plain_text: {target: 0}]", "mix: no builder has a share of the training tokens; give at least one"),
        ("translate.translator=none", "mix: no row would be in spa: translate.translator is none, and mix.texts has no"),
        ("mix.texts=[{self_ask: {}}]", "mix.texts[0]: self_ask gives questions, not texts by people"),
        ("evaluate.evaluators=[{text_bits: {label: own, texts: self_ask}}]", "evaluate.text_bits: self_ask gives questions"),
        ("mix.builders=[{code_switch: {by: word, dictionary: absent.tsv}}]", "mix.code_switch: no file absent.tsv"),
        ("mix.builders=[{code_switch: {by: word, dictionary: FOLDER/notab.tsv}}]", "FOLDER/notab.tsv, line 2: a dictionary"),
        ("mix.builders=[{code_switch: {by: word, dictionary: FOLDER/latin.tsv}}]", "mix.code_switch: "),
        ("mix.builders=[{code_switch: {by: word, dictionary: 'FOLDER/notab.{lang}'}}]", "for Spanish (spa); languages there"),
        ("translate.translator.dictionary.path=FOLDER/notab.tsv", "FOLDER/notab.tsv, line 2: a dictionary"),
        ("translate.translator.dictionary.path=FOLDER/latin.tsv", "FOLDER/latin.tsv, line 1: not UTF-8 (byte 2 is 0xf1"),
        ("translate.translator.dictionary.path=FOLDER", "FOLDER is a folder; give a file in it"),
        ("train.candidates=3", "choose: there are 3 candidates and nothing to choose by; give evaluators with split: develop"),
        ("choose.retain={score: looping, worse_by: 5%}", "choose.retain: worse_by: 5% of looping_answers cannot be"),
        ("choose.retain={score: lopping, worse_by: 5%}", "choose.retain: score: no score named 'lopping' is measured; did"),
        ("choose.retain={score: looping_answers, worse_by: 2 points}", "choose.retain: worse_by: 2 points of looping_answers"),
        ("choose.evaluators=[{text_bits: {label: a, texts: self_ask, split: development}}]", "choose.text_bits: self_ask"),
        ("evaluate.evaluators=[{language_fidelity: {english_words: FOLDER/latin.tsv}}]", "FOLDER/latin.tsv, line 1"),
        ("evaluate.evaluators=[{language_fidelity: {english_words: FOLDER/short.txt}}]", "holds no word of 4 small letters"),
        ("evaluate.evaluators=[{language_fidelity: {english_words: FOLDER}}]", "FOLDER is a folder"),
    ],
)  # fmt: skip
def test_what_would_end_a_run_after_long_work_is_found(path: Path, random_model: Path, change: str, said: str):
    folder = path.parent
    (folder / "notab.tsv").write_text("dog\tperro\ncat gato\n")
    (folder / "latin.tsv").write_bytes(b"a\xf1o\tyear\n")
    (folder / "short.txt").write_text("a\nTHE\n")
    (problem,) = runnable(path, str(random_model), change.replace("FOLDER", str(folder))).check()
    assert said.replace("FOLDER", str(folder)) in problem


@pytest.mark.parametrize("score", ["text_bits", "capitals_choice"])
def test_a_language_to_keep_in_which_nothing_is_measured_is_found(path: Path, random_model: Path, score: str):
    measured = "evaluate.evaluators=[text_bits, {capitals: {items: 180}}]"
    promise = f"choose.retain={{score: {score}, worse_by: 20%, language: LANG}}"
    for lang, name in (("rus", "Russian"), ("eng", "")):
        changes = (measured, promise.replace("LANG", lang), f"from={lang}")
        found = [said for said in runnable(path, str(random_model), *changes).check() if said.startswith("choose.retain")]
        assert bool(found) == bool(name), found
        expected = f"has no items in {name} ({lang}); give another score, such as text_bits with texts"
        assert all(expected in said for said in found)


def test_a_device_that_is_not_here_is_said_in_a_sentence(path: Path, random_model: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    plan = runnable(path, str(random_model), "model.device=cuda", "train.device=cuda")
    model, train = plan.check()
    assert re.fullmatch(r"model: device cuda is not here: PyTorch \S+ finds none; give auto or cpu", model)
    assert train == model.replace("model: ", "train.device: ")


# Rounds


def test_each_round_is_looked_at_with_the_layers_that_the_one_before_leaves(path: Path, random_model: Path):
    half = "{train: {surgeries: [take_layers]}, choose: {scales: [1.0]}}"
    second = "{train: {objective: {hidden_states: {layers: [[2, 2]]}}}, choose: {scales: [1.0]}}"
    assert runnable(path, str(random_model), f"rounds=[{second}]").check() == []
    (problem,) = runnable(path, str(random_model), f"rounds=[{half}, {second}]").check()
    assert problem.startswith("round 3: train.objective: ")
    assert "1 layer" in problem


def test_an_average_of_a_cut_student_is_cut_too(path: Path, random_model: Path):
    cut = ["train.surgeries=[take_layers]", "choose.scales=[1.0]"]
    second = "train.objective={hidden_states: {teacher: moving_average, layers: [[1, 2]]}}"
    (problem,) = runnable(path, str(random_model), *cut, second).check()
    assert problem.startswith("train.objective: ")
    assert runnable(path, str(random_model), *cut, second.replace("moving_average", "untouched")).check() == []
