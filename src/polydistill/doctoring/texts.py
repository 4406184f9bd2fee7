"""Checks of what a model reads and writes: its template, its end token, what is learned of the answers, its own answers."""

import unicodedata
from collections.abc import Sequence
from typing import Any

import torch

from ..batch import Batch, Tokens, padded
from ..doctor import ANSWER_TOKENS, CHATS, Found
from ..engines import Sampling
from ..engines._torch import OpenTransformers
from ..loop import tokens
from ..models import load_tokenizer
from ..records import Chat, Row, Text, Turn, batches
from ..signals import Dense, TeacherSignal
from ..spans import Sides
from ..teachers.endpoint import Endpoint
from ..teachers.other_model import OtherModel
from ..template import Template
from ..training import TrainSettings
from ..vocabulary import PROBES, one_vocabulary, sizes_of
from . import Subject, found_in

MOST_LOST = 0.5
"""When less than this part of the answers' tokens is learned, most of what was paid for is thrown away."""
LATE = 0.5
"""Nats by which the token beside may be likelier: a model that has learned little repeats what it reads."""
MOST_UNEQUAL = {"float64": 0, "float32": 1 / 8, "float16": 1 / 2, "bfloat16": 1 / 2}
"""The part of short answers that low bits, which differ with the batch, may change where two tokens are nearly as likely.

A sound 135M-parameter model gave 3 of 8 answers of 10 tokens otherwise in bfloat16.
"""


def learned_of(row: Row) -> Chat | Text:
    """What is learned of a training row: itself, or the chat with the preferred answer."""
    return row.payload.answered[0] if row.payload.type == "preference" else row.payload


def tokenizers(settings: TrainSettings, template: Template, rows: Sequence[Row]) -> Found:
    """Whether another model that teaches has the student's vocabulary; with spans, how much of the answers aligns."""
    others = found_in(settings.objective, OtherModel)
    if not others:
        served = found_in(settings.objective, Endpoint)
        return Found("not applicable", "a server's is tried as training begins" if served else "no other model teaches")
    numbers = []
    for teacher in others:
        folder, other = teacher.model.trainable()
        tokenizer = load_tokenizer(folder, other)
        widths = sizes_of(settings.model.trainable()[0]).vocabulary, sizes_of(folder).vocabulary
        if teacher.align == "tokens":
            width = one_vocabulary(template, tokenizer, widths).width
            texts = [text for row in rows for text in (*parts(row)[0], parts(row)[1])]
            ours, theirs = (encoded(one, texts) for one in (template.tokenizer, tokenizer))
            unlike = [text for text, one, another in zip(texts, ours, theirs, strict=True) if one != another]
            if unlike:
                number = f"{len(unlike)} of {len(texts)} texts in other tokens"
                return Found("BROKEN", number, f"Such as {unlike[0][:60]!r}: the teacher would read something else.")
            numbers.append(f"{len(PROBES)} probes, {len(texts)} texts alike; {width:,} logits")
        else:
            sides = Sides.of(template, Template(tokenizer), widths)
            found = sides.numbered(tokens(template, row, settings.rich) for row in rows)
            if not found.rows:
                raise ValueError("no row's answer is written as the same bytes by both tokenizers")
            alike = sum(found.alike) / (len(found.alike) or 1)
            numbers.append(f"{len(found.rows)} of {len(rows)} rows align, {alike:.0%} of spans alike")
    return Found("ok", "; ".join(numbers))


def encoded(tokenizer: Any, texts: Sequence[str]) -> list[list[int]]:
    """The tokens of plain texts."""
    return tokenizer(list(texts), add_special_tokens=False)["input_ids"]


def round_trip(template: Template, rows: Sequence[Row]) -> Found:
    """Tokens of a row, read back, are its turns; and what looks like a special token in a text is none."""
    tokenizer = template.tokenizer
    lost = []
    for row in rows:
        ids, prompt = template.training(learned_of(row))
        read = [plain(tokenizer.decode(some)) for some in (ids[:prompt], ids[prompt:])]
        asked, learned = parts(row)
        if any(plain(text) not in read[0] for text in asked) or plain(learned) not in read[1]:
            lost.append(row.id)
    if lost:
        return Found(
            "BROKEN", f"{len(lost)} of {len(rows)} rows come back changed",
            f"The tokens of the row {lost[0]} are not its text: the tokenizer loses or changes letters of it, or the template "
            "leaves a turn out. Compare the tokenizer's files with those that the model was published with.",
        )  # fmt: skip
    added = (token.content for token in tokenizer.added_tokens_decoder.values() if token.special)
    special = sorted({*tokenizer.all_special_tokens, *added})
    known = set(tokenizer.convert_tokens_to_ids(special)) - {tokenizer.unk_token_id}
    forged, honest = (controls(template, text, known) for text in (" ".join(special), "x"))
    if forged != honest:
        return Found(
            "BROKEN", f"{abs(len(forged) - len(honest))} special tokens out of a text",
            "A text that holds the letters of a special token becomes that token, and could forge a turn.",
        )  # fmt: skip
    return Found("ok", f"{len(rows)} of {len(rows)} rows come back")


def controls(template: Template, text: str, known: set[int]) -> list[int]:
    """The special tokens of a chat that is made of a text."""
    turns = tuple(Turn(role=role, text=text, lang="eng") for role in ("user", "assistant"))
    return [id for id in template.training(Chat(turns=turns))[0] if id in known]


def parts(row: Row) -> tuple[list[str], str]:
    """(what is asked, what is learned) of a training row."""
    payload = learned_of(row)
    if payload.type == "text":
        return [], payload.text
    return [turn.text for turn in payload.asked.turns], payload.answer.text if payload.answer else ""


def plain(text: str) -> str:
    """A text without its spaces, letters in their usual form: tokenizers may change both."""
    return "".join(unicodedata.normalize("NFKC", text).split())


def end_token(template: Template, engine: OpenTransformers, rows: Sequence[Row]) -> Found:
    """Whole answers are trained to end with the template's end token, hold it nowhere else, and generation stops at it."""
    end, chats = template.end_of_turn, [learned_of(row) for row in rows if row.payload.type != "text"]
    name = template.tokenizer.convert_ids_to_tokens(end)
    trained = [template.training(chat) for chat in chats if chat.ended]
    ending = sum(ids[-1] == end for ids, _ in trained)
    inside = sum(end in ids[prompt:-1] for ids, prompt in trained)
    if not chats:
        return Found("not applicable", "no answers among the rows")
    if not trained or ending < len(trained):
        return Found(
            "BROKEN", f"{ending} of {len(chats)} answers end with {name!r}",
            "The student would not learn where an answer ends, and would go on for ever.",
        )  # fmt: skip
    if inside:
        return Found(
            "BROKEN", f"{inside} of {len(chats)} answers hold {name!r} inside",
            "What ends an answer stands within answers too, and would cut them: give a template that ends a turn with a "
            "token of its own (model.template=FILE.jinja).",
        )  # fmt: skip
    if not stops(engine, end, chats[0]):
        return Found(
            "BROKEN", f"generation goes on after {name!r}", "The engine does not know the template's end token as an end."
        )
    return Found("ok", f"{ending} of {len(chats)} answers end with {name!r}")


def stops(engine: OpenTransformers, end: int, chat: Chat) -> bool:
    """Whether an answer ends where the model says nothing but the end token."""

    def says_end(module: object, given: object, found: dict) -> None:
        found.logits[..., end] = float("inf")

    handle = engine.model.register_forward_hook(says_end)
    try:
        (answer,) = engine.answer([chat.asked], Sampling(max_tokens=2))
    finally:
        handle.remove()
    return answer.ended and not answer.text


def learned(template: Template, pool: Sequence[Row], most: int) -> Found:
    """The part of the answers' tokens that is learned, after filters, the longest row and the layout of a batch."""
    whole = filtered = cut = seen = 0
    for row in pool:
        if row.payload.type not in ("chat", "text", "preference") or not parts(row)[1]:
            continue
        ids, prompt = template.training(learned_of(row))
        count = len(template.answer(parts(row)[1]))
        whole += count
        if row.rejected:
            filtered += count
        elif len(ids) > most:
            cut += count
        else:
            ending = len(ids) - prompt - count
            seen += int(padded([Tokens(ids, prompt), Tokens(ids * 2, prompt)]).answers[0].sum()) - ending
    if not whole:
        return Found("not applicable", "no answers among the rows")
    number = f"{seen / whole:.1%} of {whole:,} tokens of answers"
    lost = f"Filters leave out {filtered / whole:.1%}, mix.max_tokens={most} {cut / whole:.1%}"
    if seen + filtered + cut != whole:
        rest = 1 - (seen + filtered + cut) / whole
        return Found("BROKEN", number, f"{lost}; {rest:.1%} is lost between a row and its batch.")
    if seen < MOST_LOST * whole:  # what filters leave out is meant, the rest is not
        state = "BROKEN" if seen < MOST_LOST * (whole - filtered) else "warning"
        return Found(state, number, f"{lost}: most of the answers teach nothing. polydistill rows RUN --rejected shows why.")
    return Found("ok", number, f"{lost}." if seen < whole else "")


def equal_answers(engine: OpenTransformers, rows: Sequence[Row]) -> Found:
    """The part of greedy answers that are the same one by one, four and sixteen at a time."""
    chats = list(dict.fromkeys(learned_of(row).asked for row in rows if row.payload.type in ("chat", "preference")))[:CHATS]
    if len(chats) < 2:
        return Found("not applicable", "fewer than two questions")
    sampling = Sampling(max_tokens=ANSWER_TOKENS)
    found = [[answer.text for some in batches(chats, size) for answer in engine.answer(some, sampling)] for size in (1, 4, 16)]
    equal = sum(len(set(three)) == 1 for three in zip(*found, strict=True))
    number = f"{equal} of {len(chats)} at 1, 4 and 16 at a time"
    if equal >= (1 - MOST_UNEQUAL[str(engine.model.dtype).removeprefix("torch.")]) * len(chats):
        return Found("ok", number)
    return Found(
        "BROKEN", number,
        "A row's answer depends on the rows beside it: the model sees padding, or counts its positions wrongly. "
        "Answer with model.batch_size=1 until it is mended.",
    )  # fmt: skip


def in_step(subject: Subject) -> Found:
    """Teachers that are other models find the answers' tokens likely in their own places, and not those beside them."""
    batch, found = subject.batch(), []
    for teacher, opened in subject.job.taught.items():
        with torch.no_grad(), subject.autocast():
            said = None if teacher.of_student else opened.signal(batch)
        if said and (said.dense or said.top_k):
            found.append([beside(said, batch, shift) for shift in (0, -1, 1)])
    if not found:
        return Found("not applicable", "no other model says what comes next")
    place, *others = max(found, key=lambda one: max(one[1:]) - one[0])
    number = f"{place:.1f} in place, {max(others):.1f} beside it"
    if max(others) < place + LATE:
        return Found("ok", number)
    return Found(
        "BROKEN", number,
        "Nats, of the answers' tokens: the teacher answers for the token before or after the one that it is asked about.",
    )  # fmt: skip


def beside(said: TeacherSignal, batch: Batch, shift: int) -> float:
    """What a teacher's signal at each answer token says of the one that stands ``shift`` after it in its row, in the mean."""
    lengths = batch.answers.sum(1).tolist()
    inside = [0 <= place + shift < length for length in lengths for place in range(length)]
    at = torch.tensor(inside, device=batch.device).nonzero()[:, 0]
    targets = batch.targets[at + shift]
    if said.dense:
        return Dense(said.dense.states[at], said.dense.head).log_likelihoods(targets).mean().item()
    ids, log_p = said.top_k.ids[at], said.top_k.log_p[at]
    listed = ids == targets[:, None]
    least = log_p.masked_fill(log_p.isneginf(), 0).min(1).values
    return torch.where(listed.any(1), log_p.masked_fill(~listed, -torch.inf).max(1).values, least).mean().item()
