"""Tiny translators for tests: a stand-in for the program `apertium`, one of lines, a random CTranslate2 model, an engine."""

import io
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from polydistill.engines import Answer, Engine, OpenEngine, Sampling
from polydistill.records import Chat

APERTIUM = """\
import pathlib, sys
arguments = sys.argv[1:]
here = pathlib.Path(__file__).parent
if "-l" in arguments:
    print("  " + "\\n  ".join((here / "modes").read_text().split()))
    sys.exit()
assert arguments[:4] == ["-u", "-z", "-f", "none"], arguments
(here / "runs").open("a").write(arguments[4] + "\\n")
sys.stdin.reconfigure(encoding="utf-8", newline="")
for part in sys.stdin.read().split("\\0"):
    if "CRASH" in part:
        sys.exit("the tagger crashed")
    if "LOST" not in part:
        sys.stdout.buffer.write((part.upper() + "\\0").encode())
"""
"""Speaks the part of Apertium's stream format that matters: escapes and blanks come back as they are, words in upper case."""

LINES = """\
import sys
source, target, how = sys.argv[1:4]
for line in sys.stdin.buffer.read().decode("utf-8").splitlines():
    if how != "short":
        sys.stdout.buffer.write((line.upper() + "\\n").encode("utf-8"))
sys.exit(3 if how == "fails" else 0)
"""


def program(path: Path, text: str) -> Path:
    """An executable Python program."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Through sh: a shebang cannot name an interpreter whose path has a space. Python reads the two lines as a string.
    start = f"#!/bin/sh\n'''exec' \"{sys.executable}\" \"$0\" \"$@\"\n' '''\n"
    path.write_text(start + text, "utf-8")
    path.chmod(0o755)
    return path


def apertium(folder: Path, modes: str = "eng-spa spa-eng eng-cat spa-por es-pt_BR eng-cat_valencia") -> Path:
    """A folder for the front of PATH."""
    program(folder / "apertium", APERTIUM)
    (folder / "modes").write_text(modes, "utf-8")
    (folder / "runs").write_text("", "utf-8")
    return folder


def ct2_model(folder: Path, tokens: Sequence[str] = ("eng_Latn", "spa_Latn", "cat_Latn"), end: float = 1.0) -> Path:
    """A random model of one layer that knows these language tokens; ``end`` is how much it likes to end a translation."""
    import numpy as np
    import sentencepiece
    from ctranslate2.specs import TransformerSpec

    folder.mkdir(parents=True, exist_ok=True)
    corpus = ["the house is big and new", "la casa es grande y nueva", "the dog eats 12 fish", "el perro come 12 peces"]
    written = io.BytesIO()  # a file's name would stand in the model
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(corpus * 10), model_writer=written, vocab_size=50, hard_vocab_limit=False, minloglevel=2
    )
    (folder / "sentencepiece.bpe.model").write_bytes(written.getvalue())
    pieces = sentencepiece.SentencePieceProcessor(model_proto=written.getvalue())
    known = [pieces.id_to_piece(number) for number in range(pieces.get_piece_size())]
    vocabulary = [
        "<s>",
        "<blank>",
        "</s>",
        "<unk>",
        *(piece for piece in known if piece not in ("<s>", "</s>", "<unk>")),
        *tokens,
    ]
    draw, width, size = np.random.default_rng(0), 16, len(vocabulary)

    def linear(spec, rows: int, columns: int) -> None:
        spec.weight, spec.bias = draw.normal(size=(rows, columns)).astype("float32") / 4, np.zeros(rows, "float32")

    def norm(spec) -> None:
        spec.gamma, spec.beta = np.ones(width, "float32"), np.zeros(width, "float32")

    model = TransformerSpec.from_config(1, 2, pre_norm=True)
    for part, words in ((model.encoder, model.encoder.embeddings[0]), (model.decoder, model.decoder.embeddings)):
        words.weight = draw.normal(size=(size, width)).astype("float32")
        part.scale_embeddings = True
        part.position_encodings.encodings = draw.normal(size=(512, width)).astype("float32") / 8
        norm(part.layer_norm)
        for layer in part.layer:
            for spec in (layer.self_attention, layer.ffn):
                norm(spec.layer_norm)
            linear(layer.self_attention.linear[0], 3 * width, width)
            linear(layer.self_attention.linear[1], width, width)
            linear(layer.ffn.linear_0, 32, width)
            linear(layer.ffn.linear_1, width, 32)
    crossing = model.decoder.layer[0].attention
    norm(crossing.layer_norm)
    for spec, rows in zip(crossing.linear, (width, 2 * width, width), strict=True):
        linear(spec, rows, width)
    linear(model.decoder.projection, size, width)
    model.decoder.projection.bias[vocabulary.index("</s>")] = end
    model.register_source_vocabulary(vocabulary)
    model.register_target_vocabulary(vocabulary)
    model.config.decoder_start_token = "</s>"
    model.validate()
    model.save(str(folder))
    return folder


class ShoutingEngine(Engine):
    """Answers with the last line of the question in upper case; has no room for LONG questions and does not end CUT ones."""

    @contextmanager
    def open(self) -> Iterator[OpenEngine]:
        yield _Shouting()


class _Shouting(OpenEngine):
    template = "none"

    def answer(self, chats: Sequence[Chat], sampling: Sampling, seeds: Sequence[int] | None = None) -> list[Answer]:
        assert sampling.temperature == 0
        said = [chat.question.text.split("\n")[-1].upper() for chat in chats]
        return [Answer(f" {text}\n", "CUT" not in text) for text in said]

    def score(self, chats: Sequence[Chat | None], texts: Sequence[str]) -> list[float]:
        raise AssertionError("nothing is scored")

    def room(self, chats: Sequence[Chat]) -> list[int]:
        return [-1 if "LONG" in chat.question.text else 100 for chat in chats]

    def count(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]


def words(path: Path, entries: dict[str, str]) -> Path:
    """A dictionary file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{one}\t{other}\n" for one, other in entries.items()), "utf-8")
    return path


def plain(value: object) -> object:
    """A value as it is after a way through JSON."""
    return json.loads(json.dumps(value))
