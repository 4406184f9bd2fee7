import json
from pathlib import Path
from typing import Any

import pytest
import tiny
import tiny_gguf
from hypothesis import given
from hypothesis import strategies as st
from tiny_rows import ENG, chat, text
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

import polydistill
from polydistill.alignment import END, LETTERS, NotAligned, TokenBytes, aligned, cut, outcomes
from polydistill.batch import Tokens
from polydistill.engines import BadModel
from polydistill.losses import Sizes
from polydistill.models import load_tokenizer, plain_folder
from polydistill.signals import Wants
from polydistill.template import Template
from polydistill.vocabulary import PROBES, check_layers, one_vocabulary, sizes_of

OTHER = tiny.TEMPLATE.replace("<|start|>", "<s>").replace("<|end|>", "</s>")
BEGINS = "{{ bos_token }}" + tiny.TEMPLATE
UDHR = Path(polydistill.__file__).parent / "data" / "udhr"
SCRIPTS = {
    "emoji": "🙂👍🏽👩‍👩‍👧‍👦 ok 🇪🇸", "CJK": "你好,世界。こんにちは 안녕", "Devanagari": "नमस्ते दुनिया, क्षत्रिय",
    "combining": "cafe\u0301 a\u0323\u0302 Ẹ̀kọ́", "spaces": " two  three   \n\n\tend ",
    "code": "def f(x):\n    return x[1:]  # ok", "nothing": "", "one": "x",
}  # fmt: skip


def wrapped(inner: Tokenizer, marks: tuple[str, str] = ("<|start|>", "<|end|>"), template: str = tiny.TEMPLATE) -> Any:
    inner.add_special_tokens(list(marks))
    fast = PreTrainedTokenizerFast(tokenizer_object=inner, bos_token=marks[0], eos_token=marks[1], pad_token=marks[1])
    fast.chat_template = template
    return fast


def byte_level(size: int = 420, normal: Any = None, words: dict[str, int] | None = None, **more: Any) -> Any:
    """Byte-level BPE, as GPT-2, Llama 3 and Qwen have it: its tokens may end inside a letter; ``words`` that no merge makes."""
    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer, inner.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    if normal:
        inner.normalizer = normal
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    inner.train_from_iterator(
        [*PROBES, *SCRIPTS.values()] * 3, trainers.BpeTrainer(vocab_size=size, initial_alphabet=alphabet, show_progress=False)
    )
    state = json.loads(inner.to_str())
    state["model"]["vocab"] |= words or {}
    return wrapped(Tokenizer.from_str(json.dumps(state)), **more)


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


# One vocabulary or two


def test_one_vocabulary_may_be_padded_to_two_widths():
    """Qwen2.5 has 151,936 logits at one size and 152,064 at another (TRL #2215, #3028, #6252)."""
    one = MADE["byte level"]
    assert one_vocabulary(Template(one), byte_level(), (151_936, 152_064)) == (151_936, "")
    assert one_vocabulary(Template(one), byte_level(), (152_064, 151_936)) == (151_936, "")


def test_equal_widths_are_no_proof_of_one_vocabulary():
    """unsloth-zoo #965. The sentence has the text and both ids."""
    one = byte_level()
    ids = one.get_vocab()
    other = byte_level(words={"T": ids["h"], "h": ids["T"]})
    assert len(one) == len(other)
    first = rf"token 1 is {ids['T']} \('T'\) to the student and {ids['h']} \('T'\) to the teacher"
    with pytest.raises(ValueError, match=rf"of the text \"The quick.*{first}"):
        one_vocabulary(Template(one), other, (422, 422))


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("digits", lambda inner: setattr(inner, "pre_tokenizer", pre_tokenizers.Sequence(
            [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]))),
        ("normal forms", lambda inner: setattr(inner, "normalizer", normalizers.NFC())),
        ("spaces", lambda inner: setattr(inner, "pre_tokenizer", pre_tokenizers.ByteLevel(add_prefix_space=True))),
        ("the beginning", lambda inner: setattr(inner, "normalizer", normalizers.Strip())),
        ("case", lambda inner: setattr(inner, "normalizer", normalizers.Lowercase())),
    ],
)  # fmt: skip
def test_the_same_words_cut_otherwise_are_found_by_a_probe(name: str, change: Any):
    one, other = byte_level(700), byte_level(700)
    change(other.backend_tokenizer)
    assert one.get_vocab() == other.get_vocab()
    with pytest.raises(ValueError, match=r"of the text .* to the student and .* to the teacher"):
        one_vocabulary(Template(one), other, (702, 702))


def test_a_word_that_no_probe_has_is_compared_too():
    one, other = (byte_level(words={word: 420}) for word in ("zqzq", "qzqz"))
    with pytest.raises(ValueError, match=r"token 420 is 'zqzq' to the student and 'qzqz' to the teacher"):
        one_vocabulary(Template(one), other, (430, 430))


def test_the_marks_of_the_students_template_must_be_the_teachers_too():
    """A teacher that ends its turns with another token would be asked about one that it never writes."""
    one, renamed = byte_level(), byte_level(marks=("<|start|>", "</s>"))
    with pytest.raises(ValueError, match=r"token 421 is '<\|end\|>' to the student and '</s>' to the teacher"):
        one_vocabulary(Template(one), renamed, (430, 430))
    plain = byte_level()
    plain.chat_template = "{% for m in messages %}{{ m['content'] + '<|end|>' }}{% endfor %}"
    with_reserved, other = (byte_level(marks=(mark, "<|end|>")) for mark in ("<|reserved|>", "<|other|>"))
    with_reserved.chat_template = plain.chat_template
    with_reserved.bos_token = None
    assert one_vocabulary(Template(with_reserved), other, (430, 430)).width == 430, "the template never writes the other one"
    lacking = byte_level()
    lacking.add_special_tokens({"additional_special_tokens": ["<|turn|>"]})
    lacking.chat_template = tiny.TEMPLATE.replace("<|start|>", "<|turn|>")
    with pytest.raises(ValueError, match=r"lacks token 422, '<\|turn\|>', which the student's template writes"):
        one_vocabulary(Template(lacking), one, (430, 430))


def test_tokens_that_one_of_them_lacks_are_cut_off_and_named():
    one, more = byte_level(), byte_level()
    more.add_tokens(["<tool>", "</tool>"])
    found = one_vocabulary(Template(one), more, (430, 435))
    assert found.width == 422, "padding stays where both have it, but no real token is compared with padding"
    assert "2 tokens" in found.note
    assert "'<tool>' (422, the teacher's)" in found.note
    assert one_vocabulary(Template(more), one, (435, 430)).width == 422
    assert one_vocabulary(Template(one), more, (422, 435)).width == 422


def test_a_token_that_one_of_them_lacks_in_the_middle_is_refused():
    one, holed = (byte_level(words={"za": 420, **more, "zc": 422}) for more in ({"zb": 421}, {"zd": 500}))
    with pytest.raises(ValueError, match="the student alone has token 421, 'zb', amid tokens of both"):
        one_vocabulary(Template(one), holed, (430, 430))


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


# Sizes


def test_sizes_are_read_without_weights(random_model: Path, tmp_path: Path):
    expected = Sizes(width=32, layers=2, heads=4, vocabulary=260)
    assert sizes_of(random_model) == expected
    assert sizes_of(tiny_gguf.write(random_model, tmp_path / "m.gguf")) == expected


def test_sizes_that_are_not_stated_are_refused(tmp_path: Path):
    folder = tiny.model_folder(tmp_path / "m")
    (folder / "config.json").write_text('{"model_type": "nothing such"}')
    with pytest.raises(BadModel, match=r"how large the model of .* cannot be read"):
        sizes_of(folder)
    from gguf import GGUFWriter

    writer = GGUFWriter(tmp_path / "m.gguf", "llama")
    writer.add_block_count(0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with pytest.raises(BadModel, match="does not state its width, layers, heads"):
        sizes_of(tmp_path / "m.gguf")


def test_layers_that_are_not_there_are_refused_with_both_sizes():
    small, large = Sizes(32, 2, 4, 260), Sizes(64, 6, 8, 260)
    for fine in (Wants(hidden=(0, 6, -1, -7)), Wants(relations=(1, 6, -1, -6))):
        check_layers(fine, small, large)
    for wrong in (
        Wants(hidden=(7,)),
        Wants(hidden=(-8,)),
        Wants(relations=(0,)),
        Wants(relations=(-7,)),
        Wants(relations=(7,)),
    ):
        with pytest.raises(ValueError, match=r"layer -?\d are asked of a teacher with 6 layers of width 64; .* 2 of width 32"):
            check_layers(wrong, small, large)


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
