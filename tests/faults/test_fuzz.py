"""Readers, the guard, settings and the heads of models under inputs that nobody thought of.

Each target runs for ``FUZZ_SECONDS`` (4 unless told) from where chance began the same way each time; told longer, elsewhere.
What a long run has found lies in ``corpus/TARGET/`` and is tried first, always.
"""

import unicodedata
from collections.abc import Callable
from pathlib import Path

import numpy
import pytest
from pydantic import ValidationError
from tiny_fuzz import changed, fuzz
from tiny_hostile import ENG, LANGUAGES, SPA, one_sentence, read
from tiny_plan import GOOD

from polydistill import guard
from polydistill.component import identity
from polydistill.engines import BadModel
from polydistill.faults import REASONS
from polydistill.foreign.gguf_head import read_gguf_head
from polydistill.languages.dictionaries import read_dictionary
from polydistill.plan import Plan, read_plan
from polydistill.privacy.keys import masked
from polydistill.privacy.visible import HIDDEN, WRITTEN, visible
from polydistill.records import Lang, Row, digest
from polydistill.sources import BadInput
from polydistill.sources.file import File
from polydistill.sources.mallard import Mallard
from polydistill.sources.multiway import Multiway
from polydistill.sources.parallel import Parallel
from polydistill.sources.text import Text
from polydistill.translators import OpenTranslator
from polydistill.yaml_tree import PlanError

pytestmark = pytest.mark.faults

# Readers of data

UNIT = b'<tu tuid="1"><tuv xml:lang="en"><seg>a <ph>x</ph>b</seg></tuv><tuv xml:lang="es"><seg>c d</seg></tuv></tu>'
SEEDS: dict[str, tuple[str, tuple[bytes, ...]]] = {
    "questions": ("a.jsonl", (
        b'{"question": "a b", "answer": "c"}\n{"question": "d", "system": "e"}\n', b'[{"question": "a"}, {"question": "b"}]',
        b'{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": [{"text": "b"}]}]}\n',
        b'{"conversations": [{"from": "human", "value": "a"}]}\n', b'{"instruction": "a", "input": "b", "output": "c"}\n',
    )),
    "pairs": ("a.jsonl", (b'{"source": "a", "target": "b", "id": 1}\n', b'{"translation": {"en": "a", "es": "b"}}\n')),
    "columns": ("a.tsv", (b"a\tb\nc\td\n", b"id\teng\tspa\n1\ta\tb\n")),
    "memories": ("a.tmx", (b'<?xml version="1.0"?><!DOCTYPE tmx SYSTEM "t.dtd"><tmx><body>' + UNIT * 2 + b"</body></tmx>",)),
    "texts": ("a.txt", (b"one\ntwo\n\nthree\n", "él\u00ad\u2028 niño\r\n\r\n".encode())),
    "sentences": ("a.jsonl", (
        b'{"id": 1, "text": "a", "iso_639_3": "eng", "iso_15924": "Latn"}\n{"id": 1, "text": "b", "iso_639_3": "spa"}\n',
    )),
    "dictionary": ("a.tsv", (b"# x\ndog\tperro\ncat\tgato\tx\n",)),
    "pages": ("a.page", (
        b'<page xmlns="http://projectmallard.org/1.0/"><info><desc>a b c d</desc></info><title>t</title><section>'
        b"<title>s</title><p>one <link/> two <key>x</key></p><list><item><p>i</p></item></list></section></page>",
    )),
}  # fmt: skip
READERS: dict[str, Callable[[Path], object]] = {
    "questions": lambda path: read(File(path=path)) and read(File(path=path, on_error="skip")),
    "pairs": lambda path: read(Parallel(path=path, on_error="skip")),
    "columns": lambda path: read(Parallel(path=path, on_error="skip")),
    "memories": lambda path: read(Parallel(path=path, on_error="skip")),
    "texts": lambda path: read(Text(path=path, on_error="skip")),
    "sentences": lambda path: read(Multiway(path=path)),
    "dictionary": lambda path: read_dictionary(path),
    "pages": lambda path: list(Mallard(folder=path.parents[2], documents=("d",)).read(LANGUAGES)),
}


@pytest.mark.parametrize("target", SEEDS)
def test_a_reader_gives_rows_or_a_sentence(target: str, tmp_path: Path):
    name, seeds = SEEDS[target]
    path = tmp_path / name
    if target == "pages":
        path = tmp_path / "C" / "d" / name
        for code in ("C", "es"):
            (tmp_path / code / "d").mkdir(parents=True)
            (tmp_path / code / "d" / name).write_bytes(seeds[0].replace(b"one", b"uno"))

    def check(content: bytes) -> None:
        path.write_bytes(content)
        read_dictionary.cache_clear()
        try:
            READERS[target](path)
        except BadInput as refused:
            one_sentence(refused)

    fuzz(target, changed(*seeds), check)


def test_a_line_is_a_row_or_none():
    rows = [
        b'{"id": "q-1", "lineage": {"question": "q-1", "marks": ["x"]}, "payload": {"type": "chat", "turns": '
        b'[{"role": "user", "text": "a", "lang": "eng"}, {"role": "assistant", "text": "b", "lang": "eng", "pieces": ["b"]}]}}',
        b'{"id": "p", "lineage": {}, "payload": {"type": "parallel", "source": "a", "target": "b", "source_lang": "eng",'
        b' "target_lang": "spa"}, "rejected": "loop"}',
        b'{"id": "t", "lineage": {}, "payload": {"type": "text", "text": "a", "lang": "pt-BR"}}',
    ]

    def check(content: bytes) -> None:
        try:
            row = Row.model_validate_json(content)
        except ValidationError:
            return
        assert Row.model_validate_json(row.to_json()) == row

    fuzz("rows", changed(*rows), check)


def test_the_head_of_a_model_is_read_or_refused(tmp_path: Path):
    import gguf

    writer = gguf.GGUFWriter(tmp_path / "whole.gguf", "llama")
    writer.add_name("tiny")
    writer.add_context_length(64)
    writer.add_token_list(["a", "b"])
    writer.add_tensor("token_embd.weight", numpy.zeros((2, 4), dtype="float32"))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    whole = (tmp_path / "whole.gguf").read_bytes()
    path = tmp_path / "m.gguf"

    def check(content: bytes) -> None:
        path.write_bytes(content)
        try:
            read_gguf_head(path)
        except BadModel as refused:
            one_sentence(refused)

    fuzz("gguf", changed(whole, whole[:24]), check)


# Settings


def test_any_text_is_a_plan_or_mistakes(tmp_path: Path):
    path = tmp_path / "plan.yaml"
    more = b"""\
recipe: sdrrl
model: {openai: {base_url: http://a/v1, model: m, extra: {a: [1, {b: null}]}, key_variable: A}}
from: eng
to: [spa, pt-BR]
answer: {temperature: 0.5, seed: 3, model: {llama_cpp: {path: a.gguf}}}
mix: {builders: [{code_switch: {by: word, share: 0.1}}, translation_rows], filters: [looping], texts: [{text: {path: a}}]}
choose: {retain: {score: text_bits, language: eng, worse_by: 2%}, scales: [1.0, 0.8]}
"""

    def check(content: bytes) -> None:
        path.write_bytes(content)
        try:
            plan = read_plan(str(path))
        except PlanError as refused:
            one_sentence(refused)
            return
        assert isinstance(plan, Plan)
        assert digest([name for name in plan.written()])
        assert digest(identity(plan.mix.sampler))

    fuzz("plans", changed(GOOD.encode(), more), check)


def test_any_change_is_a_setting_or_a_mistake(tmp_path: Path):
    path = tmp_path / "plan.yaml"
    path.write_text(GOOD)
    seeds = (
        b"answer.max_tokens=5", b"mix.builders=[{language_pairs: {same: 0.5}}]", b"mix.builders.language_pairs.rich=0.5",
        b"to=es,pt-BR", b"model.transformers.path=x", b"choose.scales=[1.0, 0.5]", b"train.lora={rank: 4}", b"name=a",
        b"runs=b", b"from=en",
    )  # fmt: skip

    def check(content: bytes) -> None:
        try:
            assert isinstance(read_plan(str(path), [content.decode("utf-8", "surrogateescape")]), Plan)
        except PlanError as refused:
            one_sentence(refused)

    fuzz("changes", changed(*seeds), check)


# The guard


class Anything(OpenTranslator):
    """Gives back what it was told to, one after the other, whatever it is asked."""

    def __init__(self, replies: list[str]):
        self.replies = replies

    def translate(self, texts: list[str], source: Lang, target: Lang) -> list[str | None]:
        found = [self.replies[int(digest(text)[:8], 16) % len(self.replies)] for text in texts]
        return [
            None if reply == "none" else text if reply == "same" else reply for text, reply in zip(texts, found, strict=True)
        ]


def test_whatever_a_translator_gives_there_is_a_text_in_pieces_and_a_reason():
    seeds = (
        "Open `a.txt` at https://a.b/c?d=1 and **press** <b>Enter</b> 3 times.\n\n- Then $x^2$ go.\nsame",
        "Hello {name}, it is 5.\nnone",
        "```\ncode\n```\nXQAX XQBX\n1. One. Two! ¿Tres?\nXQAX", "a\nXQAXXQAX \u2028\n\x00",
        "Ünï 你好。世界 XQ\n\ufffdXQBX 12,5",
    )  # fmt: skip

    def check(content: bytes) -> None:
        *source, back = content.decode("utf-8", "replace").split("\n")
        texts = ["\n".join(source), back, ""]
        found = guard.translate(Anything([back, "same", "none", *source]), texts, ENG, SPA)
        assert len(found) == len(texts)
        for text, one in zip(texts, found, strict=True):
            assert "".join(one.pieces) == one.text
            assert len(one.pieces) == len(guard.split(text))
            assert "".join(guard.split(text)) == text
            assert one.reason in ("", *REASONS)

    fuzz("guard", changed(*(seed.encode() for seed in seeds)), check)


# What is shown


def test_whatever_is_shown_steers_no_terminal_and_is_masked_once():
    seeds = (
        b"sk-proj-aB3dE5gH7jK9mN1pQ2rS",
        b"http://me:pass@host/?key=x&y=1",
        "\x1b]0;a\x07\u202e\u2066x\u2069\ud7ff".encode(),
        b"Bearer aB3dE5gH7jK9mN1pQ2",
    )

    def check(content: bytes) -> None:
        text = content.decode("utf-8", "surrogateescape")
        shown = visible(text)
        assert not [c for c in shown if unicodedata.category(c) in HIDDEN and c not in WRITTEN]
        assert visible(shown) == shown
        assert masked(masked(text)) == masked(text)

    fuzz("shown", changed(*seeds), check)
