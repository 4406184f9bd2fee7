import json
import sys
from math import inf, log, nan

import pytest
import tiny
from tiny_engine import engine as an_engine

from polydistill import models
from polydistill.component import ALLOWED, find
from polydistill.paid import paying
from polydistill.records import Lang
from polydistill.sources import BadInput
from polydistill.stage import Workspace, working
from polydistill.statistics.tallies import value

Harness = find("evaluators", "harness")
ENG, SPA, SWA = Lang("eng"), Lang("spa"), Lang("swa")


def test_without_the_extra_the_command_that_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "lm_eval", None)
    with pytest.raises(
        ModuleNotFoundError, match=r"lm_eval is not installed; install it with: pip install 'polydistill\[lm-eval\]'"
    ):
        Harness(tasks=["belebele_{lang}"]).check([ENG, SPA])


def test_an_empty_list_of_tasks_is_refused():
    with pytest.raises(ValueError, match="at least 1 item"):
        Harness(tasks=[])


lm_eval = pytest.importorskip("lm_eval")

CHOICE = """\
task: {name}
dataset_path: json
dataset_kwargs: {{data_files: {{test: {name}.jsonl}}}}
test_split: test
output_type: multiple_choice
doc_to_text: "{{{{question}}}}"
doc_to_choice: choices
doc_to_target: answer
metric_list:
  - {{metric: acc, aggregation: mean, higher_is_better: true}}
  - {{metric: acc_norm, aggregation: mean, higher_is_better: true}}
  - {{metric: acc_mutual_info, aggregation: mean, higher_is_better: true}}
metadata: {{version: 3}}
"""


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setattr(models, "CACHE", tmp_path / "cache")


def rows(path, *given):
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in given), "utf-8")


def choices(folder, count=12, codes=("en", "es"), **changes):
    """Questions with three answers in each language, and the tasks that ask them."""
    folder.mkdir(exist_ok=True)
    for code in codes:
        docs = [
            {
                "page": f"p{n // 2}",
                "question": f"{code} question {n}?",
                "choices": [f"a{n}", f"bb{n}", f"ccc{n}"],
                "answer": n % 3,
            }
            for n in range(count)
        ]  # fmt: skip
        rows(folder / f"quiz_{code}.jsonl", *docs)
        text = CHOICE.format(name=f"quiz_{code}")
        for old, new in changes.items():
            text = text.replace(f"{old}: {text.split(f'{old}: ')[1].splitlines()[0]}", f"{old}: {new}")
        (folder / f"quiz_{code}.yaml").write_text(text, "utf-8")
    return folder


def one_task(folder, name, docs, text):
    folder.mkdir(exist_ok=True)
    rows(folder / f"{name}.jsonl", *docs)
    head = f"task: {name}\ndataset_path: json\ndataset_kwargs: {{data_files: {{test: {name}.jsonl}}}}\ntest_split: test\n"
    (folder / f"{name}.yaml").write_text(head + text, "utf-8")
    return folder


def test_the_three_metrics_by_hand(tools, tmp_path):
    """The right answer is the likeliest; by length the longest is; less the likelihood after nothing the first is."""
    folder = choices(tmp_path / "tasks", count=3, codes=("en",))
    after = {"a": -3.0, "b": -3.5, "c": -3.6}
    alone = {"a": -9.0, "b": -1.0, "c": -1.0}
    engine = tools.Scripted(nats=lambda question, text: (alone if question is None else after)[text[0]])
    scores = Harness(tasks=["quiz_en"], folder=folder)(engine, [ENG, SPA], [])
    # Right are a, b, c in turn. Plain: a always. By length -1.5, -1.17, -0.9: c always. By prior 6, -2.5, -2.6: a always.
    assert {score.name: score.value for score in scores} == {
        f"quiz_en_{metric}": pytest.approx(1 / 3) for metric in ("acc", "acc_norm", "acc_mutual_info")
    }
    hits = {score.name: {item.prompt: item.value for item in score.items} for score in scores}
    assert hits["quiz_en_acc"] == {"en question 0?": 1, "en question 1?": 0, "en question 2?": 0}
    assert hits["quiz_en_acc_norm"] == {"en question 0?": 0, "en question 1?": 0, "en question 2?": 1}
    score = scores[0]
    assert (score.unit, score.higher_is_better, score.n, score.lang) == ("accuracy", True, 3, ENG)
    assert {(item.answer, item.reference) for item in score.items} == {("a0", "a0"), ("a1", "bb1"), ("a2", "ccc2")}
    assert "1 task of version 3, asked as a chat with 0 examples" in score.note


@pytest.mark.parametrize("wrong", [nan, inf, -inf])
def test_a_document_with_an_option_that_has_no_likelihood_has_failed(tools, tmp_path, wrong):
    folder = choices(tmp_path / "tasks", count=3, codes=("en",))
    engine = tools.Scripted(nats=lambda question, text: wrong if text == "ccc1" else -float(len(text)))
    for score in Harness(tasks=["quiz_en"], folder=folder)(engine, [ENG, SPA], []):
        (lost,) = (item for item in score.items if item.value is None)
        assert (lost.prompt, lost.answer, lost.reference) == ("en question 1?", "", "bb1")
        assert (score.n, len(score.items)) == (2, 3)
        assert score.value == pytest.approx(value(score))
        assert score.warning == (f"1 of 3 items failed, as the model gives an option no finite likelihood: {lost.id}")


def test_a_folder_under_home_is_found(tools, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = choices(tmp_path / "tasks", count=3, codes=("en",))
    whole, short = Harness(tasks=["quiz_en"], folder=folder), Harness(tasks=["quiz_en"], folder="~/tasks")
    short.check([ENG, SPA])
    assert short(tools.Scripted(), [ENG, SPA], []) == whole(tools.Scripted(), [ENG, SPA], [])
    assert short.identity() == whole.identity()
    choices(folder, count=4, codes=("en",))
    assert short.identity() == whole.identity()


def test_every_language_is_measured_on_the_same_places(tools, tmp_path):
    folder = choices(tmp_path / "tasks")
    scores = Harness(tasks=["quiz_{lang}"], folder=folder, items=5)(tools.Scripted(), [ENG, SPA], [])
    english, spanish = (next(s for s in scores if s.name == "quiz_acc" and s.lang == lang) for lang in (ENG, SPA))
    assert [item.group for item in english.items] == [item.group for item in spanish.items]
    assert len(english.items) == 5
    assert all(item.group.startswith("quiz_{lang}#") and item.id.startswith(f"{item.group}-") for item in english.items)
    assert [item.prompt for item in spanish.items] == [item.prompt.replace("en ", "es ") for item in english.items]
    grouped = Harness(tasks=["quiz_{lang}"], folder=folder, group_by="page")(tools.Scripted(), [ENG], [])[0]
    assert {item.group for item in grouped.items} == {f"p{n}" for n in range(6)}
    with pytest.raises(BadInput, match="has no column link; it has page, question, choices, answer"):
        Harness(tasks=["quiz_{lang}"], folder=folder, group_by="link")(tools.Scripted(), [ENG], [])


@pytest.mark.parametrize("ending", ["\n", ":"], ids=["a template that ends in white space", "one that does not"])
def test_the_same_as_the_harness_with_its_own_model(tmp_path, ending):
    """Value, standard error and every document's outcome, on a real model, with an example before each question.

    White space at a template's end is prompt here and part of each option there: the same for all options, so that only
    accuracy by length can differ.
    """
    from lm_eval.evaluator import evaluate
    from lm_eval.models.huggingface import HFLM

    from polydistill.evaluators._harness_tasks import find_tasks, guarded

    folder = choices(tmp_path / "tasks", count=20, codes=("en",))
    template = tiny.TEMPLATE.replace("assistant\n", f"assistant{ending}")
    tiny.model_folder(tmp_path / "model", seed=3, template=template)
    with an_engine(tmp_path / "model").open() as opened:
        ours = Harness(tasks=["quiz_en"], folder=folder, shots=1)(opened, [ENG], [])
    with guarded(download=False):
        (found,) = find_tasks(["quiz_en"], [ENG], folder, 1)
        theirs = HFLM(pretrained=str(tmp_path / "model"), dtype="float64", device="cpu", batch_size=1)
        done = evaluate(
            theirs, {"tasks": {"quiz_en": found.task}}, bootstrap_iters=1, apply_chat_template=True, fewshot_as_multiturn=True
        )
    assert ours[0].note.endswith("with 1 example")
    for score in ours:
        metric = score.name.removeprefix("quiz_en_")
        if ending == "\n" and metric == "acc_norm":
            continue
        assert score.value == pytest.approx(done["results"]["quiz_en"][f"{metric},none"])
        assert score.standard_error == pytest.approx(done["results"]["quiz_en"][f"{metric}_stderr,none"])
        outcomes = {str(sample["doc_id"]): sample[metric] for sample in done["samples"]["quiz_en"]}
        assert {item.group.partition("#")[2]: item.value for item in score.items} == outcomes
        assert 0 < sum(outcomes.values()) < 20


def test_two_models_have_their_own_scores_though_they_are_asked_the_same(tmp_path):
    """The harness's own cache would give the second model the first one's: its keys are those of the requests alone."""
    from lm_eval.api.model import hash_args

    assert hash_args("loglikelihood", ("question", "answer")) == hash_args("loglikelihood", ("question", "answer"))
    folder = choices(tmp_path / "tasks", codes=("en",))
    docs = [{"question": f"which {n}?", "choices": ["the cat", "our sun", "my door"], "answer": 0} for n in range(20)]
    rows(folder / "quiz_en.jsonl", *docs)
    evaluator = Harness(tasks=["quiz_en"], folder=folder)
    engines = []
    for seed in (0, 1):
        tiny.model_folder(tmp_path / f"model{seed}", seed=seed)
        engines.append(an_engine(tmp_path / f"model{seed}"))
    alone = []
    for each in engines:
        with each.open() as opened:
            alone.append(evaluator(opened, [ENG], []))
    assert [item.answer for item in alone[0][0].items] != [item.answer for item in alone[1][0].items]
    with working(Workspace(tmp_path / "runs")):
        for each, expected in zip(engines * 2, alone * 2, strict=True):
            with paying(each) as paid:
                again = evaluator(paid, [ENG], [])
            for score, other in zip(again, expected, strict=True):
                assert [(i.id, i.value, i.answer) for i in score.items] == [(i.id, i.value, i.answer) for i in other.items]
        with paying(engines[1]) as paid:
            evaluator(paid, [ENG], [])
            assert paid._open is None  # everything was paid for before


GENERATE = """\
output_type: generate_until
doc_to_text: "{{question}}"
doc_to_target: "{{answer}}"
generation_kwargs: {until: ["END", "!"], max_gen_toks: 7, do_sample: false}
metric_list:
  - {metric: exact_match, aggregation: mean, higher_is_better: true, ignore_case: true}
"""


def test_answers_end_where_the_task_says(tools, tmp_path):
    folder = one_task(
        tmp_path / "t", "sums", [{"question": "1+1", "answer": "2"}, {"question": "1+2", "answer": "three"}], GENERATE
    )
    engine = tools.Scripted(says=lambda question: {"1+1": "2! or 3", "1+2": "Three END"}[question])
    (score,) = Harness(tasks=["sums"], folder=folder)(engine, [ENG], [])
    assert (score.name, score.unit) == ("sums_exact_match", "share")
    assert {item.answer: item.value for item in score.items} == {"2": 1, "Three ": 0}
    assert {item.reference for item in score.items} == {"2", "three"}
    assert [(s.max_tokens, s.temperature) for s in engine.sampling] == [(7, 0)]


def test_bits_per_byte_by_hand(tools, tmp_path):
    text = """\
output_type: loglikelihood_rolling
doc_to_text: ""
doc_to_target: "{{text}}"
metric_list:
  - {metric: word_perplexity, aggregation: weighted_perplexity, higher_is_better: false}
  - {metric: bits_per_byte, aggregation: bits_per_byte, higher_is_better: false}
"""
    folder = one_task(tmp_path / "t", "prose", [{"text": "aaaa"}, {"text": "bbbbbbbb"}], text)
    engine = tools.Scripted(nats=lambda question, said: -2 * len(said) * log(2) if said[0] == "a" else -1 * len(said) * log(2))
    (score,) = Harness(tasks=["prose"], folder=folder)(engine, [ENG], [])
    assert score.name == "prose_bits_per_byte"
    assert score.value == pytest.approx((4 * 2 + 8 * 1) / 12)
    assert {item.weight: item.value for item in score.items} == {4: pytest.approx(2), 8: pytest.approx(1)}
    assert not score.higher_is_better


def test_translation_between_the_rich_language_and_each_target(tools, tmp_path):
    from sacrebleu import CHRF

    text = (
        GENERATE.split("metric_list")[0].replace('"END", "!"', '"END"')
        + """\
metric_list:
  - {metric: bleu, aggregation: bleu, higher_is_better: true}
  - {metric: ter, aggregation: ter, higher_is_better: false}
  - {metric: chrf, aggregation: chrf, higher_is_better: true}
"""
    )
    docs = [{"question": f"the house {n}", "answer": f"la casa número {n}"} for n in range(4)]
    folder = one_task(tmp_path / "t", "bench_en-es", docs, text)
    engine = tools.Scripted(says=lambda question: f"la casa {question[-1]}")
    scores = Harness(tasks=["bench_{rich}-{lang}"], folder=folder)(engine, [ENG, SPA], [])
    assert {(score.name, score.lang, score.unit, score.combine) for score in scores} == {
        ("bench_bleu", SPA, "BLEU", "bleu"), ("bench_chrf", SPA, "chrF++", "chrf")
    }  # fmt: skip
    score = next(score for score in scores if score.combine == "chrf")
    answers, references = [item.answer for item in score.items], [item.reference for item in score.items]
    assert references[0].startswith("la casa número")
    assert score.value == pytest.approx(CHRF(word_order=2).corpus_score(answers, [references]).score)


def test_an_answer_that_has_begun(tools, tmp_path):
    """log p(b + c | chat) - log p(b | chat): of two answers that differ by 1 nat, with a beginning of 5."""
    folder = choices(tmp_path / "t", count=2, codes=("en",))
    file = folder / "quiz_en.yaml"
    file.write_text(file.read_text("utf-8") + 'gen_prefix: "So:"\n', "utf-8")
    engine = tools.Scripted(nats=lambda question, text: -5.0 - len(text) if question else -1.0)
    (score, *_) = Harness(tasks=["quiz_en"], folder=folder)(engine, [ENG], [])
    asked = {text for chat, text in engine.scored if chat}
    assert {"So:", "So: a0", "So: bb0"} <= asked
    assert {item.answer.strip() for item in score.items} == {"a0", "a1"}


def test_a_group_is_the_mean_over_its_tasks_documents(tools, tmp_path):
    folder = choices(tmp_path / "t", count=3, codes=("en", "es"))
    (folder / "both.yaml").write_text("group: both\ntask: [quiz_en, quiz_es]\n", "utf-8")
    engine = tools.Scripted(nats=lambda question, text: 0.0 if text[0] == "a" and (question or "").startswith("en") else -1.0)
    score = next(s for s in Harness(tasks=["both"], folder=folder)(engine, [ENG], []) if s.name == "both_acc")
    assert score.n == 6
    assert len({item.id for item in score.items}) == 6
    assert "2 tasks" in score.note


def test_what_is_in_another_language_casts_doubt(tools, tmp_path):
    said = {
        "en": "The river rises in the mountains of the north and flows for three hundred miles to the sea.",
        "es": "El río nace en las montañas del norte y recorre quinientos kilómetros hasta llegar al mar.",
    }
    folder = choices(tmp_path / "t", count=4)
    for code, text in (("en", said["en"]), ("es", said["en"])):
        rows(
            folder / f"quiz_{code}.jsonl", *({"question": f"{text} {n}", "choices": ["a", "b"], "answer": 0} for n in range(3))
        )
    scores = Harness(tasks=["quiz_{lang}"], folder=folder)(tools.Scripted(), [ENG, SPA], [])
    assert {score.lang for score in scores if "another language" in score.warning} == {SPA}
    assert {score.warning for score in scores if score.lang == ENG} == {""}


def test_content_is_identity_and_the_harness_version_too(tmp_path):
    evaluator = Harness(tasks=["quiz_{lang}"], folder=choices(tmp_path / "t"))
    before = evaluator.identity()
    assert before["harness"]["lm_eval"] == lm_eval.__version__
    assert Harness(tasks=["quiz_{lang}"], folder=choices(tmp_path / "u")).identity() == before
    choices(tmp_path / "t", count=13)
    assert evaluator.identity() != before


def test_a_task_of_the_harness_on_a_copy_of_its_data(tools, tmp_path):
    """BELEBELE as it is published: one file a language, and a card that says which."""
    copy = tmp_path / "data" / "facebook" / "belebele"
    (copy / "data").mkdir(parents=True)
    card = ["---", "configs:"]
    for code in ("eng_Latn", "spa_Latn"):
        card += [f"- config_name: {code}", "  data_files:", "  - split: test", f"    path: data/{code}.jsonl"]
        docs = [
            {
                "link": f"https://a.example/{n // 2}", "question_number": n, "flores_passage": f"P{n}.", "question": f"Q{n}?",
                **{f"mc_answer{k}": f"{code} {k}" for k in range(1, 5)}, "correct_answer_num": str(n % 4 + 1), "dialect": code,
            }
            for n in range(8)
        ]  # fmt: skip
        rows(copy / "data" / f"{code}.jsonl", *docs)
    (copy / "README.md").write_text("\n".join([*card, "---", ""]), "utf-8")
    evaluator = Harness(tasks=["belebele_{lang}"], folder=tmp_path / "data")
    evaluator.check([ENG, SPA])
    engine = tools.Scripted(nats=lambda question, text: 0.0 if text == "B" else -1.0)
    scores = evaluator(engine, [ENG, SPA], [])
    assert {(score.name, score.lang, score.value, score.n) for score in scores} == {
        (f"belebele_{metric}", lang, 0.25, 8) for metric in ("acc", "acc_norm") for lang in (ENG, SPA)
    }
    assert {item.group for item in scores[0].items} == {f"https://a.example/{n}" for n in range(4)}
    assert scores[0].items[0].prompt.endswith("Answer:")
    with pytest.raises(BadInput, match="has no Klingon"):
        evaluator.check([ENG, Lang("tlh")])
    with pytest.raises(
        BadInput, match=r"hf download --repo-type dataset cambridgeltl/xcopa --local-dir .*data/cambridgeltl/xcopa"
    ):
        Harness(tasks=["xcopa_{lang}"], folder=tmp_path / "data").check([ENG, SWA])
    with pytest.raises(BadInput, match=r"no task named 'belebel_{lang}'.*did you mean belebele"):
        Harness(tasks=["belebel_{lang}"]).check([ENG, SPA])


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("output_type", "loglikelihood", "what the model itself would write"),
        ("output_type", "generate_until\ngeneration_kwargs: {do_sample: true}", "draws its answers"),
        ("output_type", "generate_until\nrepeats: 4", "draws its answers"),
        ("output_type", "generate_until\ngen_prefix: So", "begins the model's answer"),
        ("output_type", "multiple_choice\nunsafe_code: true", "unsafe_code runs code"),
        ("output_type", "multiple_choice\ndoc_to_image: picture", "shows pictures"),
        ("dataset_kwargs", "{data_files: {test: quiz_xx.jsonl}}", "no file quiz_xx.jsonl in"),
        ("dataset_kwargs", "{data_files: {test: ../quiz_en.jsonl}}", r"no file \.\./quiz_en.jsonl in"),
        ("dataset_path", "owner/name", "reads owner/name: fetch a copy with `hf download --repo-type dataset owner/name"),
    ],
)
def test_what_cannot_be_run_is_said_before_a_model_is_loaded(tmp_path, old, new, sentence):
    folder = choices(tmp_path / "t", codes=("en",), **{old: new})
    rows(tmp_path / "quiz_en.jsonl", {"question": "q", "choices": ["a"], "answer": 0})
    with pytest.raises(BadInput, match=sentence):
        Harness(tasks=["quiz_en"], folder=folder).check([ENG])


@pytest.mark.parametrize(
    ("template", "sentence"),
    [
        ("{{ ''.__class__.__mro__[1].__subclasses__() }}", "access to attribute '__class__'"),
        ("{{ qestion }}", "'qestion' is undefined"),
    ],
)
def test_a_template_that_fails_or_reaches_into_python_is_refused(tmp_path, template, sentence):
    folder = choices(tmp_path / "t", codes=("en",), doc_to_text=f'"{template}"')
    with pytest.raises(BadInput, match=sentence):
        Harness(tasks=["quiz_en"], folder=folder).check([ENG])


def test_broken_data_are_said_to_be_so(tmp_path):
    folder = choices(tmp_path / "t", codes=("en",))
    (folder / "quiz_en.jsonl").write_text('{"question": "q", "choi', "utf-8")
    with pytest.raises(BadInput, match="task quiz_en has no data"):
        Harness(tasks=["quiz_en"], folder=folder).check([ENG])


def test_code_of_ones_own_runs_only_when_allowed(tools, tmp_path):
    folder = choices(tmp_path / "t", codes=("en",), doc_to_text="!function own_prompts.ask")
    (folder / "own_prompts.py").write_text("def ask(doc):\n    return 'asked: ' + doc['question']\n", "utf-8")
    evaluator = Harness(tasks=["quiz_en"], folder=folder)
    with pytest.raises(
        BadInput, match=r"!function own_prompts\.ask is code of your own: it runs only with --allow own_prompts"
    ):
        evaluator.check([ENG])
    token = ALLOWED.set(frozenset({"own_prompts"}))
    try:
        score = evaluator(tools.Scripted(), [ENG], [])[0]
    finally:
        ALLOWED.reset(token)
    assert score.items[0].prompt.startswith("asked: en question")
