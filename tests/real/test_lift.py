"""A small run of the embedded default, real parts only: `make test-real` installs them."""

import json
from pathlib import Path

import pytest
from chromium import chromium

from polydistill.choose import Model
from polydistill.cli import run_flow
from polydistill.engines import Sampling
from polydistill.plan import Plan, read_plan
from polydistill.records import Chat, Lang, Turn
from polydistill.stage import Rows

pytestmark = pytest.mark.real
ROOT = Path(__file__).parents[2]
QUESTIONS = [
    "What is the capital of France?", "Why do plants need sunlight?", "Name three colours.", "What is a river?",
    "How do birds fly?", "What does a teacher do?", "Why is the sky blue?", "What is bread made of?",
    "How many days has a week?", "What is a computer?", "Tell me about the moon.", "What do cats eat?",
    "Where do fish live?", "What is snow?", "Why do people sleep?", "What is a map for?",
    "¿Qué es un río?", "¿Por qué duermen las personas?", "¿Qué comen los gatos?", "¿Qué es la nieve?",
]  # fmt: skip


@pytest.fixture(scope="module")
def plan(tmp_path_factory) -> Plan:
    model = (ROOT / ".cache/model").read_text("utf-8").strip()
    docs = f"{{mallard: {{folder: '{ROOT}/.cache/gnome-user-docs/usr/share/help'}}}}"
    return read_plan(
        str(ROOT / "examples/lift.yaml"),
        [
            f"runs={tmp_path_factory.mktemp('runs')}", "name=small", "ask.questions=24", "answer.max_tokens=40",
            f"mix.texts=[{docs}]", "mix.tokens=6000",
            "choose.retain.score=text_bits", "choose.scales=[1.0, 0.5]",
            f"choose.evaluators=[{{text_bits: {{label: documentation, split: development, items: 6, texts: {docs}}}}}]",
            "evaluate.evaluators=[{text_bits: {items: 12}}, "
            f"{{documentation_qa: {{items: 12, generated: 4, pages: {docs}}}}}, loops]",
        ],
        model=model,
    )  # fmt: skip


@pytest.fixture(scope="module")
def report(plan):
    return run_flow(plan)


def test_the_plan_is_in_order(plan):
    assert plan.check() == []


def test_a_real_model_gets_better_in_spanish(report):
    scores = {(s["name"], s["lang"]): s for s in report.scores["scores"]}
    qa = scores["documentation_qa_bits", "spa"]
    assert qa["after"]["value"] < qa["before"]["value"]
    assert qa["before"]["n"] == qa["after"]["n"] == 12


def test_the_student_is_chosen_among_scales_by_what_it_keeps(plan, report):
    front = Model(plan.folder / "choose").front
    assert [one.scale for one in front.candidates] == [0.5, 1.0]
    assert all(one.change.n == 6 for one in front.candidates)
    assert front.met is any(one.verdict == "kept" for one in front.candidates)


def test_questions_are_the_models_own_and_translations_keep_their_lineage(plan, report):
    translated = [row for row in Rows(plan.folder / "translate") if not row.rejected]
    assert translated
    for row in translated:
        assert row.lineage.source == "self_ask"
        assert row.lineage.translator.startswith("Apertium 3")
        assert {turn.lang for turn in row.payload.turns} == {"spa"}


def test_the_same_plan_runs_nothing_again(plan, report):
    run_flow(plan)
    assert all(kept for _, _, kept in json.loads((plan.folder / "stages.json").read_text("utf-8")))


def test_the_exported_folder_answers_in_plain_transformers_as_the_student_does(plan, report):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = plan.folder / "model"
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    student = plan.model.model_copy(update={"path": str(folder), "dtype": "float32", "batch_size": 1})
    with student.open() as engine:
        for question in QUESTIONS:
            chat = Chat(turns=(Turn(role="user", text=question, lang=Lang("eng")),))
            ours = engine.answer([chat], Sampling(max_tokens=16))[0].text
            ids = tokenizer.apply_chat_template(
                [{"role": "user", "content": question}], add_generation_prompt=True, return_tensors="pt", return_dict=True
            )
            made = model.generate(**ids, max_new_tokens=16, do_sample=False)[0, ids["input_ids"].shape[1] :]
            assert tokenizer.decode(made, skip_special_tokens=True).strip() == ours


def test_its_report_opens_in_a_browser_without_an_error_or_a_request(plan, report, tmp_path):
    file = plan.folder / "report.html"
    with chromium(tmp_path) as page:
        page.open(file)
        assert page.complaints() == []
        assert page.requests() == [file.resolve().as_uri()]
    assert file.stat().st_size < 3_000_000


def test_the_exported_folder_was_proven_to_answer_as_it_was_measured(report):
    assert report.scores["reloaded"]["equal"] == report.scores["reloaded"]["of"] > 0


def test_the_model_card_names_model_translator_and_licences(plan, report):
    card = (plan.folder / "report" / "README.md").read_text("utf-8")
    for word in ("apache", "apertium", "GPL", "licenses/by-sa", "self_ask"):
        assert word.lower() in card.lower(), word
