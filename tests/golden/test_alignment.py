import json
from pathlib import Path
from typing import Any

import pytest
import tiny
from hypothesis import given
from hypothesis import strategies as st
from tiny_rows import ENG, chat, text
from tiny_tokenizers import SCRIPTS, byte_level, wrapped
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

import polydistill
from polydistill.alignment import END, LETTERS, NotAligned, TokenBytes, aligned, cut, outcomes
from polydistill.batch import Tokens
from polydistill.models import load_tokenizer, plain_folder
from polydistill.template import Template
from polydistill.vocabulary import PROBES, one_vocabulary

OTHER = tiny.TEMPLATE.replace("<|start|>", "<s>").replace("<|end|>", "</s>")
BEGINS = "{{ bos_token }}" + tiny.TEMPLATE
UDHR = Path(polydistill.__file__).parent / "data" / "udhr"


def unigram(first: str = "first", fallback: bool = True, **more: Any) -> Any:
    """Unigram with spaces as letters and bytes for what it does not know, as SentencePiece has it."""
    trained = Tokenizer(models.Unigram())
    trained.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=first)
    trained.train_from_iterator(PROBES[:4] * 3, trainers.UnigramTrainer(vocab_size=150, show_progress=False, unk_token="<unk>"))
    words = json.loads(trained.to_str())["model"]["vocab"]
    known = {word for word, _ in words}
    words = [("<unk>", 0.0), *((f"<0x{b:02X}>", -20.0) for b in range(256)), *((w, s) for w, s in words if w != "<unk>")]
    assert "<unk>" in known
    inner = Tokenizer(models.Unigram(words, unk_id=0, byte_fallback=fallback))
    inner.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=first, split=False)
    strip = [decoders.Strip(" ", 1, 0)] if first != "never" else []
    inner.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), *strip])
    fast = wrapped(inner, **more)
    fast.unk_token = "<unk>"
    return fast


MADE = {
    "bytes": tiny.tokenizer(),
    "byte level": byte_level(),
    "byte level, other marks": byte_level(600, marks=("<s>", "</s>"), template=OTHER),
    "byte level, begins": byte_level(380, template=BEGINS),
    "unigram": unigram(),
    "unigram, no space before": unigram("never"),
}
SIDES = {name: TokenBytes(Template(tokenizer)) for name, tokenizer in MADE.items()}
every_side = pytest.mark.parametrize("side", SIDES.values(), ids=SIDES)
every_pair = pytest.mark.parametrize(
    ("one", "other"), [(a, b) for a in SIDES.values() for b in SIDES.values()], ids=[f"{a}|{b}" for a in SIDES for b in SIDES]
)


def row(side: TokenBytes, answer: str, ended: bool = True, question: str = "Why?") -> Tokens:
    """An answered question as a student with this tokenizer has it."""
    made = chat("q", ENG, question, answer, ended)
    return Tokens(*side.template.training(made.payload), id="q", payload=made.payload)


# Bytes


def test_the_letters_of_bytes_are_those_of_the_library():
    assert LETTERS.keys() == set(pre_tokenizers.ByteLevel.alphabet())
    level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    for letter in "a é\n你🙂\u00ad":
        assert bytes(LETTERS[c] for c in level.pre_tokenize_str(letter)[0][0]) == letter.encode()


@every_side
@pytest.mark.parametrize("name", SCRIPTS)
def test_multi_byte_text_is_placed_by_bytes_not_characters(side: TokenBytes, name: str):
    """TRL #4393: decoding token by token gives a replacement character wherever one ends inside a letter."""
    said = SCRIPTS[name]
    pieces = side.each([*side.template.answer(said), side.template.end_of_turn], "q")
    assert pieces[-1] == END
    assert b"".join(pieces[:-1]) == ((side.before if said[:1] != " " else b"") + said.encode() if said else b"")


@every_side
@given(said=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="▁")))
def test_any_text_is_placed_by_bytes(side: TokenBytes, said: str):
    pieces = side.each(side.template.answer(said), "q")
    assert b"".join(pieces) in (said.encode(), side.before + said.encode())


def test_some_tokens_do_end_inside_a_letter():
    """Or the tests above would show nothing."""
    for name in ("byte level", "unigram"):
        pieces = SIDES[name].each(SIDES[name].template.answer(SCRIPTS["emoji"]), "q")
        assert any(0x80 <= piece[0] < 0xC0 for piece in pieces), "which is never a letter's first byte"


def test_a_space_that_a_tokenizer_writes_by_itself_is_known():
    assert {name: side.before for name, side in SIDES.items() if side.before} == {"unigram": b" "}


def test_bytes_that_are_not_known_are_refused():
    inner = Tokenizer(models.WordPiece({"[UNK]": 0, "a": 1, "##b": 2}, unk_token="[UNK]"))
    inner.decoder = decoders.WordPiece()
    with pytest.raises(ValueError, match=r"which bytes the tokens of .* stand for is not known \(WordPiece\)"):
        TokenBytes(Template(wrapped(inner)))
    bare = wrapped(Tokenizer(models.BPE({"a": 0}, [])))
    with pytest.raises(ValueError, match="no decoder"):
        TokenBytes(Template(bare))


# Spans


def test_spans_end_where_both_end_a_token():
    assert cut([b"ab", b"c", b"d"], [b"a", b"bc", b"d"]) == ([0, 0, 1], [0, 0, 1])
    assert cut([b"ab", b"c"], [b"ab", b"c"]) == ([0, 1], [0, 1])
    assert cut([b"abc"], [b"a", b"b", b"c"]) == ([0], [0, 0, 0])
    assert cut([b"", b"ab"], [b"a", b"", b"b"]) == ([0, 0], [0, 0, 0])
    assert cut([b"a", b"", b"b"], [b"a", b"b"]) == ([0, 0, 1], [0, 1])
    assert cut([b"", b"a"], [b"", b"a"]) == ([0, 0], [0, 0])
    assert cut([], []) == ([], [])


@every_pair
@pytest.mark.parametrize("said", [" ".join(SCRIPTS.values()), "x", ""])
def test_spans_cover_the_answer_and_their_bytes_are_equal(one: TokenBytes, other: TokenBytes, said: str):
    given = row(one, said)
    found = aligned(given, one, other)
    ours = one.each(given.ids[-given.learned :], "q")
    theirs = other.each(found.tokens.ids[found.tokens.prompt :], "q")
    assert (len(found.own), len(found.of)) == (len(ours), len(theirs))
    assert found.own == sorted(found.own)
    assert {*found.own} == {*found.of} == {*range(len(found.alike))}
    for span, alike in enumerate(found.alike):
        mine, others = (
            [piece for piece, at in zip(pieces, spans, strict=True) if at == span]
            for pieces, spans in ((ours, found.own), (theirs, found.of))
        )
        trim = (one.before, other.before) if span == 0 else (b"", b"")
        assert b"".join(mine).removeprefix(trim[0]) == b"".join(others).removeprefix(trim[1])
        assert alike == (len(mine) == len(others) == 1 and mine == others)
    if one is other:
        assert all(found.alike)


def test_a_word_with_a_space_before_it_is_another_token_than_without():
    """Their bytes in the answer are equal, what the tokens stand for is not: the two are no common outcome."""
    one, other = SIDES["byte level"], SIDES["unigram"]
    sides = [[side.of[id] for id in side.template.answer("s")] for side in (one, other)]
    assert sides == [[b"s"], [b" s"]]
    assert aligned(row(one, "s"), one, other).alike == [False, True]


def test_a_beginning_token_on_one_side_moves_nothing():
    """TRL #5885, #4392: one more token at the front shifted every later pair, and the spans fell together into one."""
    one, other = byte_level(), byte_level(template=BEGINS)
    plain, begins = (TokenBytes(Template(tokenizer)) for tokenizer in (one, other))
    found = aligned(row(plain, "So it is, they say."), plain, begins)
    assert found.tokens.ids[0] == found.tokens.ids[1] == 420
    assert len(found.tokens.ids) == len(row(plain, "So it is, they say.").ids) + 1
    assert found.own == found.of == [*range(len(found.own))]
    assert all(found.alike)


def test_each_side_reads_the_question_in_its_own_template():
    one, other = SIDES["byte level"], SIDES["byte level, other marks"]
    found = aligned(row(one, "So."), one, other)
    assert other.template.tokenizer.decode(found.tokens.ids) == "<s>user\nWhy?</s>\n<s>assistant\nSo.</s>"
    assert found.tokens.prompt == len(other.template.prompt(chat("q", ENG, "Why?", "So.").payload.asked))
    plain = text("t", "Words.").payload
    given = Tokens(*one.template.training(plain), id="t", payload=plain)
    assert aligned(given, one, other).tokens.ids == [*other.template.start, *other.template.answer("Words.")]


def test_the_end_stands_against_the_end_and_a_cut_answer_has_none():
    one, other = SIDES["byte level"], SIDES["unigram"]
    found = aligned(row(one, "So."), one, other)
    assert found.tokens.ids[-1] == other.template.end_of_turn
    assert found.alike[-1]
    assert (found.own.count(found.own[-1]), found.of.count(found.of[-1])) == (1, 1)
    assert other.template.end_of_turn not in aligned(row(one, "So.", ended=False), one, other).tokens.ids[-2:]


def test_an_answer_written_while_training_is_what_is_aligned():
    one, other = SIDES["byte level"], SIDES["unigram"]
    written = row(one, "So.").answered([*one.template.answer("Because of the fox."), one.template.end_of_turn])
    found = aligned(written, one, other)
    assert b"".join(other.each(found.tokens.ids[found.tokens.prompt :], "q")) == b" Because of the fox." + END


def test_what_cannot_be_aligned_names_the_row_and_the_byte():
    one = SIDES["byte level"]
    changes = TokenBytes(Template(byte_level(normal=normalizers.NFC())))
    with pytest.raises(NotAligned, match=r"row q cannot be aligned: from byte 5 on .* b'e\\xcc\\x81'.* b'\\xc3\\xa9'"):
        aligned(row(one, "a cafe\u0301"), one, changes)
    unknown = TokenBytes(Template(unigram(fallback=False)))
    with pytest.raises(NotAligned, match=r"row q cannot be aligned: token 0 .*stands for no text"):
        aligned(row(one, "你好"), one, unknown)
    with pytest.raises(
        NotAligned, match=r"row q cannot be aligned: token 420 \('<\|start\|>'\) in its answer stands for no text"
    ):
        aligned(row(one, "So.").answered([5, 420, 6]), one, SIDES["unigram"])
    half = one.template.answer("ab🙂")[:-1]
    with pytest.raises(NotAligned, match="row q cannot be aligned: byte 2 of its answer is no UTF-8"):
        aligned(row(one, "So.").answered(half), one, SIDES["unigram"])
    with pytest.raises(ValueError, match="only the tokens of row q are known"):
        aligned(row(one, "So.")._replace(payload=None), one, SIDES["unigram"])


# What both can name


@every_pair
def test_outcomes_are_tokens_of_equal_bytes(one: TokenBytes, other: TokenBytes):
    ours, theirs = outcomes(one, other, (10_000, 10_000))
    assert len(ours) == len({*ours}) == len({*theirs}) == len(theirs) > 200
    assert [(one.of.get(a), other.of.get(b)) for a, b in zip(ours, theirs, strict=True)][:-1] == [
        (one.of[a], one.of[a]) for a in ours[:-1]
    ]
    assert (ours[-1], theirs[-1]) == (one.template.end_of_turn, other.template.end_of_turn)
    if one is other:
        assert {*ours} >= {*one.of} - {id for id, piece in one.of.items() if [*one.of.values()].count(piece) > 1}


def test_outcomes_are_only_what_the_logits_have():
    one = SIDES["byte level"]
    assert max(outcomes(one, one, (300, 400))[0][:-1]) == 299


def test_a_word_counts_rather_than_the_byte_that_says_the_same():
    """Both ``<0x61>`` and ``a`` may stand for one byte; the tokenizer writes the latter."""
    side = SIDES["unigram"]
    ours, _ = outcomes(side, SIDES["bytes"], (10_000, 260))
    named = {side.of[id]: side.template.tokenizer.convert_ids_to_tokens(id) for id in ours[:-1]}
    assert named[b"a"] == "a"
    assert named[b"\xe4"] == "<0xE4>"


@pytest.mark.real
def test_a_real_tokenizer_is_placed_by_bytes_in_many_languages():
    gguf = Path((Path(__file__).parents[2] / ".cache/model").read_text("utf-8").strip())
    side = TokenBytes(Template(load_tokenizer(plain_folder(gguf))))
    assert one_vocabulary(side.template, side.template.tokenizer, (49_152, 49_280)) == (49_152, "")
    with pytest.raises(ValueError, match="of the text"):
        one_vocabulary(side.template, MADE["byte level"], (49_152, 49_152))
    texts = [file.read_text("utf-8")[:2000] for file in sorted(UDHR.glob("*.txt"))] + [*PROBES, *SCRIPTS.values()]
    assert len(texts) > 25
    for said in texts:
        pieces = side.each(side.template.answer(said), "q")
        assert b"".join(pieces) == said.encode()
    for other in SIDES.values():
        for said in SCRIPTS.values():
            found = aligned(row(side, said), side, other)
            assert {*found.own} == {*found.of}
            assert found.alike[-1]
