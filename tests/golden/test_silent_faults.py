"""Losses that were silently wrong elsewhere: each fault that users met has a test here that would have caught it.

| fault | test here | how it would show |
|---|---|---|
| TRL #4105: divided by positions x vocabulary | `test_a_divergence_is_a_sum_over_the_vocabulary` | V times too small |
| TRL #6006: left out up to the longest prompt's end | `test_a_short_prompt_loses_no_answer_token` | first tokens lost |
| TRL #6006, ms-swift #10165: a mean of means | `test_a_step_is_one_mean_however_it_is_split` | 2.0 in place of 2.5 |
| ms-swift #10165: a mean of the ranks' means | `test_two_ranks_are_one_mean` | ranks weigh rows by luck |
| TRL #5885, #4392: a beginning token on one side | `test_a_beginning_token_does_not_shift_the_alignment` | one span in all |
| TRL #5885, #4393: letters of several bytes | `test_letters_cut_into_bytes_are_aligned` | one span in all |
| TRL #4765: probabilities of a span are added | `test_a_span_has_the_product_of_its_tokens` | more than 1 |
| TRL #5905: a span's first token varies, not its last | `test_a_span_is_merged_by_the_chain_rule` | no probability |
| TRL #5905: logits one position late | `test_what_predicts_a_token_stands_before_it` | the next token's |
| ms-swift #10156: a bfloat16 teacher | `test_a_divergence_from_a_coarse_teacher_is_not_negative` | -1.7e-4 nats |
| ms-swift #9671: server 0.239, in the process 0.032 | `test_a_served_teacher_gives_the_loss_of_a_local_one` | another loss |
| ms-swift #9429, #9414, #10073: other tokens | `test_tokens_that_do_not_fit_are_refused` | NaN, or 20 nats |
| EasyDistill #34: a part 100 to 1,000 times smaller | `test_both_parts_are_in_nats_an_answer_token` | its weight does nothing |
| EasyDistill #37: a loss of 0.01 that has no effect | `test_distilling_brings_the_student_to_the_teacher` | no step nearer |
| Axolotl #2978: kept under another template | `test_signals_kept_in_another_template_are_refused` | not one for one |
| Axolotl #2692: kept ids go by way of their text | `test_kept_tokens_are_known_by_their_ids` | other ids |
| Axolotl #2692: what remains beside the top k is left out | `test_likeliest_tokens_leave_no_negative_loss` | negative |
| Axolotl #2700: the softmax is over the top k alone | `test_what_is_not_listed_counts` | free elsewhere |
| Axolotl #2700: the first token's place is skipped | `test_the_first_answer_token_has_its_own_signal` | all one late |
| unsloth-zoo #965: equal widths, two vocabularies | `test_equal_widths_may_be_two_vocabularies` | other tokens compared |
"""

import json
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import tiny
import torch
from tiny_rows import ENG, chat
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from polydistill.alignment import NotAligned, TokenBytes, aligned
from polydistill.batch import Tokens, padded
from polydistill.component import find
from polydistill.doctoring import Subject, gradients
from polydistill.engines.transformers import Transformers
from polydistill.loop import tokens
from polydistill.losses import LogitsLoss
from polydistill.models import load_model, load_tokenizer
from polydistill.objectives import Objective, token_losses
from polydistill.objectives.next_token import NextToken
from polydistill.objectives.weighted import Weighted
from polydistill.objectives.word_level import WordLevel
from polydistill.signals import Dense, Spans, Support, TeacherSignal
from polydistill.spans import span_losses
from polydistill.state import State
from polydistill.student import TOKENS, Student
from polydistill.teachers import OpenTeacher
from polydistill.teachers.cached import Cached
from polydistill.teachers.other_model import OtherModel
from polydistill.teachers.untouched import Untouched
from polydistill.template import Template
from polydistill.training import TrainSettings
from polydistill.vocabulary import one_vocabulary

KL: LogitsLoss = find("losses", "forward_kl")()  # type: ignore[assignment]
ROWS = [
    chat("a", ENG, "Why?", "Because it rained all night and the road was closed."),
    chat("b", ENG, "Who was it, do you think?", "Me"),
    chat("c", ENG, "And what is bread made of, mostly?", "Flour."), chat("d", ENG, "So?", "Then we slept."),
]  # fmt: skip
"""Short prompts with long answers beside long prompts with short ones."""


@pytest.fixture(scope="module")
def template(random_model: Path) -> Template:
    return Template(load_tokenizer(random_model))


@pytest.fixture(scope="module")
def rows(template: Template) -> list[Tokens]:
    return [tokens(template, row, ENG) for row in ROWS]


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another model with the same vocabulary."""
    return tiny.model_folder(tmp_path_factory.mktemp("big") / "model", seed=3)


def student_of(folder: Path, template: Template) -> Student:
    return Student(load_model(folder, "float64", "cpu"), (template.end_of_turn,), template)


def engine(folder: Path) -> Transformers:
    return Transformers(path=str(folder), dtype="float64", device="cpu")


def subject(folder: Path, objective: Objective) -> Subject:
    settings = TrainSettings(
        objective=objective, schedule="constant", compute="float64", device="cpu", rich=ENG, model=engine(folder)
    )
    found = Subject(settings, ROWS)
    found.move()
    return found


def kl(p: list[float], q: list[float]) -> float:
    return sum(a * math.log(a / b) for a, b in zip(p, q, strict=True))


# How a loss is a mean


def test_a_divergence_is_a_sum_over_the_vocabulary(random_model: Path, big: Path, rows: list[Tokens]):
    """TRL #4105: in nats an answer token, by the formula over whole rows of logits."""
    teacher = OtherModel(model=engine(big))
    found = subject(random_model, WordLevel(teacher=teacher))
    total = 0.0
    for row in found.job.rows:
        ids, learned = torch.tensor([row.ids]), slice(row.prompt - 1, len(row.ids) - 1)
        q, p = (model(input_ids=ids).logits[0, learned].double().softmax(-1).tolist() for model in (
            found.job.student.base, found.job.taught[teacher].reader.student.base
        ))  # fmt: skip
        total += sum(map(kl, p, q))
    assert found.whole.loss == pytest.approx(total / sum(row.learned for row in found.job.rows), rel=1e-9)


def test_a_short_prompt_loses_no_answer_token(random_model: Path, template: Template, rows: list[Tokens]):
    """TRL #6006: every token of every answer is learned, beside whatever other prompt."""
    batch = padded(rows)
    assert rows[0].prompt < max(row.prompt for row in rows)
    assert batch.answers.sum(1).tolist() == [len(template.answer(row.payload.answer.text)) + 1 for row in ROWS]
    assert batch.targets.tolist() == [id for row in rows for id in row.ids[row.prompt :]]
    student = student_of(random_model, template)
    beside = NextToken()(student, {}, batch, 0.5, State())["next_token"]
    alone = [NextToken()(student, {}, padded([row]), 0.5, State())["next_token"].item() for row in rows]
    assert beside.tolist() == pytest.approx(alone, rel=1e-9)


@pytest.mark.parametrize("objective", [NextToken(), WordLevel()], ids=lambda objective: objective.name())
def test_a_step_is_one_mean_however_it_is_split(objective: Objective, random_model: Path):
    """TRL #6006, ms-swift #10165."""
    found = subject(random_model, objective)
    assert gradients.split(found).state == gradients.alone(found).state == "ok"


@pytest.mark.parametrize("objective", [NextToken(), WordLevel()], ids=lambda objective: objective.name())
def test_two_ranks_are_one_mean(objective: Objective, random_model: Path):
    """ms-swift #10165: each rank computes its rows; gradients are summed, not averaged, over one count."""
    assert gradients.ranks(subject(random_model, objective)).state == "ok"


# How tokens of two tokenizers meet


def merging(*merges: str, begins: bool = False) -> Template:
    """A byte-level tokenizer that joins some pairs of letters (as it writes them), with other marks than the tiny one's."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    pairs = [tuple(merge.split()) for merge in merges]
    vocabulary = {word: id for id, word in enumerate([*letters, *("".join(pair) for pair in pairs)])}
    inner = Tokenizer(models.BPE(vocab=vocabulary, merges=pairs))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    inner.decoder = decoders.ByteLevel()
    inner.add_special_tokens(["<s>", "</s>"])
    fast = PreTrainedTokenizerFast(tokenizer_object=inner, bos_token="<s>", eos_token="</s>")
    marked = tiny.TEMPLATE.replace("<|start|>", "[").replace("<|end|>", "</s>")
    fast.chat_template = ("{{ bos_token }}" if begins else "") + marked
    return Template(fast)


def spans_of(answer: str, student: Template, teacher: Template) -> tuple[list[int], list[int]]:
    row = chat("q", ENG, "Why?", answer)
    found = aligned(tokens(student, row, ENG), TokenBytes(student), TokenBytes(teacher))
    return found.own, found.of


def test_a_beginning_token_does_not_shift_the_alignment(template: Template):
    """TRL #5885, #4392: six letters and an end against three pairs and an end, with and without a beginning token."""
    for begins in (False, True):
        teacher = merging("o n", "l y", "i f", begins=begins)
        assert spans_of("onlyif", template, teacher) == ([0, 0, 1, 1, 2, 2, 3], [0, 1, 2, 3])


def test_letters_cut_into_bytes_are_aligned(template: Template):
    """TRL #5885, #4393: the euro's three bytes are three tokens on one side and two on the other, within one letter."""
    first, second, third = tiny.tokenizer().tokenize("€")
    teacher = merging(f"{first} {second}", "a b")
    assert spans_of("€ab", template, teacher) == ([0, 0, 1, 2, 2, 3], [0, 1, 2, 3])
    assert spans_of("€ab", template, merging(f"{second} {third}")) == ([0, 1, 1, 2, 3, 4], [0, 1, 2, 3, 4])


def spans(own: list[int], of: list[int], alike: list[bool], q_ids: list[int], p: list[list[float]], p_ids: list[int]) -> Spans:
    return Spans(
        states=torch.tensor(p).double().log(), head=lambda logits: logits, targets=torch.tensor(p_ids), of=torch.tensor(of),
        own=torch.tensor(own), own_targets=torch.tensor(q_ids), alike=torch.tensor(alike), outcomes=torch.tensor([[0], [0]]),
        widths=(3, 3),
    )  # fmt: skip


def test_a_span_has_the_product_of_its_tokens():
    """TRL #4765: 0.6 then 0.5 is a span of 0.3, beside 0.7 for anything else; the sum would be 1.1."""
    said = spans([0, 0], [0], [False], [0, 1], [[0.2, 0.2, 0.6]], [2])
    student = SimpleNamespace(head=lambda logits: logits, head_parameters=[])
    found = span_losses(KL, student, torch.tensor([[0.6, 0.3, 0.1], [0.2, 0.5, 0.3]]).double().log(), said)
    assert found.tolist() == pytest.approx([0, kl([0.6, 0.4], [0.3, 0.7])])


def test_a_span_is_merged_by_the_chain_rule():
    """TRL #5905: the teacher's span is p(first) p(second | first), of the tokens that are there, and so is its complement."""
    said = spans([0], [0, 0, 0], [False], [1], [[0.5, 0.4, 0.1], [0.1, 0.1, 0.8], [0.25, 0.5, 0.25]], [1, 2, 1])
    student = SimpleNamespace(head=lambda logits: logits, head_parameters=[])
    p = 0.4 * 0.8 * 0.5
    found = span_losses(KL, student, torch.tensor([[0.2, 0.7, 0.1]]).double().log(), said)
    assert found.tolist() == pytest.approx([kl([p, 1 - p], [0.7, 0.3])])


def test_what_predicts_a_token_stands_before_it(random_model: Path, big: Path, template: Template, rows: list[Tokens]):
    """TRL #5905: for the token at t the logits at t - 1, of the student and of every kind of teacher."""
    student, batch = student_of(random_model, template), padded(rows)

    def plainly(folder: Path) -> torch.Tensor:
        logits = load_model(folder, "float64", "cpu")(input_ids=batch.ids, attention_mask=batch.attend).logits
        return torch.cat([logits[n, row.prompt - 1 : len(row.ids) - 1] for n, row in enumerate(rows)]).log_softmax(-1)

    with torch.no_grad():
        own, other = plainly(random_model), plainly(big)
        assert torch.allclose(student(batch).log_softmax(-1), own, atol=1e-9)
        for teacher, expected in ((Untouched(), own), (OtherModel(model=engine(big)), other)):
            assert torch.allclose(teacher.open(student, TOKENS).say(batch).logits.log_softmax(-1), expected, atol=1e-6)


def test_tokens_that_do_not_fit_are_refused(random_model: Path, template: Template, rows: list[Tokens], tmp_path: Path):
    """ms-swift #9429, #9414, #10073: what is said of other tokens is never laid beside the student's, however long it is."""
    careless = merging("o n")
    careless.answer = lambda text: merging("o n").answer(text.lower())  # type: ignore[method-assign]
    with pytest.raises(NotAligned, match="from byte 0 on its answer is b'Only' to the student's tokenizer and b'only'"):
        spans_of("Only", template, careless)
    student = student_of(random_model, template)
    opened = Cached(folder=tmp_path / "kept").open(student, TOKENS)
    opened.prepare([padded(rows[:2])])
    changed = rows[0]._replace(ids=[*rows[0].ids[:-2], 65, rows[0].ids[-1]])
    with pytest.raises(ValueError, match="was not there before the first step"):
        opened.say(padded([changed]))


# How precise a loss is


@pytest.mark.parametrize("name", ["jensen_shannon", "forward_kl", "reverse_kl", "skew_kl", "symmetric_kl", "total_variation"])
@pytest.mark.parametrize("coarse", [torch.bfloat16, torch.float16], ids=str)
def test_a_divergence_from_a_coarse_teacher_is_not_negative(name: str, coarse: torch.dtype):
    """ms-swift #10156: a student in float32 close to a teacher in bfloat16, over 4,096 tokens."""
    draw = torch.Generator().manual_seed(0)
    teacher = (4 * torch.randn(32, 4096, generator=draw)).to(coarse)
    student = teacher.float() + 0.05 * torch.randn(32, 4096, generator=draw)
    loss = find("losses", name)()
    found, exact = loss(student, teacher), loss(student.double(), teacher.double())
    assert found.dtype == torch.float32
    assert (found > 0).all()
    assert torch.allclose(found.double(), exact, rtol=0.02, atol=1e-6)


# Teachers that are kept or served


@pytest.mark.parametrize("k", [3, 259, 260])
def test_a_served_teacher_gives_the_loss_of_a_local_one(
    k: int, random_model: Path, big: Path, template: Template, rows: list[Tokens]
):
    """ms-swift #9671: the same model by its top-k log-probabilities; with all tokens the same loss, with fewer never more."""
    student, batch = student_of(random_model, template), padded(rows)
    live = OtherModel(model=engine(big)).open(student, TOKENS).say(batch)
    log_p, ids = live.logits.log_softmax(-1).topk(k)
    states, some = student.states(batch), TeacherSignal(top_k=Support(ids, log_p))
    local, served = token_losses(KL, student, states, live), token_losses(find("losses", "top_k")(k=260), student, states, some)
    assert (served <= local + 1e-9).all()
    if k >= 259:
        assert torch.allclose(served, local, atol=1e-9)


def test_signals_kept_in_another_template_are_refused(
    random_model: Path, template: Template, rows: list[Tokens], tmp_path: Path
):
    """Axolotl #2978: and in its own template there is one signal for each answer token, its end among them."""
    settings = Cached(folder=tmp_path / "kept", k=5)
    opened = settings.open(student_of(random_model, template), TOKENS)
    opened.prepare([padded(rows)])
    assert len(opened.say(padded(rows)).top_k.ids) == sum(len(template.answer(row.payload.answer.text)) + 1 for row in ROWS)
    tokenizer = load_tokenizer(random_model)
    tokenizer.chat_template = tokenizer.chat_template.replace("'\n'", "'\n\n'", 1)
    with pytest.raises(ValueError, match=r"holds other signals: its template is \w+, and here it is \w+"):
        settings.open(student_of(random_model, Template(tokenizer)), TOKENS)


@pytest.fixture
def kept_and_live(random_model: Path, template: Template, tmp_path: Path) -> tuple[Support, torch.Tensor]:
    """Of an answer of letters of several bytes: what is kept, and log-probabilities of all tokens."""
    student = student_of(random_model, template)
    batch = padded([tokens(template, chat("q", ENG, "Why?", "é€🙂"), ENG), tokens(template, ROWS[0], ENG)])
    opened = Cached(folder=tmp_path / "kept", k=12).open(student, TOKENS)
    opened.prepare([batch])
    found = opened.say(batch).top_k
    assert found is not None
    return found, student(batch).detach().log_softmax(-1)


def test_kept_tokens_are_known_by_their_ids(kept_and_live: tuple[Support, torch.Tensor]):
    """Axolotl #2692: no token goes by way of a text, in which a byte of a letter is another token."""
    kept, live = kept_and_live
    assert torch.allclose(kept.log_p.double(), live.gather(1, kept.ids.long()), atol=5e-3)
    assert [set(row) for row in kept.ids.tolist()] == [set(row) for row in live.topk(12).indices.tolist()]


def test_the_first_answer_token_has_its_own_signal(kept_and_live: tuple[Support, torch.Tensor]):
    """Axolotl #2700: what is said of the first token is about the first."""
    kept, live = kept_and_live
    for place in (0, 10):  # the first of each of the two answers, of 9 bytes and an end
        apart = [
            (kept.log_p[place].double() - live[at].gather(0, kept.ids[place].long())).abs().max() for at in (place, place + 1)
        ]
        assert apart[0] < 5e-3 < apart[1]


def test_likeliest_tokens_leave_no_negative_loss(kept_and_live: tuple[Support, torch.Tensor]):
    """Axolotl #2692: a student that finds the listed tokens likelier than the teacher does is not nearer than near."""
    kept, live = kept_and_live
    for k in (1, 2, 12):
        support = Support(kept.ids[:, :k], kept.log_p[:, :k])
        surer = live.float().scatter_add(1, support.ids.long(), torch.ones_like(support.log_p).float())
        assert (find("losses", "top_k")(k=k).of_likeliest(surer, support) > 0).all()


def test_what_is_not_listed_counts():
    """Axolotl #2700: a student that puts its probability on a token which is not listed has learned nothing."""
    listed = Support(torch.tensor([[0, 1]]), torch.tensor([[0.5, 0.4]]).log())
    near, far = torch.tensor([[0.5, 0.4, 0.1]]).log(), torch.tensor([[0.05, 0.04, 0.91]]).log()
    loss = find("losses", "top_k")(k=2)
    assert loss.of_likeliest(near, listed).item() == pytest.approx(0, abs=1e-6)
    assert loss.of_likeliest(far, listed).item() == pytest.approx(kl([0.5, 0.4, 0.1], [0.05, 0.04, 0.91]), rel=1e-5)


# What a part of a loss does


def test_both_parts_are_in_nats_an_answer_token(random_model: Path, template: Template, rows: list[Tokens]):
    """EasyDistill #34: the distance to a teacher that is sure of the rows' own tokens is the loss of next_token itself."""
    student, batch = student_of(random_model, template), padded(rows)
    sure = torch.full((len(batch.targets), 260), -1e4).double()
    sure[range(len(sure)), batch.targets] = 0.0

    class Sure(OpenTeacher):
        @property
        def sizes(self) -> Any:
            return student.sizes

        def say(self, batch: Any) -> TeacherSignal:
            return TeacherSignal(Dense(sure, lambda logits: logits))

    objective = Weighted(objectives=(NextToken(), WordLevel()), weights=(1, 1))
    taught = {Untouched(): Sure()}
    parts = objective(student, taught, batch, 0.5, objective.start(student, taught))
    assert parts["word_level"].tolist() == pytest.approx(parts["next_token"].tolist(), rel=1e-9)
    assert objective.counts(rows[0]) == {"next_token": rows[0].learned, "word_level": rows[0].learned}
    found = gradients.ratio(subject(random_model, Weighted(objectives=(NextToken(), WordLevel()), weights=(1, 0.001))))
    assert found.state == "warning"


def test_distilling_brings_the_student_to_the_teacher(random_model: Path, big: Path):
    """EasyDistill #37: the distance falls, and its value is the distance in nats."""
    found = subject(random_model, WordLevel(teacher=OtherModel(model=engine(big))))
    optimizer, before = torch.optim.AdamW(found.job.weights.values(), lr=2e-3), found.whole
    for _ in range(40):
        gradient = gradients.taken(found, 10_000).gradients
        for name, p in found.job.weights.items():
            p.grad = gradient[name]
        optimizer.step()
    assert before.loss > 0.1
    assert gradients.taken(found, 10_000).loss < 0.7 * before.loss


# Whose tokens these are


def test_equal_widths_may_be_two_vocabularies(random_model: Path, template: Template):
    """unsloth-zoo #965: two letters have each other's id; and padding behind the tokens makes no other vocabulary."""
    told = json.loads(template.tokenizer.backend_tokenizer.to_str())
    vocabulary = told["model"]["vocab"]
    vocabulary["e"], vocabulary["t"] = vocabulary["t"], vocabulary["e"]
    other = PreTrainedTokenizerFast(tokenizer_object=Tokenizer.from_str(json.dumps(told)), eos_token="<|end|>")
    assert len(other) == len(template.tokenizer)
    with pytest.raises(ValueError, match="the tokenizers are two vocabularies"):
        one_vocabulary(template, other, (260, 260))
    assert one_vocabulary(template, load_tokenizer(random_model), (260, 384)).width == 260
